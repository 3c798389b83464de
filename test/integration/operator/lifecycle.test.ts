import * as assert from "uvu/assert";
import { condition, decoded, state } from "#support/operator/environment";
import { COLLECTED_WITHIN_MS, eventually } from "#support/operator/eventually";
import { custom, from, login } from "#support/operator/specs";
import { operatorSuite } from "#support/operator/suite";

/** From the first apply to the deletion: suspended, disabled, retained, deleted, created again. */
const { promise, run } = operatorSuite("lifecycle");

promise("a deleted AppSecret takes its Secret with it", async (env) => {
  await env.apply("orders", custom({ A: "1" }));
  await env.ready("orders", "True/Published");
  await env.deleteAppSecret("orders");
  await eventually(async () => assert.is(await env.findSecret("orders"), undefined), COLLECTED_WITHIN_MS);
});

promise(
  "an AppSecret that is deleted and created at once, again and again, ends with a Secret of its own",
  async (env) => {
    await env.apply("orders", custom({ ROUND: "0" }));
    for (let round = 1; round <= 15; round += 1) {
      await env.deleteAppSecret("orders");
      await env.apply("orders", custom({ ROUND: `${round}` }));
      // Every third time the operator is not given time to see each of them.
      if (round % 3 !== 0) await env.ready("orders", "True/Published");
    }
    const { metadata, status } = await env.ready("orders", "True/Published");
    await eventually(async () => {
      const secret = await env.secret("orders");
      assert.equal(decoded(secret), { ROUND: "15" });
      assert.is(secret.metadata.ownerReferences?.[0]?.uid, metadata.uid);
    });
    assert.is(status?.secret?.name, "orders");
  },
);

promise("under Retain the Secret outlives its AppSecret, and one of the same name takes it up again", async (env) => {
  await env.apply("orders", custom({ A: "1" }, { deletionPolicy: "Retain" }));
  await env.ready("orders", "True/Published");
  const { metadata } = await env.secret("orders");
  assert.is(metadata.ownerReferences, undefined);

  const secrets = await env.recordSecrets();
  await env.deleteAppSecret("orders");
  // The garbage collector works in the order of deletions: this one was given more to do, later.
  await env.apply("other", custom({ A: "1" }));
  await env.ready("other", "True/Published");
  await env.deleteAppSecret("other");
  await eventually(async () => assert.is(await env.findSecret("other"), undefined), COLLECTED_WITHIN_MS);
  assert.equal(await env.values("orders"), { A: "1" });

  await env.apply("orders", custom({ A: "2" }, { deletionPolicy: "Retain" }));
  await env.ready("orders", "True/Published");
  const again = await env.secret("orders");
  assert.is(again.metadata.uid, metadata.uid);
  assert.equal(decoded(again), { A: "2" });
  const deleted = secrets.events.filter(({ type, object }) => type === "DELETED" && object.metadata.name === "orders");
  assert.is(deleted.length, 0);
});

promise("Retain may be chosen later, and be given up", async (env) => {
  const owners = async () => (await env.secret("orders")).metadata.ownerReferences?.map(({ name }) => name);
  await env.apply("orders", custom({ A: "1" }));
  await env.ready("orders", "True/Published");
  assert.equal(await owners(), ["orders"]);
  await env.apply("orders", custom({ A: "1" }, { deletionPolicy: "Retain" }));
  await env.ready("orders", "True/Published");
  assert.is(await owners(), undefined);
  await env.apply("orders", custom({ A: "1" }));
  await env.ready("orders", "True/Published");
  assert.equal(await owners(), ["orders"]);
});

promise("under Retain a Secret of the old target name is withdrawn all the same", async (env) => {
  await env.apply("orders", custom({ A: "1" }, { deletionPolicy: "Retain", target: { name: "old" } }));
  await env.ready("orders", "True/Published");
  await env.apply("orders", custom({ A: "1" }, { deletionPolicy: "Retain", target: { name: "new" } }));
  await env.ready("orders", "True/Published");
  await eventually(async () => assert.is(await env.findSecret("old"), undefined));
  assert.equal(await env.values("new"), { A: "1" });
});

promise(
  "while suspended nothing changes: not by updates, sources or drift; then all of it is caught up",
  async (env) => {
    await env.putSecret("upstream", { token: "one" });
    await env.apply("keys", custom({ TOKEN: from("upstream", "token"), A: "1" }));
    await env.ready("keys", "True/Published");

    await env.apply("keys", custom({ TOKEN: from("upstream", "token"), A: "2" }, { suspend: true }));
    const suspended = await env.ready("keys", "True/Suspended");
    assert.is(state(suspended, "Published"), "False/Suspended");
    assert.is(suspended.status?.secret?.generation, 1);
    assert.equal(suspended.status?.binding, { name: "keys" });
    await env.putSecret("upstream", { token: "two" });
    const edited = await env.patchSecret("keys", { data: { EXTRA: "eA==" } });
    // What it does for another AppSecret shows that it has seen all of this.
    await env.apply("witness", custom({ TOKEN: from("upstream", "token") }));
    await env.ready("witness", "True/Published");
    assert.equal(await env.values("witness"), { TOKEN: "two" });
    assert.is((await env.secret("keys")).metadata.resourceVersion, edited.metadata.resourceVersion);

    await env.apply("keys", custom({ TOKEN: from("upstream", "token"), A: "2" }));
    await env.ready("keys", "True/Published");
    assert.equal(await env.values("keys"), { TOKEN: "two", A: "2" });
  },
);

