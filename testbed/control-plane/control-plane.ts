/** What a control plane is to those who use it, whether it was started here or runs elsewhere. */
import type { KubectlResult } from "./kubectl.ts";
import type { Flags } from "./servers.ts";

export type ControlPlaneOptions = {
  /** Further flags of kube-apiserver, without the dashes; they override the defaults. */
  apiServerFlags?: Flags;
  /** Further controllers of kube-controller-manager, by name: `deployment-controller`. */
  controllers?: readonly string[];
  /** Instead of this process's own environment. */
  env?: NodeJS.ProcessEnv;
  /** Receives warnings, such as a server that exited unexpectedly. Default: stderr. */
  warn?: (message: string) => void;
};

export type ControlPlane = {
  /** True for a cluster that was running before (USE_EXISTING_CLUSTER): then `stop` leaves it, and nothing restarts. */
  readonly existing: boolean;
  readonly kubeconfigPath: string;
  /** Has kubectl. */
  readonly binDir: string;
  /** For child processes: the caller's environment with KUBECONFIG, and with `binDir` first on PATH. */
  readonly env: Record<string, string>;
  /** Process ids of what runs now: to measure a server, or to pause it with SIGSTOP. */
  readonly pids: { readonly etcd?: number; readonly apiServer?: number; readonly controllerManager?: number };
  /** The address of the API server, and what a proxy on 127.0.0.1 needs to stand in for it (PEM files). */
  readonly server?: { url: string; adminToken: string; caPath: string; certificatePath: string; keyPath: string };
  kubectl(args: readonly string[], options?: { input?: string }): Promise<KubectlResult>;
  /** Default signal: SIGTERM, an orderly end. SIGKILL is a crash. Ports, certificates, tokens and data stay the same. */
  stopApiServer(signal?: NodeJS.Signals): Promise<void>;
  startApiServer(): Promise<void>;
  restartApiServer(signal?: NodeJS.Signals): Promise<void>;
  stopEtcd(signal?: NodeJS.Signals): Promise<void>;
  startEtcd(): Promise<void>;
  restartEtcd(signal?: NodeJS.Signals): Promise<void>;
  restartControllerManager(signal?: NodeJS.Signals): Promise<void>;
  /** Resolves when every process has ended and the directory is gone. May be called more than once. */
  stop(): Promise<void>;
};
