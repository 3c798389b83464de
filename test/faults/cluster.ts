import type { ControlPlane } from "#testbed/control-plane/index";
import { connect } from "#support/operator/api";
import { createEnvironment } from "#support/operator/environment";
import { COLLECTED_WITHIN_MS } from "#support/operator/eventually";
import { custom } from "#support/operator/specs";
import { gone } from "./waits.ts";

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

/** Waits until the garbage collector knows AppSecrets: before that, the Secret of a deleted one stays. */
export async function collects(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const api = await connect(env);
  const place = await createEnvironment(api, "collects");
  const { apiVersion, kind, metadata } = await place.apply("owner", custom({ A: "1" }));
  const ownerReferences = [{ apiVersion, kind, name: metadata.name, uid: metadata.uid }];
  await place.putSecret("owned", {}, { metadata: { name: "owned", ownerReferences } });
  await place.deleteAppSecret("owner");
  await gone(place, "owned", COLLECTED_WITHIN_MS);
  await api.remove(`/api/v1/namespaces/${place.namespace}`);
  await api.close();
}
