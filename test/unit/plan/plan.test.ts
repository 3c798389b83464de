import { test } from "uvu";
import * as assert from "uvu/assert";
import { HOLDS_LABEL, OWNER_ANNOTATION } from "#api/names";
import type { Condition, ConditionType } from "#api/status";
import type { Observed } from "#plan/observed";
import { plan } from "#plan/plan";
import type { World } from "#support/plan/world";
import { edit, NOW, observe, put, settle, UID, world, YES } from "#support/plan/world";

const custom = (data: Record<string, unknown>, rest: object = {}) => ({ type: "Custom", custom: { data }, ...rest });
const plain = custom({ A: { value: "one" } });
const fromSource = custom({ A: { valueFrom: { secretKeyRef: { name: "upstream", key: "a" } } } });
const login = {
  type: "Authentication",
  authentication: { enabled: true, jwksUri: "https://id.example.com/jwks.json", audience: "orders" },
};
const ME = { name: "orders", uid: UID };
const OTHER = { name: "first", uid: "uid-of-first" };

function condition({ appSecret }: World, type: ConditionType): Condition {
  const found = appSecret.status?.conditions?.find((candidate) => candidate.type === type);
  if (!found) throw new Error(`there is no condition ${type}`);
  return found;
}

function says(in_: World, type: ConditionType): string {
  const { status, reason } = condition(in_, type);
  return `${status}/${reason}`;
}

function has(in_: World, type: ConditionType): boolean {
  return in_.appSecret.status?.conditions?.some((candidate) => candidate.type === type) ?? false;
}

function values(in_: World, name: string): Record<string, string> {
  const data = in_.secrets.get(name)?.data ?? {};
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]));
}

const kinds = (actions: readonly { kind: string }[]) => actions.map(({ kind }) => kind);

test("a new Custom AppSecret costs two writes, the Secret and the status", () => {
  const w = world(plain);
  assert.equal(kinds(settle(w)), ["CreateSecret", "WriteStatus"]);
  assert.equal(values(w, "orders"), { A: "one" });
  assert.is(says(w, "Ready"), "True/Published");
  assert.is(says(w, "Verified"), "True/NotRequired");
  assert.equal(w.appSecret.status?.binding, { name: "orders" });
  assert.equal(w.appSecret.status?.secret?.keys, ["A"]);
  assert.not.ok(has(w, "Reconciling") || has(w, "Stalled"));
});

test("once settled, nothing is to be done, and nothing has to be read", () => {
  const w = world(fromSource);
  put(w, "upstream", { a: "one" });
  settle(w);
  assert.equal(plan(observe(w), new Date("2030-01-01")), { actions: [], retry: false });
});

test("the Secret is Opaque-ready: owner annotation, managed-by label, a controller reference and nothing of ours copied", () => {
  const w = world(plain);
  w.appSecret.metadata.labels = { "argocd.argoproj.io/instance": "shop" };
  settle(w);
  const metadata = w.secrets.get("orders")?.metadata;
  assert.equal(metadata?.labels, { "app.kubernetes.io/managed-by": "appsecret-operator" });
  assert.equal(metadata?.annotations, { [OWNER_ANNOTATION]: "orders" });
  assert.equal(
    metadata?.ownerReferences?.map(({ uid, controller }) => [uid, controller]),
    [[UID, true]],
  );
});

test("the holder of a type gets its label before anything is published", () => {
  const w = world(login, { holder: ME });
  assert.equal(kinds(settle(w)), ["SetHolds", "Check", "CreateSecret", "WriteStatus"]);
  assert.is(w.appSecret.metadata.labels?.[HOLDS_LABEL], "Authentication");
  assert.equal(values(w, "orders"), { AUDIENCE: "orders", JWKS_URI: "https://id.example.com/jwks.json" });
  assert.is(says(w, "Verified"), "True/Verified");
});

