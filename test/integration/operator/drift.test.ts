import * as assert from "uvu/assert";
import { base64, condition, decoded, state } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { custom, from } from "#support/operator/specs";
import { operatorSuite } from "#support/operator/suite";

/** What somebody does to a published Secret is undone, and nothing else of theirs is. */
const { promise, run } = operatorSuite("drift");

const target = { labels: { team: "payments" }, annotations: { "example.com/note": "Ours." } };
const ORDERS = custom({ A: "1", B: "2" }, { target });
const LABELS = { team: "payments", "app.kubernetes.io/managed-by": "appsecret-operator" };
const ANNOTATIONS = { "example.com/note": "Ours.", "appsecret.dev/owner": "orders" };

for (const [what, patch] of [
  ["an edited value", { data: { A: base64("edited") } }],
  ["a removed key", { data: { A: null } }],
  ["a key that somebody put in", { data: { EXTRA: base64("x") } }],
  ["a key that somebody put in as text", { stringData: { EXTRA: "x" } }],
  ["no content at all", { data: null }],
  ["an edited label of ours", { metadata: { labels: { team: "other" } } }],
  ["a removed label of ours", { metadata: { labels: { team: null } } }],
  ["the removed managed-by label", { metadata: { labels: { "app.kubernetes.io/managed-by": null } } }],
  ["no labels at all", { metadata: { labels: null } }],
  ["an edited annotation of ours", { metadata: { annotations: { "example.com/note": "Theirs." } } }],
  ["the removed ownerReference", { metadata: { ownerReferences: null } }],
] as const) {
  promise(`${what} is put right in the same Secret`, async (env) => {
    await env.apply("orders", ORDERS);
    const { metadata: owner } = await env.ready("orders", "True/Published");
    const { metadata } = await env.secret("orders");
    await env.patchSecret("orders", patch);
    await eventually(async () => {
      const secret = await env.secret("orders");
      assert.equal(decoded(secret), { A: "1", B: "2" });
      assert.equal(secret.metadata.labels, LABELS);
      assert.equal(secret.metadata.annotations, ANNOTATIONS);
      assert.equal(
        secret.metadata.ownerReferences?.map(({ uid }) => uid),
        [owner.uid],
      );
      assert.is(secret.metadata.uid, metadata.uid);
    });
    await eventually(async () => {
      const [secret, { status }] = await Promise.all([env.secret("orders"), env.appSecret("orders")]);
      assert.is(status?.secret?.resourceVersion, secret.metadata.resourceVersion);
    });
  });
}

promise("labels and annotations that others put on it stay, also when something is put right", async (env) => {
  await env.apply("orders", ORDERS);
  await env.ready("orders", "True/Published");
  await env.patchSecret("orders", {
    data: { A: base64("edited") },
    metadata: { labels: { backup: "daily" }, annotations: { "example.com/seen": "yes" } },
  });
  await eventually(async () => assert.equal(await env.values("orders"), { A: "1", B: "2" }));
  const { metadata } = await env.secret("orders");
  assert.equal(metadata.labels, { ...LABELS, backup: "daily" });
  assert.equal(metadata.annotations, { ...ANNOTATIONS, "example.com/seen": "yes" });
});

promise("a deleted Secret comes back, as often as it is deleted, and the status follows", async (env) => {
  await env.apply("orders", ORDERS);
  await env.ready("orders", "True/Published");
  for (let round = 0; round < 5; round += 1) {
    const { metadata } = await env.secret("orders");
    await env.deleteSecret("orders");
    const back = await eventually(async () => {
      const secret = await env.secret("orders");
      assert.is.not(secret.metadata.uid, metadata.uid);
      return secret;
    });
    assert.equal(decoded(back), { A: "1", B: "2" });
    await eventually(async () => assert.is((await env.appSecret("orders")).status?.secret?.uid, back.metadata.uid));
  }
});

promise("a Secret that is held by a finalizer and deleted is made anew once it is gone", async (env) => {
  await env.apply("orders", ORDERS);
  await env.ready("orders", "True/Published");
  const { metadata } = await env.patchSecret("orders", { metadata: { finalizers: ["example.com/stay"] } });
  await env.deleteSecret("orders");
  await env.patchSecret("orders", { metadata: { finalizers: null } });
  await eventually(async () => {
    const secret = await env.secret("orders");
    assert.is.not(secret.metadata.uid, metadata.uid);
    assert.equal(decoded(secret), { A: "1", B: "2" });
  });
});

promise("two writers that never stop do not make a storm of the operator's writes", async (env) => {
  await env.apply("orders", ORDERS);
  await env.ready("orders", "True/Published");
  const secrets = await env.recordSecrets();
  const edits = 20;
  for (let edit = 0; edit < edits; edit += 1) await env.patchSecret("orders", { data: { A: base64(`edit ${edit}`) } });
  await eventually(async () => assert.equal(await env.values("orders"), { A: "1", B: "2" }));
  assert.ok(secrets.events.length <= 2 * edits, `${secrets.events.length} writes for ${edits} edits`);
});

promise(
  "a last good Secret that is deleted while its source is missing cannot be restored, and the status says so",
  async (env) => {
    await env.putSecret("upstream", { token: "one" });
    await env.apply("keys", custom({ TOKEN: from("upstream", "token") }));
    await env.ready("keys", "True/Published");
    await env.deleteSecret("upstream");
    await env.ready("keys", "False/SourceNotFound");
    await env.deleteSecret("keys");
    const lost = await eventually(async () => {
      const found = await env.appSecret("keys");
      assert.is(state(found, "Published"), "False/NotPublished");
      return found;
    });
    assert.match(
      condition(lost, "Published").message,
      'Secret "keys" (generation 1) was deleted and cannot be restored',
    );
    assert.is(lost.status?.binding, undefined);
    await env.putSecret("upstream", { token: "two" });
    await env.ready("keys", "True/Published");
    assert.equal(await env.values("keys"), { TOKEN: "two" });
  },
);

run();
