import { test } from "uvu";
import * as assert from "uvu/assert";
import { HOLDS_LABEL, OWNER_ANNOTATION } from "#api/names";
import { plan } from "#plan/plan";
import { condition, has, says, values } from "#support/plan/says";
import type { World } from "#support/plan/world";
import { edit, modify, NOW, observe, put, settle, UID, world, YES } from "#support/plan/world";

const custom = (data: Record<string, unknown>, rest: object = {}) => ({ type: "Custom", custom: { data }, ...rest });
const plain = custom({ A: { value: "one" } });
const fromSource = custom({ A: { valueFrom: { secretKeyRef: { name: "upstream", key: "a" } } } });
const login = {
  type: "Authentication",
  authentication: { enabled: true, jwksUri: "https://id.example.com/jwks.json", audience: "orders" },
};
const OWNED = { annotations: { [OWNER_ANNOTATION]: "orders" } };
const ME = { name: "orders", uid: UID };
const OTHER = { name: "first", uid: "uid-of-first" };

const kinds = (actions: readonly { kind: string }[]) => actions.map(({ kind }) => kind);

test("a new Custom AppSecret costs two writes, the Secret and the status, and an Event that has a budget", async () => {
  const w = world(plain);
  const did = await settle(w);
  assert.equal(kinds(did), ["CreateSecret", "WriteStatus", "RecordEvent"]);
  assert.equal([did[2]?.event?.type, did[2]?.event?.reason], ["Normal", "Published"]);
  assert.equal(values(w, "orders"), { A: "one" });
  assert.is(says(w, "Ready"), "True/Published");
  assert.is(says(w, "Verified"), "True/NotRequired");
  assert.equal(w.appSecret.status?.binding, { name: "orders" });
  assert.equal(w.appSecret.status?.secret?.keys, ["A"]);
  assert.not.ok(has(w, "Reconciling") || has(w, "Stalled"));
});

test("once settled, nothing is to be done, and nothing has to be read", async () => {
  const w = world(fromSource);
  put(w, "upstream", { a: "one" });
  await settle(w);
  assert.equal(plan(observe(w), new Date("2030-01-01")), { actions: [], retry: false });
});

test("the Secret is Opaque-ready: owner annotation, managed-by label, a controller reference and nothing of ours copied", async () => {
  const w = world(plain);
  const labels = { "argocd.argoproj.io/instance": "shop" };
  w.appSecret = { ...w.appSecret, metadata: { ...w.appSecret.metadata, labels } };
  await settle(w);
  const metadata = w.secrets.get("orders")?.metadata;
  assert.equal(metadata?.labels, { "app.kubernetes.io/managed-by": "appsecret-operator" });
  assert.equal(metadata?.annotations, { [OWNER_ANNOTATION]: "orders" });
  assert.equal(
    metadata?.ownerReferences?.map(({ uid, controller }) => [uid, controller]),
    [[UID, true]],
  );
});

test("the holder of a type gets its label before anything is published", async () => {
  const w = world(login, { holder: ME });
  assert.equal(kinds(await settle(w)), ["SetHolds", "Check", "CreateSecret", "WriteStatus", "RecordEvent"]);
  assert.is(w.appSecret.metadata.labels?.[HOLDS_LABEL], "Authentication");
  assert.equal(values(w, "orders"), { AUDIENCE: "orders", JWKS_URI: "https://id.example.com/jwks.json" });
  assert.is(says(w, "Verified"), "True/Verified");
});

test("a second one publishes nothing and names the holder", async () => {
  const w = world(login, { holder: OTHER });
  assert.equal(kinds(await settle(w)), ["WriteStatus", "RecordEvent"]);
  assert.is(w.secrets.size, 0);
  assert.is(says(w, "Accepted"), "False/Duplicate");
  assert.is(says(w, "Stalled"), "True/Duplicate");
  assert.match(condition(w, "Ready").message, '"first"');
});

test("a loser that bears the holder's label loses it, and what it published", async () => {
  const w = world(login, { holder: ME });
  await settle(w);
  w.holder = OTHER;
  assert.equal(kinds(await settle(w)), ["SetHolds", "DeleteSecret", "WriteStatus", "RecordEvent"]);
  assert.is(w.secrets.size, 0);
});

