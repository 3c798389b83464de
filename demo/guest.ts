/** On a cluster that is not ours (USE_EXISTING_CLUSTER=true) the demo takes nobody's place, and leaves as it came. */
import type { ControlPlane } from "#testbed/control-plane/index";
import { NAMESPACES } from "./scenes.ts";
import type { Stage } from "./stage.ts";
import { DemoError } from "./stage.ts";

const NAMESPACE_OF_OPERATOR = "appsecret-system";
const CRD = "appsecrets.appsecret.dev";

/**
 * @returns what removes everything that the demo makes; for a cluster of our own there is nothing to do
 * @throws DemoError when something of the demo's names is there already
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
      `The cluster of KUBECONFIG=${cluster.kubeconfigPath} has ${there.join(", ")}, which the demo makes and removes. ` +
        `Unset USE_EXISTING_CLUSTER: the demo then starts a control plane of its own.`,
    );
  }
  return async () => {
    // Not on the stage: it is closed after a Ctrl-C.
    await cluster.kubectl(["delete", "namespace", "--ignore-not-found", ...namespaces]);
    await cluster.kubectl(["delete", "--ignore-not-found", "-f", "crds/", "-f", "hack/rbac.yaml"]);
  };
}
