import type { ControlPlane } from "#testbed/control-plane/index";
import { connect } from "./operator/api.ts";
import { createEnvironment } from "./operator/environment.ts";
import { COLLECTED_WITHIN_MS } from "./operator/eventually.ts";
import { custom } from "./operator/specs.ts";
import { gone } from "./operator/waits.ts";

/** Installs the CRD and the admission policies, and whatever `more` names, as a person does. */
export async function installCrds(cluster: ControlPlane, more: readonly string[] = []): Promise<void> {
  for (const args of [
    ["apply", "--filename", "crds/", ...more.flatMap((file) => ["--filename", file])],
    ["wait", "--for", "condition=Established", "--timeout", "60s", "crd", "--all"],
  ]) {
    const { code, stdout, stderr } = await cluster.kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")} failed:\n${stderr}${stdout}`);
  }
}

/** Waits until the garbage collector knows AppSecrets: before that, the Secret of a deleted AppSecret stays. */
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
