/** What was verified is replaced only by what was verified, or because the AppSecret says `verify: "Off"`. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CheckSubject, Verdict } from "#api/check";
import { VERIFIED_ANNOTATION } from "#api/names";
import type { ConditionType } from "#api/status";
import { Reason } from "#api/status";
import { plan } from "#plan/plan";
import type { World } from "#support/plan/world";
import { edit, makeDue, modify, NOW, observe, put, settle, world, YES } from "#support/plan/world";

const db = (host: string, rest: object = {}) => ({
  type: "Database",
  database: { name: "orders", mongodbUri: { value: `mongodb://${host}/` } },
  ...rest,
});
const login = (host: string, audience = "orders", rest: object = {}) => ({
  type: "Authentication",
  authentication: { jwksUri: `https://${host}/jwks`, audience },
  ...rest,
});
const fromSource = {
  type: "Database",
  database: { name: "orders", mongodbUri: { valueFrom: { secretKeyRef: { name: "upstream", key: "uri" } } } },
};
const atlas = (rest: object = {}, more: object = {}) => ({
  type: "Database",
  database: {
    name: "orders",
    mode: "MongoDBAtlas",
    atlas: {
      projectId: "64f0c0ffee0c0ffee0c0ffee",
      clusterName: "prod-eu",
      publicKey: { value: "public" },
      privateKey: { value: "private" },
      ...more,
    },
  },
  ...rest,
});

const SILENCE: Verdict = { answer: "Silence", reason: Reason.UnreachableTimeout, message: "Nobody answers." };
const OURS: Verdict = { answer: "Silence", reason: Reason.CheckNotMade, message: "The operator was too busy." };
const NO: Verdict = { answer: "No", reason: Reason.RejectedURI, message: "It does not work.", passing: false };

/** "up" answers, everything else is silent. */
const onlyUp = (subject: CheckSubject) => (JSON.stringify(subject).includes("//up") ? YES : SILENCE);

function says({ appSecret }: World, type: ConditionType): string {
  const found = appSecret.status?.conditions?.find((one) => one.type === type);
  return found ? `${found.status}/${found.reason}` : "";
}
function message({ appSecret }: World, type: ConditionType): string {
  return appSecret.status?.conditions?.find((one) => one.type === type)?.message ?? "";
}
function value(of: World, key: string, secret = "orders"): string {
  return Buffer.from(of.secrets.get(secret)?.data[key] ?? "", "base64").toString();
}
const isMarked = (w: World, secret = "orders") =>
  w.secrets.get(secret)?.metadata.annotations?.[VERIFIED_ANNOTATION] === "true";
const kinds = (actions: readonly { kind: string }[]) => actions.map(({ kind }) => kind);

/** Verified and published, and from now on nobody answers. */
async function verified(spec: unknown): Promise<World> {
  const w = world(spec);
  await settle(w);
  assert.is(says(w, "Ready"), "True/Published");
  w.answer = () => SILENCE;
  return w;
}

test("what was verified says so, on the Secret and in the status, with no write more", async () => {
  const w = world(db("up"));
  assert.equal(kinds(await settle(w)), ["Check", "CreateSecret", "WriteStatus", "RecordEvent"]);
  assert.ok(isMarked(w));
  assert.is(w.appSecret.status?.secret?.verified, true);
});

test("what has no live check says nothing of it", async () => {
  const w = world({ type: "Custom", custom: { data: { A: { value: "1" } } } });
  await settle(w);
  assert.not.ok(isMarked(w));
  assert.not.ok("verified" in (w.appSecret.status?.secret ?? {}));
});

test("a first publication without a yes is published, and everything says so", async () => {
  const w = world(db("down"));
  w.answer = onlyUp;
  const did = await settle(w);
  assert.is(value(w, "MONGODB_URI"), "mongodb://down/");
  assert.is(says(w, "Ready"), "True/PublishedUnverified");
  assert.is(says(w, "Published"), "True/PublishedUnverified");
  assert.match(message(w, "Ready"), /not verified.*Nobody answers\./);
  const event = did.find(({ kind }) => kind === "RecordEvent")?.event;
  assert.equal([event?.type, event?.reason], ["Warning", "PublishedUnverified"]);
  assert.not.ok(isMarked(w));
  assert.equal(await settle(w), [], "and says it once");
});

