import * as assert from "uvu/assert";
import { condition, state } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { custom, database, from, MONGODB_URI } from "#support/operator/specs";
import { operatorSuite } from "#support/operator/suite";

/** Values that come from other Secrets: missing, appearing, changing, disappearing, wrong. */
const { promise, run } = operatorSuite("sources");

promise("a missing source is named with its field, waited for, and used the moment it appears", async (env) => {
  await env.apply("orders-db", database({}, from("upstream", "uri")));
  const waiting = await env.ready("orders-db", "False/SourceNotFound");
  assert.is(state(waiting, "Accepted"), "False/SourceNotFound");
  assert.is(state(waiting, "Published"), "False/NotPublished");
  assert.is(state(waiting, "Reconciling"), "True/SourceNotFound");
  assert.is(state(waiting, "Stalled"), "");
  assert.match(condition(waiting, "Ready").message, 'spec.database.mongodbUri refers to Secret "upstream"');
  assert.is(await env.findSecret("orders-db"), undefined);

  await env.putSecret("upstream", { uri: MONGODB_URI });
  const done = await env.ready("orders-db", "True/PublishedUnverified");
  assert.is(state(done, "Reconciling"), "");
  assert.is((await env.values("orders-db"))["MONGODB_URI"], MONGODB_URI);
});

promise("a missing key is named with its field and Secret, and used the moment it appears", async (env) => {
  await env.putSecret("upstream", { other: "1" });
  await env.apply("keys", custom({ TOKEN: from("upstream", "token") }));
  const waiting = await env.ready("keys", "False/SourceKeyNotFound");
  assert.match(condition(waiting, "Ready").message, /spec\.custom\.data\[TOKEN\].*key "token" of Secret "upstream"/);
  assert.is(state(waiting, "Reconciling"), "True/SourceKeyNotFound");

  await env.putSecret("upstream", { token: "t0ken" });
  await env.ready("keys", "True/Published");
  assert.equal(await env.values("keys"), { TOKEN: "t0ken" });
});

promise("a source that changes is published again, in every Secret that uses it", async (env) => {
  await env.putSecret("upstream", { token: "one" });
  for (const name of ["a", "b", "c"]) await env.apply(name, custom({ TOKEN: from("upstream", "token") }));
  for (const name of ["a", "b", "c"]) await env.ready(name, "True/Published");
  await env.putSecret("upstream", { token: "two" });
  for (const name of ["a", "b", "c"]) {
    await eventually(async () => assert.equal(await env.values(name), { TOKEN: "two" }));
  }
});

promise("a source that changes in a key nobody uses leaves the published Secret alone", async (env) => {
  await env.putSecret("upstream", { token: "one" });
  await env.apply("keys", custom({ TOKEN: from("upstream", "token") }));
  await env.ready("keys", "True/Published");
  const before = await env.secret("keys");
  const changed = await env.putSecret("upstream", { token: "one", other: "new" });
  await eventually(async () => {
    const { status } = await env.appSecret("keys");
    assert.is(status?.sources?.[0]?.resourceVersion, changed.metadata.resourceVersion);
  });
  assert.is((await env.secret("keys")).metadata.resourceVersion, before.metadata.resourceVersion);
});

promise("a source that disappears leaves the last good Secret; one that comes back is used", async (env) => {
  await env.putSecret("upstream", { token: "one" });
  await env.apply("keys", custom({ TOKEN: from("upstream", "token") }));
  await env.ready("keys", "True/Published");
  const before = await env.secret("keys");

  await env.deleteSecret("upstream");
  const kept = await env.ready("keys", "False/SourceNotFound");
  assert.is(state(kept, "Published"), "False/KeptLastGood");
  assert.match(condition(kept, "Ready").message, 'Secret "keys" still holds generation 1');
  assert.equal(kept.status?.binding, { name: "keys" });
  assert.is((await env.secret("keys")).metadata.resourceVersion, before.metadata.resourceVersion);

  await env.putSecret("upstream", { token: "two" });
  await env.ready("keys", "True/Published");
  assert.equal(await env.values("keys"), { TOKEN: "two" });
});

promise("a source that loses the key leaves the last good Secret", async (env) => {
  await env.putSecret("upstream", { token: "one" });
  await env.apply("keys", custom({ TOKEN: from("upstream", "token") }));
  await env.ready("keys", "True/Published");
  await env.patchSecret("upstream", { data: { token: null, other: "eA==" } });
  await env.ready("keys", "False/SourceKeyNotFound");
  assert.equal(await env.values("keys"), { TOKEN: "one" });
});