test("a promoted one publishes and says so", async () => {
  const w = world(login, { holder: OTHER });
  await settle(w);
  w.holder = ME;
  assert.equal(kinds(await settle(w)), ["SetHolds", "Check", "CreateSecret", "WriteStatus", "RecordEvent"]);
  assert.is(says(w, "Ready"), "True/Published");
  assert.not.ok(has(w, "Stalled"));
});

test("a disabled Authentication withdraws its Secret and is Ready", async () => {
  const w = world(login, { holder: ME });
  await settle(w);
  edit(w, { ...login, authentication: { ...login.authentication, enabled: false } });
  assert.equal(kinds(await settle(w)), ["DeleteSecret", "WriteStatus", "RecordEvent"]);
  assert.is(says(w, "Ready"), "True/Disabled");
  assert.is(says(w, "Published"), "False/Disabled");
  assert.is(w.appSecret.status?.secret, undefined);
});

test("a suspended AppSecret keeps what is published, whatever its spec says", async () => {
  const w = world(plain);
  await settle(w);
  edit(w, custom({ A: { value: "two" } }, { suspend: true }));
  assert.equal(kinds(await settle(w)), ["WriteStatus", "RecordEvent"]);
  assert.equal(values(w, "orders"), { A: "one" });
  assert.is(says(w, "Ready"), "True/Suspended");
  edit(w, custom({ A: { value: "two" } }));
  await settle(w);
  assert.equal(values(w, "orders"), { A: "two" });
});

test("a missing source is named, waited for, and taken up when it appears", async () => {
  const w = world(fromSource);
  await settle(w);
  assert.is(says(w, "Accepted"), "False/SourceNotFound");
  assert.is(says(w, "Reconciling"), "True/SourceNotFound");
  assert.match(condition(w, "Ready").message, 'spec.custom.data[A] refers to Secret "upstream"');
  put(w, "upstream", { b: "x" });
  await settle(w);
  assert.is(says(w, "Accepted"), "False/SourceKeyNotFound");
  put(w, "upstream", { a: "x" });
  await settle(w);
  assert.is(says(w, "Ready"), "True/Published");
  assert.equal(values(w, "orders"), { A: "x" });
});

test("a source that changes is published again", async () => {
  const w = world(fromSource);
  put(w, "upstream", { a: "one" });
  await settle(w);
  put(w, "upstream", { a: "two" });
  assert.equal(kinds(await settle(w)), ["ReadSources", "UpdateSecret", "WriteStatus"]);
  assert.equal(values(w, "orders"), { A: "two" });
});

test("an update that cannot be published leaves the last good Secret and names its generation", async () => {
  const w = world(plain);
  await settle(w);
  const before = w.secrets.get("orders");
  edit(w, fromSource);
  await settle(w);
  assert.is(w.secrets.get("orders"), before);
  assert.is(says(w, "Published"), "False/KeptLastGood");
  assert.match(condition(w, "Ready").message, "still holds generation 1");
  assert.is(w.appSecret.status?.observedGeneration, 2);
  assert.is(w.appSecret.status?.secret?.generation, 1);
});

test("nobody is told that a last good Secret holds what it held when it was changed by hand since", async () => {
  const w = world(plain);
  await settle(w);
  edit(w, fromSource);
  await settle(w);
  modify(w, "orders", { A: "dHdv" });
  await settle(w);
  const message =
    'Secret "orders" (generation 1) was modified after it was published and will be restored once this error is fixed.';
  assert.is(condition(w, "Published").message, message);
  assert.is(condition(w, "Published").reason, "KeptLastGood");
  assert.match(condition(w, "Ready").message, message);
});

test("a last good Secret that is deleted by hand cannot be restored, and the status says so", async () => {
  const w = world(plain);
  await settle(w);
  edit(w, fromSource);
  await settle(w);
  w.secrets.delete("orders");
  await settle(w);
  assert.match(condition(w, "Published").message, "was deleted and cannot be restored");
  assert.match(condition(w, "Ready").message, "was deleted and cannot be restored");
  assert.is(w.appSecret.status?.binding, undefined);
  assert.equal(
    (await settle(w)).filter(({ kind }) => kind !== "ReadSources"),
    [],
  );
});