promise("an AppSecret that was never published and is suspended publishes nothing and is Ready", async (env) => {
  await env.apply("orders", custom({ A: "1" }, { suspend: true }));
  const suspended = await env.ready("orders", "True/Suspended");
  assert.is(suspended.status?.secret, undefined);
  assert.is(await env.findSecret("orders"), undefined);
});

promise("a suspended AppSecret that is deleted takes its Secret with it", async (env) => {
  await env.apply("orders", custom({ A: "1" }));
  await env.ready("orders", "True/Published");
  await env.apply("orders", custom({ A: "1" }, { suspend: true }));
  await env.ready("orders", "True/Suspended");
  await env.deleteAppSecret("orders");
  await eventually(async () => assert.is(await env.findSecret("orders"), undefined), COLLECTED_WITHIN_MS);
});

promise("a disabled Authentication withdraws its Secret, and an enabled one has it back", async (env) => {
  await env.apply("web-login", login());
  await env.ready("web-login", "True/PublishedUnverified");
  await env.apply("web-login", login({ authentication: { enabled: false } }));
  const disabled = await env.ready("web-login", "True/Disabled");
  assert.is(await env.findSecret("web-login"), undefined);
  assert.is(state(disabled, "Published"), "False/Disabled");
  assert.is(disabled.status?.secret, undefined);
  assert.is(disabled.status?.binding, undefined);

  await env.apply("web-login", login());
  await env.ready("web-login", "True/PublishedUnverified");
  assert.is((await env.values("web-login"))["AUDIENCE"], "orders-api");
});

promise(
  "an Authentication that is disabled from the start publishes nothing, and leaves a Secret of that name",
  async (env) => {
    await env.putSecret("web-login", { THEIRS: "1" });
    await env.apply("web-login", login({ authentication: { enabled: false } }));
    await env.ready("web-login", "True/Disabled");
    assert.equal(await env.values("web-login"), { THEIRS: "1" });
  },
);

promise("under Retain a disabled Authentication withdraws its Secret too", async (env) => {
  await env.apply("web-login", login({ deletionPolicy: "Retain" }));
  await env.ready("web-login", "True/PublishedUnverified");
  await env.apply("web-login", login({ deletionPolicy: "Retain", authentication: { enabled: false } }));
  await env.ready("web-login", "True/Disabled");
  assert.is(await env.findSecret("web-login"), undefined);
});

promise("a broken update leaves the Secret that works, and says which generation that is", async (env) => {
  await env.apply("keys", custom({ A: "1" }));
  await env.ready("keys", "True/Published");
  const before = await env.secret("keys");
  await env.apply("keys", custom({ A: from("nowhere", "a") }));
  const broken = await env.ready("keys", "False/SourceNotFound");
  assert.is(broken.status?.secret?.generation, 1);
  assert.is(broken.metadata.generation, 2);
  assert.match(condition(broken, "Ready").message, 'Secret "keys" still holds generation 1');
  assert.equal(await env.secret("keys"), before);

  // Drift of a last good Secret cannot be repaired, for its values are kept nowhere else; but it is not taken away either.
  await env.apply("keys", custom({ A: "1" }));
  const repaired = await env.ready("keys", "True/Published");
  assert.is(repaired.status?.secret?.generation, 3);
  assert.equal((await env.secret("keys")).data, before.data);
});

promise(
  "a namespace can be deleted with all that is in it, and the operator makes nothing anew in it",
  async (env, operator) => {
    for (const name of ["a", "b", "c"]) await env.apply(name, custom({ A: "1" }));
    await env.apply("retained", custom({ A: "1" }, { deletionPolicy: "Retain" }));
    await env.apply("web-login", login({ verify: "Off" }));
    for (const name of ["a", "b", "c", "retained", "web-login"]) await env.ready(name, "True/Published");
    await env.api.remove(`/api/v1/namespaces/${env.namespace}`);
    await eventually(
      async () => assert.is(await env.api.find(`/api/v1/namespaces/${env.namespace}`), undefined),
      60_000,
    );
    const complaints = operator.now
      .log()
      .filter(({ level, namespace }) => level !== "info" && namespace === env.namespace);
    assert.equal(complaints, []);
  },
);

run();
