/** Promises of `plan` about live checks: nothing broken is published, and nothing that works is taken away. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CHECK_NOW_ANNOTATION } from "#api/names";
import type { Verdict } from "#api/check";
import type { Condition, ConditionType } from "#api/status";
import { Reason } from "#api/status";
import { plan } from "#plan/plan";
import { conditionOf } from "#plan/verdict";
import type { World } from "#support/plan/world";
import { edit, makeDue, NOW, observe, put, settle, world, YES } from "#support/plan/world";

const db = (uri: string, rest: object = {}) => ({
  type: "Database",
  database: { name: "orders", mongodbUri: { value: uri } },
  ...rest,
});
const GOOD = "mongodb://orders:right@db.example.com/";
const BAD = "mongodb://orders:wrong@db.example.com/";
const fromSource = {
  type: "Database",
  database: { name: "orders", mongodbUri: { valueFrom: { secretKeyRef: { name: "upstream", key: "uri" } } } },
};
const atlas = {
  type: "Database",
  database: {
    name: "orders",
    mode: "MongoDBAtlas",
    atlas: {
      projectId: "64f0c0ffee0c0ffee0c0ffee",
      clusterName: "prod-eu",
      publicKey: { value: "public" },
      privateKey: { value: "private" },
    },
  },
};

const NO: Verdict = {
  answer: "No",
  reason: Reason.RejectedAuthentication,
  message: "The database refuses the password.",
  passing: false,
};
const NOT_YET: Verdict = {
  answer: "No",
  reason: Reason.RejectedClusterCreating,
  message: "The cluster is being created.",
  passing: true,
};
const SILENCE: Verdict = { answer: "Silence", reason: Reason.UnreachableTimeout, message: "Nobody answers." };
const UNVERIFIABLE: Verdict = {
  answer: "Unverifiable",
  reason: Reason.CannotBeChecked,
  message: "The database server responded. Not checked: the login.",
};

function condition({ appSecret }: World, type: ConditionType): Condition | undefined {
  return appSecret.status?.conditions?.find((candidate) => candidate.type === type);
}
function says(in_: World, type: ConditionType): string {
  const found = condition(in_, type);
  return found ? `${found.status}/${found.reason}` : "";
}
function uriOf(in_: World): string {
  return Buffer.from(in_.secrets.get("orders")?.data["MONGODB_URI"] ?? "", "base64").toString();
}
/** What a new process knows: what the status says. */
function restart(of: World): void {
  of.known.clear();
  of.asked.length = 0;
}
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000);
const kinds = (actions: readonly { kind: string }[]) => actions.map(({ kind }) => kind);
const unless = (bad: string, verdict: Verdict) => (target: object) =>
  JSON.stringify(target).includes(bad) ? verdict : YES;

test("a yes is published with two writes, and the status says so", async () => {
  const w = world(db(GOOD));
  assert.equal(kinds(await settle(w)), ["Check", "CreateSecret", "WriteStatus", "RecordEvent"]);
  assert.is(says(w, "Verified"), "True/Verified");
  assert.is(says(w, "Ready"), "True/Published");
  assert.equal(w.appSecret.status?.verification, { generation: 1, answer: "Yes" });
});

for (const verify of ["BestEffort", "Strict"] as const) {
  test(`a definite no is not published under ${verify}, and stalls unless it repairs itself`, async () => {
    const w = world(db(BAD, { verify }));
    w.answer = () => NO;
    assert.equal(kinds(await settle(w)), ["Check", "WriteStatus", "RecordEvent"]);
    assert.is(w.secrets.size, 0);
    assert.is(says(w, "Ready"), "False/RejectedAuthentication");
    assert.is(says(w, "Verified"), "False/RejectedAuthentication");
    assert.is(says(w, "Published"), "False/NotPublished");
    assert.is(says(w, "Reconciling"), "True/RejectedAuthentication");
    assert.equal(kinds(await settle(w, later(121))), ["WriteStatus"]);
    assert.is(says(w, "Stalled"), "True/RejectedAuthentication");
    assert.is(condition(w, "Ready")?.message, NO.message);
  });

  test(`a no to an update leaves the last good Secret as it was under ${verify}`, async () => {
    const w = world(db(GOOD, { verify }));
    w.answer = unless("wrong", NO);
    await settle(w);
    const before = w.secrets.get("orders");
    edit(w, db(BAD, { verify }));
    await settle(w);
    assert.is(w.secrets.get("orders"), before);
    assert.is(says(w, "Published"), "False/KeptLastGood");
    assert.match(
      condition(w, "Ready")?.message ?? "",
      /refuses the password. Secret "orders" still holds generation 1/,
    );
    assert.equal(w.appSecret.status?.binding, { name: "orders" });
    edit(w, db(GOOD, { verify }));
    await settle(w);
    assert.is(says(w, "Ready"), "True/Published");
    assert.is(uriOf(w), GOOD);
  });
}