test("a deleted Secret comes back, after asking whether its AppSecret still exists", async () => {
  const w = world(plain);
  await settle(w);
  w.secrets.delete("orders");
  await settle(w);
  assert.equal(
    w.requests.map(({ verb, kind }) => `${verb} ${kind}`),
    ["GET appsecrets", "POST secrets", "PATCH appsecrets"],
  );
  assert.equal(values(w, "orders"), { A: "one" });
});

test("a Secret that somebody changed is put right", async () => {
  const w = world(plain);
  await settle(w);
  modify(w, "orders", { A: "eHg=" });
  assert.equal(kinds(await settle(w)), ["UpdateSecret", "RecordEvent", "WriteStatus"]);
  assert.equal(values(w, "orders"), { A: "one" });
});

const FOREIGN: [string, Record<string, unknown>, RegExp][] = [
  [
    "without an owner",
    {},
    /is not managed by an AppSecret.*kubectl annotate secret -n staging orders appsecret.dev\/owner=orders/,
  ],
  ["of another AppSecret", { annotations: { [OWNER_ANNOTATION]: "billing" } }, /belongs to AppSecret "billing"/],
  [
    "that another controller keeps",
    {
      annotations: { [OWNER_ANNOTATION]: "orders" },
      ownerReferences: [
        { apiVersion: "cert-manager.io/v1", kind: "Certificate", name: "tls", uid: "c", controller: true },
      ],
    },
    /is controlled by Certificate "tls"/,
  ],
];
for (const [whose, metadata, message] of FOREIGN) {
  test(`a Secret ${whose} is not touched`, async () => {
    const w = world(plain);
    put(w, "orders", { theirs: "x" }, metadata);
    assert.equal(kinds(await settle(w)), ["WriteStatus", "RecordEvent"]);
    assert.equal(values(w, "orders"), { theirs: "x" });
    assert.is(says(w, "Published"), "False/SecretNotOwned");
    assert.is(says(w, "Stalled"), "True/SecretNotOwned");
    assert.match(condition(w, "Ready").message, message);
  });
}

test("a Secret that is handed over is taken over, exactly", async () => {
  const w = world(plain);
  put(w, "orders", { theirs: "x" }, { annotations: { [OWNER_ANNOTATION]: "orders" } });
  assert.equal(kinds(await settle(w)), ["UpdateSecret", "WriteStatus", "RecordEvent"]);
  assert.equal(values(w, "orders"), { A: "one" });
});

test("a renamed target publishes the new Secret before it withdraws the old one", async () => {
  const w = world(plain);
  await settle(w);
  edit(w, custom({ A: { value: "one" } }, { target: { name: "renamed" } }));
  assert.equal(kinds(await settle(w)), ["CreateSecret", "DeleteSecret", "WriteStatus", "RecordEvent"]);
  assert.equal([...w.secrets.keys()], ["renamed"]);
  assert.is(w.appSecret.status?.secret?.name, "renamed");
});

test("a renamed target that belongs to somebody else leaves the old Secret in place", async () => {
  const w = world(plain);
  await settle(w);
  put(w, "taken", { theirs: "x" });
  edit(w, custom({ A: { value: "two" } }, { target: { name: "taken" } }));
  await settle(w);
  assert.equal(values(w, "orders"), { A: "one" });
  assert.equal(w.appSecret.status?.binding, { name: "orders" });
  assert.match(condition(w, "Ready").message, 'Secret "orders" still holds generation 1');
});

test("under Retain the Secret has no ownerReference, so that Kubernetes does not collect it", async () => {
  const w = world(custom({ A: { value: "one" } }, { deletionPolicy: "Retain" }));
  await settle(w);
  assert.is(w.secrets.get("orders")?.metadata.ownerReferences, undefined);
});

test("keys are renamed", async () => {
  const w = world({
    type: "Database",
    database: { name: "orders", mongodbUri: { value: "mongodb://db.example.com/orders" } },
    target: { keys: { MONGODB_URI: "DATABASE_URL" } },
  });
  await settle(w);
  assert.equal(values(w, "orders"), { DATABASE_NAME: "orders", DATABASE_URL: "mongodb://db.example.com/orders" });
});