test("a later yes is told by the status, the Secret's mark and an Event, and changes no value", async () => {
  const w = world(db("down"));
  w.answer = onlyUp;
  await settle(w);
  w.answer = () => YES;
  makeDue(w);
  const did = await settle(w);
  assert.equal(kinds(did), ["Check", "UpdateSecret", "WriteStatus", "RecordEvent"]);
  assert.equal([says(w, "Ready"), isMarked(w)], ["True/Published", true]);
  assert.equal([did[3]?.event?.type, did[3]?.event?.reason], ["Normal", "Published"]);
  assert.equal(await settle(w), []);
});

test("a later no to what was never verified shows in Ready, and what is published is still known as unverified", async () => {
  const w = world(db("down"));
  w.answer = onlyUp;
  await settle(w);
  w.answer = () => NO;
  makeDue(w);
  await settle(w);
  assert.equal([says(w, "Ready"), says(w, "Published")], ["False/RejectedURI", "True/PublishedUnverified"]);
  assert.is(message(w, "Ready"), 'It does not work. Secret "orders" holds generation 1, which was not verified.');
});

test("silence about what was verified changes nothing of it", async () => {
  const w = await verified(db("up"));
  const before = w.secrets.get("orders");
  makeDue(w);
  await settle(w);
  assert.equal([says(w, "Ready"), says(w, "Verified")], ["True/Published", "Unknown/UnreachableTimeout"]);
  assert.is(w.secrets.get("orders"), before);
  assert.is(w.appSecret.status?.secret?.verified, true);
});

test("an update to a target that is silent is held, says why, and names the way out", async () => {
  const w = await verified(db("up"));
  const before = w.secrets.get("orders");
  edit(w, db("wrong-port"));
  await settle(w);
  assert.is(w.secrets.get("orders"), before);
  assert.equal(
    ["Ready", "Published", "Reconciling", "Verified"].map((type) => says(w, type as ConditionType)),
    ["False/KeptLastGood", "False/KeptLastGood", "True/KeptLastGood", "Unknown/UnreachableTimeout"],
  );
  for (const part of ["Nobody answers.", 'Secret "orders"', 'spec.verify to "Off" (with the quotes)']) {
    assert.match(message(w, "Ready"), part);
  }
  const { uid, resourceVersion } = before!.metadata;
  const ownSecrets = new Map([[uid, { uid, resourceVersion, data: before!.data }]]);
  const { check } = plan(observe(w, { ownSecrets }), NOW);
  assert.ok(check?.state === "Repeat" && check.trouble?.waits);
  const again = await settle(w);
  assert.equal(
    kinds(again).filter((kind) => kind !== "ReadPublished"),
    [],
  );
});

test("a held update stays held after a restart, which writes nothing, and is published once its target answers", async () => {
  const w = await verified(db("up"));
  edit(w, db("slow"));
  await settle(w);
  w.known.clear();
  assert.equal(
    kinds(await settle(w)).filter((kind) => kind !== "ReadPublished"),
    [],
  );
  w.answer = () => YES;
  makeDue(w);
  w.known.clear();
  w.appSecret = {
    ...w.appSecret,
    metadata: { ...w.appSecret.metadata, annotations: { "appsecret.dev/check-now": "now" } },
  };
  await settle(w);
  assert.is(value(w, "MONGODB_URI"), "mongodb://slow/");
  assert.equal([says(w, "Ready"), isMarked(w)], ["True/Published", true]);
});

for (const [what, update] of [
  ["labels", login("up", "orders", { target: { labels: { team: "orders" } } })],
  ["the audience, which no check looks at", login("up", "billing")],
  ["a key's name", login("up", "orders", { target: { keys: { JWKS_URI: "KEYS" } } })],
  ["the Secret's name", login("up", "orders", { target: { name: "sign-in" } })],
] as const) {
  test(`an update of ${what} leaves what is checked the same: it is published though nobody answers, and stays verified`, async () => {
    const w = await verified(login("up"));
    edit(w, update);
    await settle(w);
    const name = w.appSecret.status?.secret?.name ?? "";
    assert.equal([says(w, "Ready"), isMarked(w, name)], ["True/Published", true]);
    assert.equal([...w.secrets.keys()], [name]);
    assert.is(w.appSecret.status?.secret?.generation, 2);
    edit(w, login("wrong"));
    await settle(w);
    assert.is(says(w, "Ready"), "False/KeptLastGood");
  });
}

