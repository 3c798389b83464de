/** A cluster that is already running, named by KUBECONFIG: used as it is, neither started nor stopped. */
import { dirname } from "node:path";
import { ensureBinaries, findOnPath } from "./binaries.ts";
import { childEnvironment } from "./environment.ts";
import { ControlPlaneError } from "./failure.ts";
import type { ControlPlane } from "./control-plane.ts";
import { runKubectl } from "./kubectl.ts";

/** @throws {ControlPlaneError} `ExistingCluster` when KUBECONFIG is not set or its cluster does not answer. */
export async function useExistingCluster(env: NodeJS.ProcessEnv): Promise<ControlPlane> {
  const kubeconfigPath = env["KUBECONFIG"];
  if (kubeconfigPath === undefined || kubeconfigPath === "") {
    throw new ControlPlaneError(
      "ExistingCluster",
      "USE_EXISTING_CLUSTER=true needs a cluster. Set KUBECONFIG to its kubeconfig.",
    );
  }
  const kubectlPath = (await findOnPath("kubectl", env)) ?? (await ensureBinaries({ env })).kubectl;
  const binDir = dirname(kubectlPath);
  const childEnv = childEnvironment(env, binDir, {});
  const kubectl: ControlPlane["kubectl"] = (args, { input } = {}) =>
    runKubectl(kubectlPath, args, { env: childEnv, input });

  const answer = await kubectl(["get", "--raw", "/readyz", "--request-timeout", "15s"]);
  if (answer.code !== 0) {
    const why = answer.stderr.trim().split("\n").at(-1) ?? "";
    throw new ControlPlaneError(
      "ExistingCluster",
      `The cluster of KUBECONFIG=${kubeconfigPath} does not respond: ${why}`,
    );
  }
  const refuse = async () => {
    throw new ControlPlaneError(
      "ExistingCluster",
      "The servers of an existing cluster cannot be stopped or started from here.",
    );
  };
  return {
    existing: true,
    kubeconfigPath,
    binDir,
    env: childEnv,
    pids: {},
    kubectl,
    stopApiServer: refuse,
    startApiServer: refuse,
    restartApiServer: refuse,
    stopEtcd: refuse,
    startEtcd: refuse,
    restartEtcd: refuse,
    restartControllerManager: refuse,
    stop: async () => undefined,
  };
}