const ATLAS = {
  projectId: "64f0c0ffee0c0ffee0c0ffee",
  clusterName: "prod-eu",
  publicKey: { value: "public" },
  privateKey: { value: "private" },
};
const user = { username: "orders", password: { value: "password" } };
for (const [what, atlas, keys] of [
  ["publishes the API keys", ATLAS, true],
  ["with a databaseUser keeps the API keys back", { ...ATLAS, databaseUser: user }, false],
  [
    "with a databaseUser publishes the API keys when asked",
    { ...ATLAS, databaseUser: user, publishApiKeys: true },
    true,
  ],
  ["without a databaseUser keeps the API keys back when asked", { ...ATLAS, publishApiKeys: false }, false],
] as const) {
  test(`an Atlas database ${what}`, async () => {
    const w = world({ type: "Database", database: { name: "orders", mode: "MongoDBAtlas", atlas } });
    w.answer = () => ({ ...YES, facts: { host: "prod-eu.ab1cd.mongodb.net" } });
    await settle(w);
    assert.equal(values(w, "orders"), {
      MONGODB_URI: `mongodb+srv://${"databaseUser" in atlas ? "orders:password@" : ""}prod-eu.ab1cd.mongodb.net/`,
      ATLAS_CLUSTER_NAME: "prod-eu",
      ...(keys ? { ATLAS_PRIVATE_KEY: "private", ATLAS_PUBLIC_KEY: "public" } : {}),
      ATLAS_PROJECT_ID: "64f0c0ffee0c0ffee0c0ffee",
      DATABASE_NAME: "orders",
    });
  });
}

test("a connection string that comes from a Secret is judged like a literal one, and not quoted", async () => {
  const w = world({
    type: "Database",
    database: { name: "orders", mongodbUri: { valueFrom: { secretKeyRef: { name: "upstream", key: "uri" } } } },
  });
  put(w, "upstream", { uri: "postgres://canary@db/orders" });
  await settle(w);
  assert.is(says(w, "Accepted"), "False/InvalidSpec");
  assert.match(
    condition(w, "Ready").message,
    'spec.database.mongodbUri: key "uri" of Secret "upstream" must begin with mongodb',
  );
  assert.not.match(JSON.stringify(w.appSecret.status), "canary");
});

test("an AppSecret cannot read the Secret that it publishes: it would remove the very key that it reads", async () => {
  const w = world(custom({ A: { valueFrom: { secretKeyRef: { name: "orders", key: "a" } } } }));
  put(w, "orders", { a: "one" }, { annotations: { [OWNER_ANNOTATION]: "orders" } });
  await settle(w);
  assert.is(says(w, "Stalled"), "True/InvalidSpec");
  assert.equal(values(w, "orders"), { a: "one" });
});

test("more than a Secret holds is refused whole", async () => {
  const big = { valueFrom: { secretKeyRef: { name: "upstream", key: "a" } } };
  const w = world(custom({ A: big, B: big }));
  put(w, "upstream", { a: "x".repeat(524_289) });
  await settle(w);
  assert.not.ok(w.secrets.has("orders"));
  assert.is(says(w, "Stalled"), "True/InvalidSpec");
  assert.match(condition(w, "Ready").message, "add up to 1048578 bytes, and a Secret holds at most 1048576");
});

for (const [why, refuse, reason, flag] of [
  [
    "forbids the write",
    (w: World) => (w.refuses = ({ verb }) => (verb === "POST" ? 403 : undefined)),
    "False/Forbidden",
    "Reconciling",
  ],
  [
    "refuses the write for another reason",
    (w: World) => (w.refuses = ({ verb }) => (verb === "POST" ? 413 : undefined)),
    "False/Forbidden",
    "Reconciling",
  ],
  [
    "finds the Secret immutable",
    (w: World) => put(w, "orders", { theirs: "x" }, OWNED, { immutable: true }),
    "False/KeptLastGood",
    "Stalled",
  ],
  [
    "finds the Secret not Opaque",
    (w: World) => put(w, "orders", { theirs: "x" }, OWNED, { type: "kubernetes.io/tls" }),
    "False/SecretNotOwned",
    "Stalled",
  ],
] as const) {
  test(`when the API server ${why}, the status says ${reason} and ${flag}`, async () => {
    const w = world(plain);
    refuse(w);
    const before = w.secrets.get("orders");
    assert.equal(kinds(await settle(w)), ["WriteStatus", "RecordEvent"]);
    assert.is(says(w, "Published"), reason);
    assert.ok(has(w, flag));
    assert.is(w.reconciled?.result, flag === "Reconciling" ? "retry" : "written");
    assert.is(w.secrets.get("orders"), before);
  });
}

