import type { ControlPlane } from "../../hack/control-plane/index.ts";

/** Our CRD and policies, as a person installs them: for a control plane that the test runner did not start. */
export async function installCrds(cluster: ControlPlane): Promise<void> {
  for (const args of [
    ["apply", "--filename", "crds/"],
    ["wait", "--for", "condition=Established", "--timeout", "60s", "crd", "--all"],
  ]) {
    const { code, stdout, stderr } = await cluster.kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")} failed:\n${stderr}${stdout}`);
  }
}