test("of a no a person hears after two minutes: with one write, to which the key is woken, also after a restart", async () => {
  for (const restarts of [false, true]) {
    const w = world(db(BAD));
    w.answer = () => NO;
    await settle(w);
    assert.is(w.reconciled?.againMs, 120_000);
    const since = w.appSecret.status?.verification?.failingSince;
    assert.is(since, "2026-11-23T12:00:00Z");
    if (restarts) restart(w);
    assert.equal(await settle(w, later(60)), [], "nothing is written meanwhile");
    assert.is(w.reconciled?.againMs, 60_000);
    makeDue(w);
    await settle(w, later(119));
    assert.is(says(w, "Reconciling"), "True/RejectedAuthentication");
    assert.is(w.reconciled?.againMs, 1000);
    assert.equal(kinds(await settle(w, later(120))), ["WriteStatus"]);
    assert.is(says(w, "Stalled"), "True/RejectedAuthentication");
    assert.is(w.appSecret.status?.verification?.failingSince, since);
    assert.is(w.reconciled?.againMs, undefined);
    assert.equal(await settle(w, later(3600)), []);
  }
});

test("each generation and each version of a source has two minutes of its own, and so has a no after a yes", async () => {
  const w = world(db(BAD));
  w.answer = () => NO;
  await settle(w);
  await settle(w, later(500));
  edit(w, db(`${BAD}?w=1`));
  await settle(w, later(500));
  assert.is(says(w, "Reconciling"), "True/RejectedAuthentication");
  assert.is(w.appSecret.status?.verification?.failingSince, later(500).toISOString().replace(".000", ""));
  w.answer = () => YES;
  makeDue(w);
  await settle(w, later(510));
  assert.is(says(w, "Ready"), "True/Published");
  assert.is(w.appSecret.status?.verification?.failingSince, undefined);
  w.answer = () => NO;
  makeDue(w);
  await settle(w, later(2000));
  assert.is(says(w, "Reconciling"), "True/RejectedAuthentication");
  await settle(w, later(2120));
  assert.is(says(w, "Stalled"), "True/RejectedAuthentication");
});

test("a no that may become a yes by itself is waited for", async () => {
  const w = world(atlas);
  w.answer = () => NOT_YET;
  await settle(w);
  assert.is(says(w, "Reconciling"), "True/RejectedClusterCreating");
  assert.is(says(w, "Stalled"), "");
  const { check } = plan(observe(w), NOW);
  assert.ok(check?.state === "Repeat" && check.trouble?.waits);
  await settle(w, later(3600));
  assert.is(says(w, "Reconciling"), "True/RejectedClusterCreating");
});

test("silence does not keep a version from being published under BestEffort, and is told", async () => {
  const w = world(db(GOOD));
  w.answer = () => SILENCE;
  await settle(w);
  assert.is(uriOf(w), GOOD);
  assert.is(says(w, "Ready"), "True/PublishedUnverified");
  assert.is(says(w, "Verified"), "Unknown/UnreachableTimeout");
  assert.is(says(w, "Stalled") + says(w, "Reconciling"), "");
});

test("silence keeps a version from being published under Strict, which waits", async () => {
  const w = world(db(GOOD, { verify: "Strict" }));
  w.answer = () => SILENCE;
  await settle(w);
  assert.is(w.secrets.size, 0);
  assert.is(says(w, "Ready"), "False/UnreachableTimeout");
  assert.is(says(w, "Reconciling"), "True/UnreachableTimeout");
});

test("what cannot be checked is published under BestEffort, and told", async () => {
  const w = world(db(GOOD));
  w.answer = () => UNVERIFIABLE;
  await settle(w);
  assert.is(uriOf(w), GOOD);
  assert.is(says(w, "Ready"), "True/PublishedUnverified");
  assert.is(says(w, "Verified"), "Unknown/CannotBeChecked");
  assert.is(says(w, "Stalled") + says(w, "Reconciling"), "");
});

