import * as assert from "uvu/assert";
import type { AppSecret } from "#api/schema/spec";
import type { Environment, Secret } from "#support/operator/environment";
import { condition, decoded, state } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { custom } from "#support/operator/specs";
import { operatorSuite } from "#support/operator/suite";

/** Whose Secret is it? A Secret that is not an AppSecret's own is never touched. */
const { promise, run } = operatorSuite("ownership");

/** A Secret with the given metadata stays as it was, and the AppSecret that wants its name says why. */
async function refuses(env: Environment, metadata: object, why: RegExp): Promise<AppSecret> {
  await env.putSecret("orders", { THEIRS: "1" }, { metadata: { name: "orders", ...metadata } });
  const before = await env.secret("orders");
  await env.apply("orders", custom({ OURS: "1" }));
  const refused = await env.ready("orders", "False/SecretNotOwned");
  assert.is(state(refused, "Accepted"), "True/Accepted");
  assert.is(state(refused, "Published"), "False/SecretNotOwned");
  assert.is(state(refused, "Stalled"), "True/SecretNotOwned");
  assert.match(condition(refused, "Ready").message, why);
  assert.is(refused.status?.secret, undefined);
  assert.equal(await env.secret("orders"), before);
  return refused;
}

promise(
  "a Secret that nobody gave to an AppSecret is not touched, and the status says how to hand it over",
  async (env) => {
    await refuses(env, {}, /exists and is not managed by an AppSecret.*hand it over \(kubectl annotate secret/);
  },
);

promise("a Secret of another AppSecret is not touched", async (env) => {
  await refuses(env, { annotations: { "appsecret.dev/owner": "somebody" } }, /belongs to AppSecret "somebody"/);
});

promise("a Secret that another controller controls is not touched, although it is annotated", async (env) => {
  const shop = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "shop" } };
  const { metadata } = await env.api.create<Secret>(`/api/v1/namespaces/${env.namespace}/configmaps`, shop);
  const controller = { apiVersion: "v1", kind: "ConfigMap", name: "shop", uid: metadata.uid, controller: true };
  const annotations = { "appsecret.dev/owner": "orders" };
  await refuses(env, { annotations, ownerReferences: [controller] }, /is controlled by ConfigMap "shop"/);
});

promise(
  "a Secret that is handed over, with the command from the status, becomes exactly what is asked",
  async (env) => {
    const refused = await refuses(env, { labels: { theirs: "stays" } }, /hand it over/);
    const [, command = ""] = /\(kubectl (annotate secret .*)\)/.exec(condition(refused, "Ready").message) ?? [];
    const { metadata } = await env.secret("orders");
    const { code, stderr } = await env.kubectl(command.split(" "));
    assert.is(code, 0, stderr);

    const done = await env.ready("orders", "True/Published");
    assert.is(state(done, "Stalled"), "");
    const secret = await env.secret("orders");
    assert.is(secret.metadata.uid, metadata.uid);
    assert.equal(decoded(secret), { OURS: "1" });
    assert.is(secret.metadata.labels?.["theirs"], "stays");
    assert.is(secret.metadata.ownerReferences?.[0]?.uid, done.metadata.uid);
  },
);

promise("a Secret without any content that is handed over gets ours", async (env) => {
  await env.putSecret(
    "orders",
    {},
    { data: null, metadata: { name: "orders", annotations: { "appsecret.dev/owner": "orders" } } },
  );
  await env.apply("orders", custom({ OURS: "1", TOO: "2" }));
  await env.ready("orders", "True/Published");
  assert.equal(await env.values("orders"), { OURS: "1", TOO: "2" });
});

promise("a Secret that is handed over but is not Opaque is refused, and replaced once it is deleted", async (env) => {
  const annotations = { "appsecret.dev/owner": "orders" };
  const tls = { type: "kubernetes.io/tls", metadata: { name: "orders", annotations } };
  await env.putSecret("orders", { "tls.crt": "PEM", "tls.key": "KEY" }, tls);
  const before = await env.secret("orders");
  await env.apply("orders", custom({ OURS: "1" }));
  const refused = await env.ready("orders", "False/SecretNotOwned");
  assert.match(condition(refused, "Ready").message, /is not of type Opaque\. Delete it, or choose another/);
  assert.equal(await env.secret("orders"), before);
  await env.deleteSecret("orders");
  await env.ready("orders", "True/Published");
});