promise("a source is used whatever its type is", async (env) => {
  await env.putSecret("certificate", { "tls.crt": "PEM", "tls.key": "KEY" }, { type: "kubernetes.io/tls" });
  await env.apply("keys", custom({ CERTIFICATE: from("certificate", "tls.crt") }));
  await env.ready("keys", "True/Published");
  assert.equal(await env.values("keys"), { CERTIFICATE: "PEM" });
});

promise("a ServiceAccount's token is a source like any other: its changes are followed", async (env) => {
  const metadata = { name: "robot", annotations: { "kubernetes.io/service-account.name": "default" } };
  const type = "kubernetes.io/service-account-token";
  // Kubernetes deletes the token of an account that is not there yet.
  await eventually(() => env.api.get(`/api/v1/namespaces/${env.namespace}/serviceaccounts/default`));
  await env.putSecret("robot", { issuer: "one" }, { metadata, type });
  await env.apply("keys", custom({ ISSUER: from("robot", "issuer"), TOKEN: from("robot", "token") }));
  await env.ready("keys", "True/Published");
  await env.putSecret("robot", { issuer: "two" }, { metadata, type });
  await eventually(async () => assert.is((await env.values("keys"))["ISSUER"], "two"));
  await env.deleteSecret("robot");
  await env.ready("keys", "False/SourceNotFound");
});

promise("an AppSecret may read what another one publishes, in any order", async (env) => {
  await env.apply("second", custom({ TOKEN: from("first", "TOKEN") }));
  await env.ready("second", "False/SourceNotFound");
  await env.apply("first", custom({ TOKEN: "one" }));
  await env.ready("second", "True/Published");
  await env.apply("first", custom({ TOKEN: "two" }));
  await eventually(async () => assert.equal(await env.values("second"), { TOKEN: "two" }));
});

promise("an AppSecret that reads the Secret that it publishes is told so", async (env) => {
  await env.apply("keys", custom({ A: from("keys", "A") }));
  const refused = await env.ready("keys", "False/InvalidSpec");
  assert.is(state(refused, "Stalled"), "True/InvalidSpec");
  assert.match(condition(refused, "Ready").message, "cannot also read values from it");
});

promise("a connection string from a Secret is judged like a literal one, without being quoted", async (env) => {
  await env.putSecret("upstream", { uri: "postgres://user:hunter2@db.example.com" });
  await env.apply("orders-db", database({}, from("upstream", "uri")));
  const refused = await env.ready("orders-db", "False/InvalidSpec");
  const { message } = condition(refused, "Ready");
  assert.match(message, 'key "uri" of Secret "upstream" must begin with mongodb:// or mongodb+srv://');
  assert.not.match(message, "hunter2");
  assert.is(state(refused, "Stalled"), "True/InvalidSpec");

  await env.putSecret("upstream", { uri: MONGODB_URI });
  await env.ready("orders-db", "True/PublishedUnverified");
  await env.putSecret("upstream", { uri: "mongodb://" });
  await env.ready("orders-db", "False/InvalidSpec");
  assert.is((await env.values("orders-db"))["MONGODB_URI"], MONGODB_URI);
});

promise("an update from a literal value to a reference that is missing keeps the literal one", async (env) => {
  await env.apply("keys", custom({ TOKEN: "one" }));
  await env.ready("keys", "True/Published");
  await env.apply("keys", custom({ TOKEN: from("upstream", "token") }));
  const kept = await env.ready("keys", "False/SourceNotFound");
  assert.is(kept.status?.secret?.generation, 1);
  assert.equal(await env.values("keys"), { TOKEN: "one" });
  await env.putSecret("upstream", { token: "two" });
  await env.ready("keys", "True/Published");
  assert.equal(await env.values("keys"), { TOKEN: "two" });
});

promise("an update that drops a reference no longer follows that Secret", async (env) => {
  await env.putSecret("upstream", { token: "one" });
  await env.apply("keys", custom({ TOKEN: from("upstream", "token") }));
  await env.ready("keys", "True/Published");
  await env.apply("keys", custom({ TOKEN: "literal" }));
  const { status } = await env.ready("keys", "True/Published");
  assert.is(status?.sources, undefined);
  await env.deleteSecret("upstream");
  await env.apply("keys", custom({ TOKEN: "literal 2" }));
  await env.ready("keys", "True/Published");
  assert.equal(await env.values("keys"), { TOKEN: "literal 2" });
});

run();