for (const [what, update] of [
  ["under another name", db("down", { target: { name: "other" } })],
  ["under another key", db("down", { target: { keys: { MONGODB_URI: "URI" } } })],
  ["with another database", { ...db("up"), database: { ...db("up").database, name: "billing" } }],
  [
    "with its keys exchanged",
    db("up", { target: { keys: { MONGODB_URI: "DATABASE_NAME", DATABASE_NAME: "MONGODB_URI" } } }),
  ],
] as const) {
  test(`an update ${what} is held just the same`, async () => {
    const w = await verified(db("up"));
    const before = w.secrets.get("orders");
    edit(w, update);
    await settle(w);
    assert.is(says(w, "Ready"), "False/KeptLastGood");
    assert.equal([...w.secrets.values()], [before]);
  });
}

test("a key set's address that was the audience before is another address", async () => {
  const w = await verified(login("up", "https://other/jwks"));
  edit(w, login("other", "orders", { target: { keys: { JWKS_URI: "KEYS" } } }));
  await settle(w);
  assert.is(says(w, "Ready"), "False/KeptLastGood");
});

test("a source that changes to something silent is held", async () => {
  const w = world(fromSource);
  put(w, "upstream", { uri: "mongodb://up/" });
  await settle(w);
  w.answer = () => SILENCE;
  put(w, "upstream", { uri: "mongodb://down/" });
  await settle(w);
  assert.equal([says(w, "Ready"), value(w, "MONGODB_URI")], ["False/KeptLastGood", "mongodb://up/"]);
  put(w, "upstream", { uri: "mongodb://up/" });
  await settle(w);
  assert.equal([says(w, "Ready"), isMarked(w)], ["True/Published", true], "the same value again is no change");
});

test("Off publishes, and what it published may be replaced without a yes", async () => {
  const w = await verified(db("up"));
  edit(w, db("down", { verify: "Off" }));
  await settle(w);
  assert.equal([value(w, "MONGODB_URI"), isMarked(w)], ["mongodb://down/", false]);
  assert.equal([says(w, "Ready"), w.appSecret.status?.secret?.verified], ["True/Published", false]);
  edit(w, db("elsewhere"));
  await settle(w);
  assert.equal([says(w, "Ready"), value(w, "MONGODB_URI")], ["True/PublishedUnverified", "mongodb://elsewhere/"]);
});

test("Off with the values that were verified takes nothing from them", async () => {
  const w = await verified(db("up"));
  edit(w, db("up", { verify: "Off" }));
  await settle(w);
  assert.ok(isMarked(w));
  edit(w, db("down"));
  await settle(w);
  assert.is(says(w, "Ready"), "False/KeptLastGood");
});

test("an edit of a held update to Strict, and back, leaves it held", async () => {
  const w = await verified(db("up"));
  for (const verify of ["BestEffort", "Strict", "BestEffort"]) {
    edit(w, db("down", { verify }));
    await settle(w);
    assert.is(value(w, "MONGODB_URI"), "mongodb://up/", verify);
  }
  assert.is(says(w, "Ready"), "False/KeptLastGood");
});

test("what was withdrawn is not replaced: it is a first publication again", async () => {
  const w = await verified(login("up"));
  edit(w, { ...login("up"), authentication: { ...login("up").authentication, enabled: false } });
  await settle(w);
  assert.is(w.secrets.size, 0);
  edit(w, login("down"));
  await settle(w);
  assert.is(says(w, "Ready"), "True/PublishedUnverified");
});

test("a Secret that somebody deleted comes back as verified, and where an update was held, nothing is left to be kept", async () => {
  const w = await verified(db("up"));
  makeDue(w);
  await settle(w);
  w.secrets.delete("orders");
  await settle(w);
  assert.equal([value(w, "MONGODB_URI"), isMarked(w), says(w, "Ready")], ["mongodb://up/", true, "True/Published"]);
  edit(w, db("down"));
  await settle(w);
  assert.is(says(w, "Ready"), "False/KeptLastGood");
  w.secrets.delete("orders");
  await settle(w);
  assert.is(says(w, "Ready"), "True/PublishedUnverified");
});