test("a second one publishes nothing and names the holder", () => {
  const w = world(login, { holder: OTHER });
  assert.equal(kinds(settle(w)), ["WriteStatus", "RecordEvent"]);
  assert.is(w.secrets.size, 0);
  assert.is(says(w, "Accepted"), "False/Duplicate");
  assert.is(says(w, "Stalled"), "True/Duplicate");
  assert.match(condition(w, "Ready").message, '"first"');
});

test("a loser that bears the holder's label loses it, and what it published", () => {
  const w = world(login, { holder: ME });
  settle(w);
  w.holder = OTHER;
  assert.equal(kinds(settle(w)), ["SetHolds", "DeleteSecret", "WriteStatus", "RecordEvent"]);
  assert.is(w.secrets.size, 0);
});

test("a promoted one publishes and says so", () => {
  const w = world(login, { holder: OTHER });
  settle(w);
  w.holder = ME;
  assert.equal(kinds(settle(w)), ["SetHolds", "Check", "CreateSecret", "WriteStatus", "RecordEvent"]);
  assert.is(says(w, "Ready"), "True/Published");
  assert.not.ok(has(w, "Stalled"));
});

test("a disabled Authentication withdraws its Secret and is Ready", () => {
  const w = world(login, { holder: ME });
  settle(w);
  edit(w, { ...login, authentication: { ...login.authentication, enabled: false } });
  assert.equal(kinds(settle(w)), ["DeleteSecret", "WriteStatus", "RecordEvent"]);
  assert.is(says(w, "Ready"), "True/Disabled");
  assert.is(says(w, "Published"), "False/Disabled");
  assert.is(w.appSecret.status?.secret, undefined);
});

test("a suspended AppSecret keeps what is published, whatever its spec says", () => {
  const w = world(plain);
  settle(w);
  edit(w, custom({ A: { value: "two" } }, { suspend: true }));
  assert.equal(kinds(settle(w)), ["WriteStatus", "RecordEvent"]);
  assert.equal(values(w, "orders"), { A: "one" });
  assert.is(says(w, "Ready"), "True/Suspended");
  edit(w, custom({ A: { value: "two" } }));
  settle(w);
  assert.equal(values(w, "orders"), { A: "two" });
});

test("a missing source is named, waited for, and taken up when it appears", () => {
  const w = world(fromSource);
  settle(w);
  assert.is(says(w, "Accepted"), "False/SourceNotFound");
  assert.is(says(w, "Reconciling"), "True/SourceNotFound");
  assert.match(condition(w, "Ready").message, 'spec.custom.data[A] refers to Secret "upstream"');
  put(w, "upstream", { b: "x" });
  settle(w);
  assert.is(says(w, "Accepted"), "False/SourceKeyNotFound");
  put(w, "upstream", { a: "x" });
  settle(w);
  assert.is(says(w, "Ready"), "True/Published");
  assert.equal(values(w, "orders"), { A: "x" });
});

test("a source that changes is published again", () => {
  const w = world(fromSource);
  put(w, "upstream", { a: "one" });
  settle(w);
  put(w, "upstream", { a: "two" });
  assert.equal(kinds(settle(w)), ["ReadSources", "UpdateSecret", "WriteStatus"]);
  assert.equal(values(w, "orders"), { A: "two" });
});

test("an update that cannot be published leaves the last good Secret and names its generation", () => {
  const w = world(plain);
  settle(w);
  const before = w.secrets.get("orders");
  edit(w, fromSource);
  settle(w);
  assert.is(w.secrets.get("orders"), before);
  assert.is(says(w, "Published"), "False/KeptLastGood");
  assert.match(condition(w, "Ready").message, "still holds generation 1");
  assert.is(w.appSecret.status?.observedGeneration, 2);
  assert.is(w.appSecret.status?.secret?.generation, 1);
});