test("what cannot be checked is held under Strict, names BestEffort once, also after a restart, and stalls", async () => {
  const w = world(db(GOOD, { verify: "Strict" }));
  w.answer = () => UNVERIFIABLE;
  await settle(w);
  assert.is(w.secrets.size, 0);
  assert.is(says(w, "Ready"), "False/CannotBeChecked");
  assert.is(says(w, "Stalled"), "True/CannotBeChecked");
  assert.match(condition(w, "Ready")?.message ?? "", /Not checked: the login\. .*set verify: BestEffort\.$/);
  restart(w);
  assert.equal(await settle(w), []);
});

test("an Atlas cluster whose address nobody told waits, also under BestEffort: MONGODB_URI would be missing", async () => {
  const w = world(atlas);
  w.answer = () => SILENCE;
  await settle(w);
  assert.is(w.secrets.size, 0);
  assert.is(says(w, "Reconciling"), "True/UnreachableTimeout");
});

test("an Atlas cluster whose address is told, and that cannot be reached, is published under BestEffort and waits under Strict", async () => {
  const unreached = (host: string): Verdict => ({ ...SILENCE, facts: { host } });
  const w = world(atlas);
  w.answer = () => unreached("c0.example.com");
  await settle(w);
  assert.is(uriOf(w), "mongodb+srv://c0.example.com/");
  assert.equal([says(w, "Ready"), says(w, "Verified")], ["True/PublishedUnverified", "Unknown/UnreachableTimeout"]);
  w.answer = () => unreached("c1.example.com");
  makeDue(w);
  await settle(w);
  assert.is(uriOf(w), "mongodb+srv://c0.example.com/", "silence changes nothing that is published");

  const strict = world({ ...atlas, verify: "Strict" });
  strict.answer = () => unreached("c0.example.com");
  await settle(strict);
  assert.is(strict.secrets.size, 0);
});

test("under Off nothing is asked", async () => {
  const w = world(db(BAD, { verify: "Off" }));
  w.answer = () => NO;
  await settle(w);
  assert.equal(w.asked, []);
  assert.is(says(w, "Verified"), "True/NotRequired");
  assert.is(says(w, "Ready"), "True/Published");
});

test("a later no marks the AppSecret and keeps the Secret; a later yes takes the mark away", async () => {
  const w = world(db(GOOD));
  await settle(w);
  const before = w.secrets.get("orders");
  w.answer = () => NO;
  makeDue(w);
  assert.equal(kinds(await settle(w)), ["Check", "WriteStatus", "RecordEvent"]);
  assert.is(w.secrets.get("orders"), before);
  assert.is(says(w, "Ready"), "False/RejectedAuthentication");
  assert.is(says(w, "Published"), "True/Published");
  assert.is(says(w, "Reconciling"), "True/RejectedAuthentication");
  assert.equal(kinds(await settle(w, later(120))), ["WriteStatus"]);
  assert.is(says(w, "Stalled"), "True/RejectedAuthentication");
  w.answer = () => YES;
  makeDue(w);
  await settle(w);
  assert.is(w.secrets.get("orders"), before);
  assert.is(says(w, "Ready"), "True/Published");
  assert.is(says(w, "Stalled"), "");
});

test("what was published is put back when somebody changes or deletes it, also after a later no", async () => {
  const w = world(fromSource);
  put(w, "upstream", { uri: GOOD });
  await settle(w);
  w.answer = () => NO;
  makeDue(w);
  await settle(w);
  w.secrets.delete("orders");
  await settle(w);
  assert.is(uriOf(w), GOOD);
  assert.is(says(w, "Published"), "True/Published");
  assert.is(says(w, "Reconciling"), "True/RejectedAuthentication");
});

for (const [what, verdict] of [
  ["yes", YES],
  ["no", NO],
  ["silence", SILENCE],
  ["what cannot be checked", UNVERIFIABLE],
] as const) {
  test(`a check that says ${what} again writes nothing`, async () => {
    const w = world(db(GOOD));
    w.answer = () => verdict;
    await settle(w);
    makeDue(w);
    assert.equal(kinds(await settle(w)), ["Check"]);
  });

  test(`after a restart a ${what} is remembered: nothing is read, asked or written`, async () => {
    const w = world(fromSource);
    put(w, "upstream", { uri: GOOD });
    w.answer = () => verdict;
    await settle(w);
    restart(w);
    // Of a no, there is one write to come.
    if (verdict === NO) await settle(w, later(120));
    const { actions, check } = plan(observe(w), new Date("2030-01-01"));
    assert.equal(actions, []);
    assert.is(check?.state, "Repeat");
  });
}