test("what somebody changed by hand is put back, also while nobody answers; an update of it is held", async () => {
  const w = await verified(db("up"));
  modify(w, "orders", { MONGODB_URI: "" });
  makeDue(w);
  await settle(w);
  assert.is(value(w, "MONGODB_URI"), "mongodb://up/");
  modify(w, "orders", { MONGODB_URI: "" });
  edit(w, db("down"));
  await settle(w);
  assert.is(says(w, "Ready"), "False/KeptLastGood");
});

test("a Secret that was retained is protected from the next AppSecret of its name, whose status knows nothing", async () => {
  for (const [host, ready] of [
    ["down", "False/KeptLastGood"],
    ["up", "True/Published"],
  ] as const) {
    const w = await verified(db("up", { deletionPolicy: "Retain" }));
    const { status: _, ...rest } = w.appSecret;
    const next = world(db(host)).appSecret;
    w.appSecret = { ...rest, spec: next.spec, metadata: { ...rest.metadata, uid: "next", generation: 1 } };
    w.known.clear();
    await settle(w);
    assert.equal([says(w, "Ready"), value(w, "MONGODB_URI"), isMarked(w)], [ready, "mongodb://up/", true]);
  }
});

test("a silent target whose silence is the operator's own doing publishes nothing, not even for the first time", async () => {
  const w = world(db("up"));
  w.answer = () => OURS;
  await settle(w);
  assert.equal([says(w, "Ready"), w.secrets.size], ["False/CheckNotMade", 0]);
  w.known.clear();
  await settle(w);
  assert.is(w.secrets.size, 0, "also after a restart");
});

test("Atlas: what leaves its values the same is published while Atlas is silent, the rest is held", async () => {
  const w = world(atlas());
  w.answer = () => ({ ...YES, facts: { host: "c0.example.com" } });
  await settle(w);
  w.answer = () => SILENCE;
  edit(w, atlas({ target: { labels: { team: "orders" } } }));
  await settle(w);
  assert.equal([says(w, "Ready"), value(w, "MONGODB_URI")], ["True/Published", "mongodb+srv://c0.example.com/"]);
  edit(w, atlas({}, { clusterName: "prod-us" }));
  await settle(w);
  assert.equal([says(w, "Ready"), value(w, "ATLAS_CLUSTER_NAME")], ["False/KeptLastGood", "prod-eu"]);
});

for (const [what, before, expected] of [
  ["with a yes", () => YES, "False/KeptLastGood"],
  ["in silence, which may have come after a yes", () => SILENCE, "False/KeptLastGood"],
] as const) {
  test(`what an older operator published ${what} counts as verified, and the upgrade writes nothing`, async () => {
    const w = world(db("old"));
    w.answer = before;
    await settle(w);
    older(w);
    w.known.clear();
    assert.equal(await settle(w), []);
    w.answer = () => SILENCE;
    edit(w, db("down"));
    await settle(w);
    assert.is(says(w, "Ready"), expected);
  });
}

test("what an older operator published under Off does not count as verified", async () => {
  const w = world(db("old", { verify: "Off" }));
  await settle(w);
  older(w);
  assert.equal(await settle(w), []);
  w.answer = () => SILENCE;
  edit(w, db("down"));
  await settle(w);
  assert.is(says(w, "Ready"), "True/PublishedUnverified");
});

/** As the version before left it: no mark, no record, and no word of PublishedUnverified. */
function older(w: World): void {
  const { verified: _, ...secret } = w.appSecret.status!.secret!;
  const holds = `Secret "orders" holds generation 1.`;
  const conditions = w.appSecret.status!.conditions!.map((one) =>
    one.reason === "PublishedUnverified" ? { ...one, reason: "Published", message: holds } : one,
  );
  const stored = w.secrets.get("orders")!;
  const { [VERIFIED_ANNOTATION]: __, ...annotations } = stored.metadata.annotations ?? {};
  w.secrets.set("orders", { ...stored, metadata: { ...stored.metadata, annotations } });
  w.appSecret = { ...w.appSecret, status: { ...w.appSecret.status!, secret, conditions } };
}

test.run();