promise("a foreign Secret that goes away makes room", async (env) => {
  await refuses(env, {}, /is not managed by an AppSecret/);
  await env.deleteSecret("orders");
  await env.ready("orders", "True/Published");
  assert.equal(await env.values("orders"), { OURS: "1" });
});

promise("a foreign Secret in the place of a deleted one is not touched", async (env) => {
  await env.apply("orders", custom({ OURS: "1" }));
  await env.ready("orders", "True/Published");
  await env.apply("orders", custom({ OURS: "1" }, { suspend: true }));
  await env.ready("orders", "True/Suspended");
  await env.deleteSecret("orders");
  const theirs = await env.putSecret("orders", { OURS: "1" });
  await env.apply("orders", custom({ OURS: "1" }));
  await env.ready("orders", "False/SecretNotOwned");
  assert.is((await env.secret("orders")).metadata.resourceVersion, theirs.metadata.resourceVersion);
});

promise("a Secret whose owner annotation somebody removes is left alone until it is back", async (env) => {
  await env.apply("orders", custom({ A: "1" }));
  await env.ready("orders", "True/Published");
  const released = await env.patchSecret("orders", { metadata: { annotations: { "appsecret.dev/owner": null } } });
  await env.ready("orders", "False/SecretNotOwned");
  assert.is((await env.secret("orders")).metadata.resourceVersion, released.metadata.resourceVersion);
  await env.patchSecret("orders", { metadata: { annotations: { "appsecret.dev/owner": "orders" } } });
  await env.ready("orders", "True/Published");
});

promise("an update to the name of a foreign Secret keeps the old Secret", async (env) => {
  await env.putSecret("taken", { THEIRS: "1" });
  await env.apply("orders", custom({ A: "1" }));
  await env.ready("orders", "True/Published");
  await env.apply("orders", custom({ A: "2" }, { target: { name: "taken" } }));
  const kept = await env.ready("orders", "False/SecretNotOwned");
  assert.match(condition(kept, "Ready").message, 'Secret "orders" still holds generation 1');
  assert.equal(kept.status?.binding, { name: "orders" });
  assert.equal(await env.values("orders"), { A: "1" });
  assert.equal(await env.values("taken"), { THEIRS: "1" });
});

promise(
  "of two AppSecrets with one target name the owner keeps it, and the other one follows when it goes",
  async (env) => {
    await env.apply("first", custom({ FROM: "first" }, { target: { name: "shared" } }));
    await env.ready("first", "True/Published");
    const before = await env.secret("shared");
    await env.apply("second", custom({ FROM: "second" }, { target: { name: "shared" } }));
    const refused = await env.ready("second", "False/SecretNotOwned");
    assert.match(condition(refused, "Ready").message, 'Secret "shared" belongs to AppSecret "first"');
    assert.equal(await env.secret("shared"), before);
    assert.is(state(await env.appSecret("first"), "Ready"), "True/Published");

    await env.deleteAppSecret("first");
    await env.ready("second", "True/Published");
    assert.equal(await env.values("shared"), { FROM: "second" });
  },
);

promise("an owner that chooses another target name makes room for the next one", async (env) => {
  await env.apply("first", custom({ FROM: "first" }, { target: { name: "shared" } }));
  await env.ready("first", "True/Published");
  await env.apply("second", custom({ FROM: "second" }, { target: { name: "shared" } }));
  await env.ready("second", "False/SecretNotOwned");
  await env.apply("first", custom({ FROM: "first" }));
  await env.ready("second", "True/Published");
  assert.equal(await env.values("shared"), { FROM: "second" });
  assert.equal(await env.values("first"), { FROM: "first" });
});

promise("of AppSecrets with one target name that are created at once, exactly one publishes", async (env) => {
  const names = ["a", "b", "c", "d", "e"];
  const secrets = await env.recordSecrets();
  await Promise.all(names.map((name) => env.apply(name, custom({ FROM: name }, { target: { name: "shared" } }))));
  const all = await Promise.all(names.map((name) => env.evaluated(name)));
  const [winner, ...more] = all.filter((one) => state(one, "Ready") === "True/Published");
  assert.is(more.length, 0);
  for (const other of all) {
    if (other === winner) continue;
    assert.is(state(other, "Ready"), "False/SecretNotOwned");
    assert.match(condition(other, "Ready").message, `belongs to AppSecret "${winner?.metadata.name ?? ""}"`);
  }
  assert.equal(await env.values("shared"), { FROM: winner?.metadata.name });
  await eventually(() => assert.is(secrets.events.length, 1));
});

run();
