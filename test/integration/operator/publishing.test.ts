import { randomBytes } from "node:crypto";
import * as assert from "uvu/assert";
import { condition, decoded, state } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { atlas, custom, database, from, login, MONGODB_URI } from "#support/operator/specs";
import { operatorSuite } from "#support/operator/suite";

/** What is in the Secret of each type, and what else is on it. */
const { promise, run } = operatorSuite("publishing");

promise("an Authentication publishes JWKS_URI and AUDIENCE", async ({ apply, ready, values }) => {
  await apply("web-login", login());
  await ready("web-login", "True/PublishedUnverified");
  assert.equal(await values("web-login"), {
    AUDIENCE: "orders-api",
    JWKS_URI: "https://id.example.com/.well-known/jwks.json",
  });
});

promise("a Database publishes its connection string and name", async ({ apply, ready, values }) => {
  await apply("orders-db", database());
  await ready("orders-db", "True/PublishedUnverified");
  assert.equal(await values("orders-db"), { DATABASE_NAME: "orders", MONGODB_URI });
});

promise("a connection string may come from a Secret", async ({ apply, ready, values, putSecret }) => {
  await putSecret("upstream", { uri: MONGODB_URI });
  await apply("orders-db", database({}, from("upstream", "uri")));
  await ready("orders-db", "True/PublishedUnverified");
  assert.is((await values("orders-db"))["MONGODB_URI"], MONGODB_URI);
});

const CLUSTER = {
  DATABASE_NAME: "orders",
  ATLAS_PROJECT_ID: "64f0a1b2c3d4e5f6a7b8c9d0",
  ATLAS_CLUSTER_NAME: "prod-eu",
};
const API_KEYS = { ATLAS_PUBLIC_KEY: "abcdefgh", ATLAS_PRIVATE_KEY: "00000000-1111-2222-3333-444444444444" };
const USER = { databaseUser: { username: "orders", password: { value: "s3cret" } } };

for (const [name, spec, published] of [
  ["publishes its API keys when it has no database user", atlas(), { ...CLUSTER, ...API_KEYS }],
  ["keeps its API keys to itself when it has a database user", atlas(USER), CLUSTER],
  [
    "publishes its API keys beside a database user on request",
    atlas({ ...USER, publishApiKeys: true }),
    { ...CLUSTER, ...API_KEYS },
  ],
  ["keeps its API keys to itself on request", atlas({ publishApiKeys: false }), CLUSTER],
] as const) {
  promise(`an Atlas database that is not checked ${name}`, async ({ apply, ready, values }) => {
    await apply("orders-db", { ...spec, verify: "Off" });
    await ready("orders-db", "True/Published");
    assert.equal(await values("orders-db"), published);
  });
}

promise("a Custom AppSecret publishes its keys: literal, referenced, empty, of many lines, not ASCII", async (env) => {
  const text = { EMPTY: "", LINES: "one\ntwo\n", "file.name-1": "x", UNICODE: "Grüße, 世界 🔑", SPACES: "  a  " };
  await env.putSecret("upstream", { token: "t0ken" });
  await env.apply("keys", custom({ ...text, TOKEN: from("upstream", "token") }));
  await env.ready("keys", "True/Published");
  assert.equal(await env.values("keys"), { ...text, TOKEN: "t0ken" });
});

promise("bytes that are no text come through a reference unchanged", async ({ apply, ready, secret, putSecret }) => {
  const bytes = Buffer.concat([Buffer.from([0, 0xff, 0xfe, 0x80, 0xc3, 0x28]), randomBytes(1000)]).toString("base64");
  await putSecret("keystore", {}, { data: { "store.p12": bytes } });
  await apply("binary", custom({ "store.p12": from("keystore", "store.p12") }));
  await ready("binary", "True/Published");
  assert.is((await secret("binary")).data?.["store.p12"], bytes);
});

promise(
  "the Secret is Opaque, labelled, annotated, controlled by its AppSecret, and bears nothing else of it",
  async (env) => {
    await env.apply("orders", custom({ A: "1" }), {
      labels: { "argocd.argoproj.io/instance": "shop" },
      annotations: { "argocd.argoproj.io/tracking-id": "shop:appsecret.dev/AppSecret:x/orders" },
    });
    const { metadata: owner } = await env.ready("orders", "True/Published");
    const { type, metadata, immutable } = await env.secret("orders");
    assert.is(type, "Opaque");
    assert.is(immutable, undefined);
    assert.equal(metadata.labels, { "app.kubernetes.io/managed-by": "appsecret-operator" });
    assert.equal(metadata.annotations, { "appsecret.dev/owner": "orders" });
    assert.equal(metadata.ownerReferences, [
      {
        apiVersion: "appsecret.dev/v1",
        kind: "AppSecret",
        name: "orders",
        uid: owner.uid,
        controller: true,
        blockOwnerDeletion: false,
      },
    ]);
  },
);

promise("the Secret has the name, labels, annotations and renamed keys that target asks for", async (env) => {
  const labels = { team: "payments", "example.com/tier": "1" };
  const annotations = { "example.com/note": "Rotated monthly." };
  const target = { name: "db-credentials", labels, annotations, keys: { MONGODB_URI: "DATABASE_URL" } };
  await env.apply("orders-db", database({ target }));
  const { status } = await env.ready("orders-db", "True/PublishedUnverified");
  const secret = await env.secret("db-credentials");
  assert.equal(decoded(secret), { DATABASE_URL: MONGODB_URI, DATABASE_NAME: "orders" });
  assert.equal(secret.metadata.labels, { ...labels, "app.kubernetes.io/managed-by": "appsecret-operator" });
  assert.equal(secret.metadata.annotations, { ...annotations, "appsecret.dev/owner": "orders-db" });
  assert.equal(status?.secret?.keys, ["DATABASE_NAME", "DATABASE_URL"]);
  assert.equal(status?.binding, { name: "db-credentials" });
  assert.is(await env.findSecret("orders-db"), undefined);
});