test("nobody is told that a last good Secret holds what it held when it was changed by hand since", () => {
  const w = world(plain);
  settle(w);
  edit(w, fromSource);
  settle(w);
  const { metadata } = w.secrets.get("orders")!;
  w.secrets.set("orders", { metadata: { ...metadata, resourceVersion: "999" }, data: { A: "dHdv" } });
  settle(w);
  const message = 'Secret "orders" held generation 1 and was changed since; it is put right once this is repaired.';
  assert.is(condition(w, "Published").message, message);
  assert.is(condition(w, "Published").reason, "KeptLastGood");
  assert.match(condition(w, "Ready").message, message);
});

test("a last good Secret that is deleted by hand cannot be restored, and the status says so", () => {
  const w = world(plain);
  settle(w);
  edit(w, fromSource);
  settle(w);
  w.secrets.delete("orders");
  settle(w);
  assert.match(condition(w, "Published").message, "is gone and cannot be restored");
  assert.match(condition(w, "Ready").message, "is gone and cannot be restored");
  assert.is(w.appSecret.status?.binding, undefined);
  assert.equal(
    settle(w).filter(({ kind }) => kind !== "ReadSources"),
    [],
  );
});

test("a deleted Secret comes back, after asking whether its AppSecret still exists", () => {
  const w = world(plain);
  settle(w);
  w.secrets.delete("orders");
  const [create] = settle(w);
  assert.is(create?.kind === "CreateSecret" && create.confirm, true);
  assert.equal(values(w, "orders"), { A: "one" });
});