for (const [what, spec, verdict, waits] of [
  ["a yes", db(GOOD), YES, undefined],
  ["a definite no that has lasted", db(GOOD), NO, false],
  ["what cannot be checked", db(GOOD), UNVERIFIABLE, undefined],
  ["what cannot be checked, under Strict", db(GOOD, { verify: "Strict" }), UNVERIFIABLE, undefined],
  ["a no that may pass", atlas, NOT_YET, true],
  ["silence under Strict", db(GOOD, { verify: "Strict" }), SILENCE, true],
  ["silence under BestEffort, which is published", db(GOOD), SILENCE, false],
] as const) {
  test(`after ${what} the scheduler knows since when there is trouble, and whether something waits, also after a restart`, async () => {
    const w = world(spec);
    w.answer = () => verdict;
    await settle(w);
    const before = plan(observe(w), later(120)).check;
    restart(w);
    for (const check of [before, plan(observe(w), later(120)).check]) {
      assert.ok(check?.state === "Repeat");
      if (waits === undefined) assert.is(check.trouble, undefined);
      else assert.equal(check.trouble, { sinceMs: NOW.getTime(), reason: conditionOf(verdict).reason, waits });
    }
  });
}

for (const [what, verdict] of [
  ["yes", YES],
  ["no", NO],
  ["no that may pass", NOT_YET],
  ["silence", SILENCE],
] as const) {
  test(`a ${what} that an older operator recorded without the answer is known, and nothing is written for the upgrade`, async () => {
    const w = world(db(GOOD));
    w.answer = () => verdict;
    await settle(w);
    // It said at once what this one says after two minutes.
    await settle(w, later(120));
    const { answer, passing: _, failingSince: __, ...older } = w.appSecret.status!.verification!;
    assert.is(answer, verdict.answer);
    w.appSecret = { ...w.appSecret, status: { ...w.appSecret.status!, verification: older } };
    restart(w);
    assert.equal(await settle(w), []);
    makeDue(w);
    assert.equal(
      kinds(await settle(w)).filter((kind) => kind !== "Check"),
      [],
    );
    w.answer = () => (verdict === NO ? YES : NO);
    makeDue(w);
    restart(w);
    w.appSecret = {
      ...w.appSecret,
      metadata: { ...w.appSecret.metadata, annotations: { [CHECK_NOW_ANNOTATION]: "now" } },
    };
    await settle(w);
    assert.is(w.appSecret.status?.verification?.answer, verdict === NO ? "Yes" : "No", "another verdict is recorded");
  });
}

test("what the status records of a verdict is its answer: the conditions may say anything", async () => {
  const w = world(atlas);
  w.answer = () => NOT_YET;
  await settle(w);
  const status = w.appSecret.status!;
  assert.equal(status.verification, {
    ...{ generation: 1, answer: "No", passing: true },
    failingSince: "2026-11-23T12:00:00Z",
  });
  const conditions = status.conditions!.map((one) =>
    one.type === "Reconciling" ? { ...one, type: "Stalled" as const } : one,
  );
  w.appSecret = { ...w.appSecret, status: { ...status, conditions } };
  restart(w);
  await settle(w);
  assert.is(says(w, "Reconciling"), "True/RejectedClusterCreating");
  assert.is(says(w, "Stalled"), "");
});

test("after a restart a no goes on keeping the version back, and the kind of waiting stays", async () => {
  for (const [verdict, flag] of [
    [NO, "Stalled"],
    [NOT_YET, "Reconciling"],
  ] as const) {
    const w = world(atlas);
    w.answer = () => verdict;
    await settle(w);
    await settle(w, later(120));
    restart(w);
    assert.equal(await settle(w, later(121)), []);
    assert.is(says(w, flag), `True/${verdict.reason}`);
  }
});

test("a source that changed while no operator ran is checked before it is published", async () => {
  const w = world(fromSource);
  put(w, "upstream", { uri: GOOD });
  await settle(w);
  restart(w);
  put(w, "upstream", { uri: BAD });
  w.answer = unless("wrong", NO);
  await settle(w);
  assert.is(uriOf(w), GOOD);
  assert.is(says(w, "Published"), "False/KeptLastGood");
});

test("a deleted Secret comes back on the word of the last check", async () => {
  const w = world(db(GOOD));
  await settle(w);
  restart(w);
  w.secrets.delete("orders");
  assert.equal(kinds(await settle(w)), ["CreateSecret", "RecordEvent", "WriteStatus"]);
});