test("when the holder's label is forbidden, the status says so, nothing is published, and it is tried again", async () => {
  const w = world(login, { holder: ME });
  w.refuses = ({ verb, kind, subresource }) =>
    verb === "PATCH" && kind === "appsecrets" && subresource === undefined ? 403 : undefined;
  assert.equal(kinds(await settle(w)), ["WriteStatus", "RecordEvent"]);
  assert.is(says(w, "Published"), "False/Forbidden");
  assert.equal(w.reconciled, { result: "retry", cause: "Refused" });
  w.refuses = () => undefined;
  assert.equal(kinds(await settle(w)).slice(0, 2), ["SetHolds", "Check"]);
});

test("a Secret that is not as we left it is put right only after asking whether we know the AppSecret's latest version", async () => {
  const w = world(plain);
  await settle(w);
  edit(w, custom({ A: { value: "two" } }));
  const [update] = plan(observe(w), NOW).actions;
  assert.is(update?.kind === "UpdateSecret" && update.confirm, false, "as we left it");
  modify(w, "orders");
  const [repair] = plan(observe(w), NOW).actions;
  assert.is(repair?.kind === "UpdateSecret" && repair.confirm, true);
});

for (const [why, spec, deletionPolicy] of [
  ["disabled", { ...login, authentication: { ...login.authentication, enabled: false } }, "Delete"],
  ["renamed", { ...login, target: { name: "renamed" } }, "Delete"],
  ["renamed, under Retain", { ...login, target: { name: "renamed" } }, "Retain"],
] as const) {
  test(`${why}, and the old Secret may not be deleted: the status says so and goes on until it is gone`, async () => {
    const w = world({ ...login, deletionPolicy }, { holder: ME });
    await settle(w);
    edit(w, { ...spec, deletionPolicy });
    w.refuses = ({ verb }) => (verb === "DELETE" ? 403 : undefined);
    await settle(w);
    assert.equal(w.reconciled?.result, "retry");
    assert.is(says(w, "Published"), "False/Forbidden");
    assert.is(says(w, "Ready"), "False/Forbidden");
    assert.match(condition(w, "Ready").message, 'not allowed to delete the old Secret "orders"');
    assert.ok(has(w, "Reconciling"));
    assert.is(w.appSecret.status?.secret?.name, "orders", "it goes on being recorded");
    const { status } = w.appSecret;
    await settle(w);
    assert.is(w.reconciled?.result, "retry");
    assert.equal(w.appSecret.status, status, "saying it once is enough");

    w.refuses = () => undefined;
    const again = kinds(await settle(w));
    assert.ok(again.includes("DeleteSecret"), "it is tried again");
    assert.not.ok(w.secrets.has("orders"));
    assert.is(says(w, "Ready"), why === "disabled" ? "True/Disabled" : "True/Published");
    assert.equal(kinds(await settle(w)), []);
  });
}

test("a source that may not be read is named, and asked for again", async () => {
  const w = world(fromSource);
  w.refuses = ({ name }) => (name === "upstream" ? 403 : undefined);
  await settle(w);
  assert.is(says(w, "Accepted"), "False/Forbidden");
  assert.match(
    condition(w, "Ready").message,
    /spec\.custom\.data\[A\].*Secret "upstream", which the operator is not allowed to read/,
  );
  assert.ok(has(w, "Reconciling"));
  assert.is(w.reconciled?.result, "retry");
});

test("an AppSecret that is being deleted is left to Kubernetes", async () => {
  const w = world(plain);
  const deletionTimestamp = "2026-11-23T11:59:00Z";
  w.appSecret = { ...w.appSecret, metadata: { ...w.appSecret.metadata, deletionTimestamp } };
  assert.equal(await settle(w), []);
});

test("every condition carries the generation that it speaks of, and its time moves only with its status", async () => {
  const w = world(plain);
  await settle(w);
  edit(w, custom({ A: { value: "two" } }));
  await settle(w, new Date("2026-11-23T13:00:00Z"));
  const { conditions } = w.appSecret.status ?? {};
  assert.equal(
    conditions?.map(({ observedGeneration }) => observedGeneration),
    [2, 2, 2, 2],
  );
  assert.equal(
    new Set(conditions?.map(({ lastTransitionTime }) => lastTransitionTime)),
    new Set(["2026-11-23T12:00:00Z"]),
  );
});

test.run();