test("a Secret that somebody changed is put right", () => {
  const w = world(plain);
  settle(w);
  const secret = w.secrets.get("orders");
  if (!secret) throw new Error("nothing was published");
  w.secrets.set("orders", { metadata: { ...secret.metadata, resourceVersion: "999" }, data: { A: "eHg=" } });
  assert.equal(kinds(settle(w)), ["UpdateSecret", "WriteStatus"]);
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
  test(`a Secret ${whose} is not touched`, () => {
    const w = world(plain);
    put(w, "orders", { theirs: "x" }, metadata);
    assert.equal(kinds(settle(w)), ["WriteStatus", "RecordEvent"]);
    assert.equal(values(w, "orders"), { theirs: "x" });
    assert.is(says(w, "Published"), "False/SecretNotOwned");
    assert.is(says(w, "Stalled"), "True/SecretNotOwned");
    assert.match(condition(w, "Ready").message, message);
  });
}

test("a Secret that is handed over is taken over, exactly", () => {
  const w = world(plain);
  put(w, "orders", { theirs: "x" }, { annotations: { [OWNER_ANNOTATION]: "orders" } });
  assert.equal(kinds(settle(w)), ["UpdateSecret", "WriteStatus"]);
  assert.equal(values(w, "orders"), { A: "one" });
});

test("a renamed target publishes the new Secret before it withdraws the old one", () => {
  const w = world(plain);
  settle(w);
  edit(w, custom({ A: { value: "one" } }, { target: { name: "renamed" } }));
  assert.equal(kinds(settle(w)), ["CreateSecret", "DeleteSecret", "WriteStatus"]);
  assert.equal([...w.secrets.keys()], ["renamed"]);
  assert.is(w.appSecret.status?.secret?.name, "renamed");
});

test("a renamed target that belongs to somebody else leaves the old Secret in place", () => {
  const w = world(plain);
  settle(w);
  put(w, "taken", { theirs: "x" });
  edit(w, custom({ A: { value: "two" } }, { target: { name: "taken" } }));
  settle(w);
  assert.equal(values(w, "orders"), { A: "one" });
  assert.equal(w.appSecret.status?.binding, { name: "orders" });
  assert.match(condition(w, "Ready").message, 'Secret "orders" still holds generation 1');
});

test("under Retain the Secret has no ownerReference, so that Kubernetes does not collect it", () => {
  const w = world(custom({ A: { value: "one" } }, { deletionPolicy: "Retain" }));
  settle(w);
  assert.is(w.secrets.get("orders")?.metadata.ownerReferences, undefined);
});

test("keys are renamed", () => {
  const w = world({
    type: "Database",
    database: { name: "orders", mongodbUri: { value: "mongodb://db.example.com/orders" } },
    target: { keys: { MONGODB_URI: "DATABASE_URL" } },
  });
  settle(w);
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
  test(`an Atlas database ${what}`, () => {
    const w = world({ type: "Database", database: { name: "orders", mode: "MongoDBAtlas", atlas } });
    w.answer = () => ({ ...YES, facts: { host: "prod-eu.ab1cd.mongodb.net" } });
    settle(w);
    assert.equal(values(w, "orders"), {
      MONGODB_URI: `mongodb+srv://${"databaseUser" in atlas ? "orders:password@" : ""}prod-eu.ab1cd.mongodb.net/`,
      ATLAS_CLUSTER_NAME: "prod-eu",
      ...(keys ? { ATLAS_PRIVATE_KEY: "private", ATLAS_PUBLIC_KEY: "public" } : {}),
      ATLAS_PROJECT_ID: "64f0c0ffee0c0ffee0c0ffee",
      DATABASE_NAME: "orders",
    });
  });
}

test("a connection string that comes from a Secret is judged like a literal one, and not quoted", () => {
  const w = world({
    type: "Database",
    database: { name: "orders", mongodbUri: { valueFrom: { secretKeyRef: { name: "upstream", key: "uri" } } } },
  });
  put(w, "upstream", { uri: "postgres://canary@db/orders" });
  settle(w);
  assert.is(says(w, "Accepted"), "False/InvalidSpec");
  assert.match(
    condition(w, "Ready").message,
    'spec.database.mongodbUri: key "uri" of Secret "upstream" must begin with mongodb',
  );
  assert.not.match(JSON.stringify(w.appSecret.status), "canary");
});

test("an AppSecret cannot read the Secret that it publishes: it would remove the very key that it reads", () => {
  const w = world(custom({ A: { valueFrom: { secretKeyRef: { name: "orders", key: "a" } } } }));
  put(w, "orders", { a: "one" }, { annotations: { [OWNER_ANNOTATION]: "orders" } });
  settle(w);
  assert.is(says(w, "Stalled"), "True/InvalidSpec");
  assert.equal(values(w, "orders"), { a: "one" });
});

test("more than a Secret holds is refused whole", () => {
  const big = { valueFrom: { secretKeyRef: { name: "upstream", key: "a" } } };
  const w = world(custom({ A: big, B: big }));
  put(w, "upstream", { a: "x".repeat(524_289) });
  settle(w);
  assert.not.ok(w.secrets.has("orders"));
  assert.is(says(w, "Stalled"), "True/InvalidSpec");
  assert.match(condition(w, "Ready").message, "add up to 1048578 bytes, and a Secret holds at most 1048576");
});

for (const [kind, refusal, reason, flag] of [
  ["forbids", { kind: "Forbidden" }, "False/Forbidden", "Reconciling"],
  ["refuses for another reason", { kind: "Refused", reason: "Invalid" }, "False/Forbidden", "Reconciling"],
  ["finds the Secret immutable", { kind: "Immutable" }, "False/KeptLastGood", "Stalled"],
  ["finds the Secret not Opaque", { kind: "NotOpaque" }, "False/SecretNotOwned", "Stalled"],
] as const) {
  test(`when the API server ${kind}, the status says ${reason} and ${flag}`, () => {
    const w = world(plain);
    const observed: Observed = { ...observe(w), refusal };
    const { actions, retry } = plan(observed, NOW);
    const written = actions.find((action) => action.kind === "WriteStatus");
    w.appSecret = { ...w.appSecret, status: written?.status ?? { observedGeneration: -1 } };
    assert.is(says(w, "Published"), reason);
    assert.ok(has(w, flag));
    assert.is(retry, flag === "Reconciling");
    assert.is(w.secrets.size, 0);
  });
}

test("when the holder's label is forbidden, the status says so, nothing is published, and it is tried again", () => {
  const w = world(login, { holder: ME });
  const { actions, retry } = plan({ ...observe(w), refusal: { kind: "HoldsForbidden" } }, NOW);
  assert.equal(kinds(actions), ["WriteStatus", "RecordEvent"]);
  assert.ok(retry);
  assert.equal(kinds(plan(observe(w), NOW).actions), ["SetHolds", "Check"]);
});

test("a Secret that is not as we left it is put right only after asking whether we know the AppSecret's latest version", () => {
  const w = world(plain);
  settle(w);
  edit(w, custom({ A: { value: "two" } }));
  const [update] = plan(observe(w), NOW).actions;
  assert.is(update?.kind === "UpdateSecret" && update.confirm, false, "as we left it");
  const secret = w.secrets.get("orders");
  if (!secret) throw new Error("nothing was published");
  w.secrets.set("orders", { ...secret, metadata: { ...secret.metadata, resourceVersion: "999" } });
  const [repair] = plan(observe(w), NOW).actions;
  assert.is(repair?.kind === "UpdateSecret" && repair.confirm, true);
});

for (const [why, spec, deletionPolicy] of [
  ["disabled", { ...login, authentication: { ...login.authentication, enabled: false } }, "Delete"],
  ["renamed", { ...login, target: { name: "renamed" } }, "Delete"],
  ["renamed, under Retain", { ...login, target: { name: "renamed" } }, "Retain"],
] as const) {
  test(`${why}, and the old Secret may not be deleted: the status says so and goes on until it is gone`, () => {
    const w = world({ ...login, deletionPolicy }, { holder: ME });
    settle(w);
    edit(w, { ...spec, deletionPolicy });
    const old = w.secrets.get("orders")!;
    settle(w);
    w.secrets.set("orders", old);
    w.appSecret.status = { ...w.appSecret.status!, secret: { ...w.appSecret.status!.secret!, ...old.metadata } };

    const refusal = { kind: "DeleteForbidden", name: "orders" } as const;
    const { actions, retry } = plan({ ...observe(w), refusal }, NOW);
    assert.equal(kinds(actions), ["WriteStatus", "RecordEvent"]);
    const written = actions.find((action) => action.kind === "WriteStatus");
    w.appSecret = { ...w.appSecret, status: written!.status };
    assert.is(says(w, "Published"), "False/Forbidden");
    assert.is(says(w, "Ready"), "False/Forbidden");
    assert.match(condition(w, "Ready").message, 'may not delete Secret "orders"');
    assert.ok(has(w, "Reconciling"));
    assert.is(retry, true);
    assert.equal(kinds(plan({ ...observe(w), refusal }, NOW).actions), [], "saying it once is enough");

    const again = kinds(settle(w));
    assert.ok(again.includes("DeleteSecret"), "it is tried again");
    assert.not.ok(w.secrets.has("orders"));
    assert.is(says(w, "Ready"), why === "disabled" ? "True/Disabled" : "True/Published");
    assert.equal(kinds(settle(w)), []);
  });
}

test("a source that may not be read is named, and asked for again", () => {
  const w = world(fromSource);
  const observed = { ...observe(w), sources: new Map([["upstream", { found: false, forbidden: true } as const]]) };
  const { actions, retry } = plan(observed, NOW);
  const written = actions.find((action) => action.kind === "WriteStatus");
  w.appSecret = { ...w.appSecret, status: written!.status };
  assert.is(says(w, "Accepted"), "False/Forbidden");
  assert.match(
    condition(w, "Ready").message,
    /spec\.custom\.data\[A\].*Secret "upstream", which the operator is not allowed to read/,
  );
  assert.ok(has(w, "Reconciling"));
  assert.is(retry, true);
});

test("an AppSecret that is being deleted is left to Kubernetes", () => {
  const w = world(plain);
  w.appSecret.metadata.deletionTimestamp = "2026-11-23T11:59:00Z";
  assert.equal(settle(w), []);
});

test("every condition carries the generation that it speaks of, and its time moves only with its status", () => {
  const w = world(plain);
  settle(w);
  edit(w, custom({ A: { value: "two" } }));
  settle(w, new Date("2026-11-23T13:00:00Z"));
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
