import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { OperatorError } from "#common/operator-error";
import type { ExecPlugin } from "./exec-plugin.ts";
import { readKubeconfigFiles } from "./kubeconfig-file.ts";

/**
 * Which API server to connect to, and as whom: from the Pod's service account, or from the current context of a
 * kubeconfig (kubeconfig-file.ts).
 */
export type KubeConfig = {
  /** `https://host:port`, with a path if the API server is served under one; no slash at the end. */
  server: string;
  inCluster: boolean;
  /** The namespace of the Pod, or of the kubeconfig's context. */
  namespace?: string;
  cluster: KubeCluster;
  user: KubeUser;
};

/** How to reach the cluster. Where there are data and a file, the data counts, as it does for kubectl. */
export type KubeCluster = {
  name: string;
  /** PEM in base64. */
  caData?: string;
  caFile?: string;
  skipTLSVerify?: boolean;
  tlsServerName?: string;
  proxyUrl?: string;
  /** What the cluster's extension `client.authentication.k8s.io/exec` has for an exec plugin. */
  execConfig?: unknown;
};

/** Who connects. Files are read when they are used, because what is in them rotates. */
export type KubeUser = {
  name: string;
  certData?: string;
  certFile?: string;
  keyData?: string;
  keyFile?: string;
  token?: string;
  /** Wins over `token`. */
  tokenFile?: string;
  username?: string;
  password?: string;
  exec?: ExecPlugin;
  impersonate?: Impersonation;
};

export type Impersonation = { user: string; uid?: string; groups: string[]; extra: Record<string, string[]> };

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Looks where controller-runtime looks, in the same order: $KUBECONFIG, the Pod's service account, ~/.kube/config.
 *
 * @throws OperatorError `InvalidKubeconfig`: one line that names the file and what is wrong with it, never its content
 */
export async function loadKubeConfig(
  env: NodeJS.ProcessEnv = process.env,
  serviceAccount = SERVICE_ACCOUNT,
): Promise<KubeConfig> {
  const named = (env["KUBECONFIG"] ?? "").split(delimiter).filter((file) => file !== "");
  if (named.length > 0) return readKubeconfigFiles(named);
  const host = env["KUBERNETES_SERVICE_HOST"];
  if (host !== undefined && existsSync(join(serviceAccount, "token"))) {
    return fromServiceAccount(serviceAccount, host, env["KUBERNETES_SERVICE_PORT"] ?? "443");
  }
  const home = join(env["HOME"] ?? homedir(), ".kube", "config");
  if (existsSync(home)) return readKubeconfigFiles([home]);
  throw new OperatorError(
    "InvalidKubeconfig",
    "no cluster is configured: set KUBECONFIG, or run in a Pod that mounts a service account token",
  );
}

async function fromServiceAccount(folder: string, host: string, port: string): Promise<KubeConfig> {
  const namespace = (await readFile(join(folder, "namespace"), "utf8").catch(() => "")).trim();
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    inCluster: true,
    ...(namespace === "" ? {} : { namespace }),
    cluster: { name: "in-cluster", caFile: join(folder, "ca.crt") },
    user: { name: "service-account", tokenFile: join(folder, "token") },
  };
}
