/** Two programs use the same client: each writes under its own name, and the operator takes back only what it wrote itself. */
import * as assert from "uvu/assert";
import { OPERATOR_NAME } from "#api/names";
import type { PartialObject } from "#common/object-meta";
import { createClient } from "#kube/client/client";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import { eventually } from "#support/operator/eventually";
import { custom } from "#support/operator/specs";
import { operatorSuite } from "#support/operator/suite";

const { promise, run } = operatorSuite("field-manager");

promise("what another program wrote with this client stays after the operator's update", async (env) => {
  await env.apply("shared", custom({ A: "1" }));
  await env.ready("shared", "True/Published");
  const config = await loadKubeConfig();
  const clients = ["another-program", OPERATOR_NAME].map((fieldManager) => createClient(config, { fieldManager }));
  const path = env.paths.secret("shared");
  try {
    for (const [index, client] of clients.entries()) {
      const patch = { metadata: { labels: { [`written-${index}`]: "yes" } } };
      const { metadata } = await client.patch<PartialObject>(path, patch, "merge", { metadataOnly: true });
      assert.ok(metadata.managedFields?.some(({ manager }) => manager === "another-program"));
    }
    await env.apply("shared", custom({ A: "2" }));
    await env.ready("shared", "True/Published");
    await eventually(async () => {
      assert.equal(await env.values("shared"), { A: "2" });
      const { labels } = (await env.secret("shared")).metadata;
      assert.is(labels?.["written-0"], "yes");
      // The operator's own name: it has written this label, as far as it can see, and the AppSecret does not name it.
      assert.is(labels?.["written-1"], undefined);
    });
  } finally {
    for (const client of clients) await client.close();
  }
});

run();