promise("keys, labels and annotations that an update drops leave the Secret; those of others stay", async (env) => {
  const target = { labels: { team: "payments", tier: "1" }, annotations: { "example.com/note": "Ours." } };
  await env.apply("orders", custom({ A: "1", B: "2" }, { target }));
  await env.ready("orders", "True/Published");
  const others = { labels: { backup: "daily" }, annotations: { "example.com/seen": "yes" } };
  const { metadata } = await env.patchSecret("orders", { metadata: others });
  await env.apply("orders", custom({ B: "3" }, { target: { labels: { tier: "2" } } }));
  await env.ready("orders", "True/Published");
  const secret = await env.secret("orders");
  assert.is(secret.metadata.uid, metadata.uid);
  assert.equal(decoded(secret), { B: "3" });
  assert.equal(secret.metadata.labels, {
    backup: "daily",
    tier: "2",
    "app.kubernetes.io/managed-by": "appsecret-operator",
  });
  assert.equal(secret.metadata.annotations, { "example.com/seen": "yes", "appsecret.dev/owner": "orders" });
});

promise("256 keys are published", async ({ apply, ready, values }) => {
  const data = Object.fromEntries(Array.from({ length: 256 }, (_, index) => [`KEY_${index}`, `${index}`]));
  await apply("many", custom(data));
  const { status } = await ready("many", "True/Published");
  assert.equal(await values("many"), data);
  assert.equal(status?.secret?.keys, Object.keys(data).sort());
});

/** As long as one literal value may be; four of them are all that a Secret holds. */
const QUARTER = "x".repeat(262_144);

promise("a Secret is filled to its limit of 1 MiB, and a byte more leaves it as it was", async (env) => {
  const full = { A: QUARTER, B: QUARTER, C: QUARTER, D: QUARTER };
  await env.apply("large", custom(full));
  await env.ready("large", "True/Published");
  const before = await env.secret("large");
  assert.is(decoded(before)["D"], QUARTER);

  await env.apply("large", custom({ ...full, E: "1" }));
  const after = await env.ready("large", "False/InvalidSpec");
  assert.match(condition(after, "Ready").message, "1048577 bytes, and a Secret holds at most 1048576");
  assert.match(condition(after, "Ready").message, 'Secret "large" still holds generation 1');
  assert.is(state(after, "Stalled"), "True/InvalidSpec");
  assert.equal((await env.secret("large")).metadata, before.metadata);
});

promise("more than 1 MiB at once publishes nothing", async ({ apply, ready, findSecret }) => {
  await apply("large", custom({ A: QUARTER, B: QUARTER, C: QUARTER, D: QUARTER, E: "1" }));
  await ready("large", "False/InvalidSpec");
  assert.is(await findSecret("large"), undefined);
});

promise("an immutable Secret keeps its content, and the status says how to go on", async (env) => {
  await env.apply("orders", custom({ A: "1" }, { target: { immutable: true } }));
  await env.ready("orders", "True/Published");
  const before = await env.secret("orders");
  assert.is(before.immutable, true);

  await env.apply("orders", custom({ A: "2" }, { target: { immutable: true } }));
  const kept = await env.ready("orders", "False/KeptLastGood");
  assert.match(condition(kept, "Ready").message, /is immutable.*Delete it, or choose another spec.target.name/);
  assert.is(state(kept, "Stalled"), "True/KeptLastGood");
  assert.equal((await env.secret("orders")).data, before.data);

  await env.deleteSecret("orders");
  await env.ready("orders", "True/Published");
  assert.equal(await env.values("orders"), { A: "2" });
});

promise("an immutable Secret is replaced by one of another name", async (env) => {
  await env.apply("orders", custom({ A: "1" }, { target: { name: "orders-1", immutable: true } }));
  await env.ready("orders", "True/Published");
  await env.apply("orders", custom({ A: "2" }, { target: { name: "orders-2", immutable: true } }));
  await env.ready("orders", "True/Published");
  assert.equal(await env.values("orders-2"), { A: "2" });
  await eventually(async () => assert.is(await env.findSecret("orders-1"), undefined));
});

promise("a Secret becomes immutable when the spec asks for it", async ({ apply, ready, secret }) => {
  await apply("orders", custom({ A: "1" }));
  await ready("orders", "True/Published");
  await apply("orders", custom({ A: "1" }, { target: { immutable: true } }));
  await ready("orders", "True/Published");
  assert.is((await secret("orders")).immutable, true);
});

promise("under another target name the new Secret is there before the old one goes", async (env) => {
  await env.apply("orders", custom({ A: "1" }, { target: { name: "old" } }));
  await env.ready("orders", "True/Published");
  const secrets = await env.recordSecrets();
  await env.apply("orders", custom({ A: "1" }, { target: { name: "new" } }));
  const { status } = await env.ready("orders", "True/Published");
  assert.is(status?.secret?.name, "new");
  await eventually(() =>
    assert.equal(
      secrets.events.map(({ type, object }) => `${type} ${object.metadata.name}`),
      ["ADDED new", "DELETED old"],
    ),
  );
});

run();