test("while the first check goes on nothing is said for two to six seconds, then that it is under way", async () => {
  const w = world(db(GOOD));
  w.answer = () => undefined;
  assert.equal(kinds(await settle(w)), ["Check"]);
  const early = plan(observe(w), new Date(NOW.getTime() + 500));
  assert.equal([early.actions, early.check], [[], { state: "Running" }]);
  const againMs = early.againMs ?? 0;
  assert.ok(againMs >= 1500 && againMs <= 5500, `${againMs} ms`);
  assert.equal(plan(observe(w), new Date(NOW.getTime() + 500 + Math.floor(againMs) - 1)).actions, []);
  await settle(w, new Date(NOW.getTime() + 500 + Math.ceil(againMs)));
  assert.is(says(w, "Verified"), "Unknown/Pending");
  assert.is(says(w, "Reconciling"), "True/Pending");
  assert.is(says(w, "Ready"), "False/Pending");
  assert.equal(plan(observe(w), new Date(NOW.getTime() + 9000)).check, { state: "Running" });
});

test("a check of an update under way leaves the last good Secret", async () => {
  const w = world(db(GOOD));
  await settle(w);
  edit(w, db(BAD));
  w.answer = () => undefined;
  await settle(w);
  await settle(w, new Date(NOW.getTime() + 6000));
  assert.is(uriOf(w), GOOD);
  assert.is(says(w, "Published"), "False/KeptLastGood");
});

test("an AppSecret that was published before there were checks is checked, and keeps its Secret meanwhile", async () => {
  const w = world(db(GOOD));
  await settle(w);
  const { verification: _, ...status } = w.appSecret.status ?? { observedGeneration: 1 };
  w.appSecret = { ...w.appSecret, status };
  restart(w);
  w.answer = () => NO;
  await settle(w);
  assert.is(uriOf(w), GOOD);
  assert.is(says(w, "Ready"), "False/RejectedAuthentication");
});

test("the annotation check-now asks once for each new value, and its answer is on record", async () => {
  const w = world(db(GOOD));
  await settle(w);
  const annotate = (value: string) => {
    w.appSecret = {
      ...w.appSecret,
      metadata: { ...w.appSecret.metadata, annotations: { [CHECK_NOW_ANNOTATION]: value } },
    };
  };
  annotate("monday");
  assert.equal(kinds(await settle(w)), ["Check", "WriteStatus"]);
  assert.is(w.appSecret.status?.verification?.checkNow, "monday");
  assert.is(w.asked[1]?.fresh, true);
  assert.equal(await settle(w), []);
  restart(w);
  assert.equal(await settle(w), [], "not again after a restart");
  annotate("tuesday");
  w.answer = () => NO;
  await settle(w);
  assert.is(w.appSecret.status?.verification?.checkNow, "tuesday");
  assert.is(says(w, "Ready"), "False/RejectedAuthentication");
});

test("a database that goes down and comes back is told by an Event each, while Ready stays True", async () => {
  const w = world(db(GOOD));
  await settle(w);
  w.answer = () => SILENCE;
  makeDue(w);
  const [, , down] = await settle(w);
  assert.equal([down?.event?.type, down?.event?.reason], ["Warning", "UnreachableTimeout"]);
  w.answer = () => YES;
  makeDue(w);
  const [, , up] = await settle(w);
  assert.equal([up?.event?.type, up?.event?.reason], ["Normal", "Verified"]);
  assert.is(says(w, "Ready"), "True/Published");
});

test("an Atlas cluster that moves is published anew", async () => {
  const w = world(atlas);
  w.answer = () => ({ ...YES, facts: { host: "old.example.com" } });
  await settle(w);
  assert.is(uriOf(w), "mongodb+srv://old.example.com/");
  assert.is(w.appSecret.status?.verification?.host, "old.example.com");
  w.answer = () => ({ ...YES, facts: { host: "new.example.com" } });
  makeDue(w);
  assert.equal(kinds(await settle(w)), ["Check", "UpdateSecret", "WriteStatus"]);
  assert.is(uriOf(w), "mongodb+srv://new.example.com/");
});

test("an Atlas cluster under Off is published without its address", async () => {
  const w = world({ ...atlas, verify: "Off" });
  await settle(w);
  assert.is(uriOf(w), "");
  assert.is(says(w, "Ready"), "True/Published");
});

test("nothing is asked for what is suspended, disabled, invalid, a duplicate, or writes to a foreign Secret", async () => {
  const suspended = world(db(GOOD, { suspend: true }));
  const duplicate = world(db(GOOD), { holder: { name: "first", uid: "other" } });
  const foreign = world(db(GOOD));
  put(foreign, "orders", { theirs: "x" });
  const missing = world(fromSource);
  for (const w of [suspended, duplicate, foreign, missing]) {
    await settle(w);
    assert.equal(w.asked, []);
    assert.is(plan(observe(w), NOW).check, undefined);
  }
});

test.run();
