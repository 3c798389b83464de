/** On an existing cluster (USE_EXISTING_CLUSTER=true) the demo replaces nothing, and removes what it created. */
import type { ControlPlane } from "#testbed/control-plane/index";
import { NAMESPACES } from "./scenes.ts";
import type { Stage } from "./stage.ts";
import { DemoError } from "./stage.ts";

const NAMESPACE_OF_OPERATOR = "appsecret-system";
const CRD = "appsecrets.appsecret.dev";

/**
 * @returns a function that removes everything that the demo created; on a control plane of its own it does nothing
 * @throws DemoError when the cluster already has something with a name that the demo uses
 */
export async function prepareGuest(cluster: ControlPlane, stage: Stage): Promise<() => Promise<void>> {
  if (!cluster.existing) return async () => undefined;
  const namespaces = [...NAMESPACES, NAMESPACE_OF_OPERATOR];
  const { stdout } = await stage.quietly(
    `kubectl get --ignore-not-found -o name crd/${CRD} ${namespaces.map((name) => `namespace/${name}`).join(" ")}`,
  );
  const there = stdout.trim().split("\n").filter(Boolean);
  if (there.length > 0) {
    throw new DemoError(
      `The cluster of KUBECONFIG=${cluster.kubeconfigPath} already has ${there.join(", ")}, which the demo would create and delete. ` +
        `Unset USE_EXISTING_CLUSTER: the demo then starts its own control plane.`,
    );
  }
  return async () => {
    // Not on the stage: it is closed after a Ctrl-C.
    await cluster.kubectl(["delete", "namespace", "--ignore-not-found", ...namespaces]);
    await cluster.kubectl(["delete", "--ignore-not-found", "-f", "crds/", "-f", "hack/rbac.yaml"]);
  };
}
