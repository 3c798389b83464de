/** The tests move the time: intervals of ten minutes pass in milliseconds. */
import { mock } from "node:test";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CheckSubject, Verdict } from "#api/check";
import { Reason } from "#api/status";
import { createLimiter, LIMITS } from "#verify/schedule/limiter";
import type { Scheduler } from "#verify/schedule/scheduler";
import { createScheduler } from "#verify/schedule/scheduler";
import { createVerdictCache } from "#verify/schedule/verdict-cache";

const INTERVAL_MS = 600_000;
const YES: Verdict = { answer: "Yes", message: "It works." };
const NO: Verdict = { answer: "No", reason: Reason.RejectedNotJWKS, message: "No.", passing: false };
const WRONG: Verdict = { ...NO, reason: Reason.RejectedAuthentication, message: "Wrong password." };
const SILENCE: Verdict = { answer: "Silence", reason: Reason.Unreachable, message: "Nobody." };
const subject = (number: number): CheckSubject => ({ kind: "JWKS", uri: `https://id-${number}.example.com/jwks` });
const phase = (number: number) => (number * 0.618) % 1;
const INPUTS = "one";
/** Each URI has a host of its own, except those that name db.example.com. */
const budgetOf = (of: CheckSubject) =>
  "uri" in of ? (of.uri.endsWith("@db.example.com/") ? "db.example.com" : of.uri) : "";

/** Promises settle between two moves of the clock. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
}

async function pass(ms: number, stepMs = 1000): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    mock.timers.tick(Math.min(stepMs, ms - passed));
    await settle();
  }
}

type Bench = {
  scheduler: Scheduler;
  woken: string[];
  checks: number;
  rotated: string[];
  answer: () => Verdict;
  random: number;
};

/** @param answersDue makes `wake` do what a reconcile does when a check is due */
function bench(answersDue?: (b: Bench, key: string) => void): Bench {
  const b: Bench = { woken: [], rotated: [], checks: 0, answer: () => YES, random: 0.5, scheduler: undefined as never };
  const cache = createVerdictCache({
    checks: {
      check: () => {
        b.checks += 1;
        return Promise.resolve(b.answer());
      },
      budgetOf,
    },
    limiter: createLimiter(LIMITS, () => Date.now()),
    keepMs: 2 * INTERVAL_MS,
    monotonicMs: () => Date.now(),
  });
  b.scheduler = createScheduler({
    cache,
    intervalMs: INTERVAL_MS,
    wake: (key) => {
      b.woken.push(key);
      answersDue?.(b, key);
    },
    onKeysRotated: (key) => b.rotated.push(key),
    monotonicMs: () => Date.now(),
    random: () => b.random,
  });
  return b;
}

test.before.each(() => mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_795_000_000_000 }));
test.after.each(() => mock.timers.reset());

function ask({ scheduler }: Bench, key: string, number = 0, more: object = {}): void {
  scheduler.ask(key, { subject: subject(number), inputs: INPUTS, phase: phase(number), fresh: false, ...more });
}

test("a requested check is pending, then answered, and wakes its AppSecret", async () => {
  const b = bench();
  ask(b, "a/b");
  assert.is(b.scheduler.known("a/b", INPUTS).check?.state, "Pending");
  await settle();
  assert.equal(b.woken, ["a/b"]);
  assert.equal(b.scheduler.known("a/b", INPUTS), { due: false, check: { state: "Answered", verdict: YES } });
  assert.equal(b.scheduler.known("a/b", "other"), { due: false }, "another generation has not been asked about");
  b.scheduler.stop();
});

test("a verdict that exists is known when ask returns, and wakes nothing", async () => {
  const b = bench();
  ask(b, "a/one");
  await settle();
  b.woken.length = 0;
  ask(b, "b/two");
  assert.is(b.scheduler.known("b/two", INPUTS).check?.state, "Answered");
  assert.equal(b.woken, []);
  b.scheduler.stop();
});

const SECRETS = 10_000;
const TARGETS = 200;
/** A reconcile of an AppSecret in place, whose check is due. */
const reconcile = (b: Bench, key: string): void => {
  const number = Number(key.split("/")[1]) % TARGETS;
  if (b.scheduler.known(key, INPUTS).due) ask(b, key, number);
};
const keepAll = (b: Bench): void => {
  for (let index = 0; index < SECRETS; index += 1) {
    const wish = { inputs: INPUTS, phase: phase(index % TARGETS) };
    b.scheduler.keep(`ns/${index}`, wish);
  }
};

test("10,000 AppSecrets with 200 targets cost 200 checks an interval", async () => {
  const b = bench(reconcile);
  keepAll(b);
  await pass(INTERVAL_MS, 500);
  assert.is(b.checks, TARGETS);
  await pass(INTERVAL_MS, 500);
  assert.is(b.checks, 2 * TARGETS);
  b.scheduler.stop();
});

test("a restart adds no check that was not due", async () => {
  const before = bench(reconcile);
  keepAll(before);
  await pass(INTERVAL_MS / 2, 500);
  before.scheduler.stop();
  const after = bench(reconcile);
  keepAll(after);
  await pass(1000);
  assert.ok(after.checks <= 2, `${after.checks} checks in the first second`);
  await pass(INTERVAL_MS / 2 - 1000, 500);
  assert.is(before.checks + after.checks, TARGETS);
  after.scheduler.stop();
});

test("checks of different targets are spread over the interval", async () => {
  const b = bench(reconcile);
  keepAll(b);
  let most = 0;
  for (let minute = 0; minute < 10; minute += 1) {
    const before = b.checks;
    await pass(60_000, 500);
    most = Math.max(most, b.checks - before);
  }
  assert.ok(most <= 30, `${most} checks in one minute of ten`);
  b.scheduler.stop();
});

test("the same verdict again wakes nothing, and the check is repeated at its turn", async () => {
  const b = bench(reconcile);
  ask(b, "a/0");
  await settle();
  b.woken.length = 0;
  // Its first turn comes so soon that the answer is still young, its second one an interval later.
  await pass(2 * INTERVAL_MS);
  assert.equal(b.woken, ["a/0", "a/0"], "because it was due");
  assert.is(b.checks, 2);
  b.scheduler.stop();
});

/** The seconds from now on in which checks are made. */
async function secondsOfChecks(b: Bench, seconds: number): Promise<number[]> {
  const at: number[] = [];
  let seen = b.checks;
  for (let second = 0; second < seconds; second += 1) {
    await pass(1000);
    if (b.checks > seen) at.push(second);
    seen = b.checks;
  }
  return at;
}

const TROUBLED: [what: string, verdict: Verdict, at: number[]][] = [
  ["silence", SILENCE, [5, 10, 20, 40, 60, 80, 100, 120, 180, 270]],
  ["a no", NO, [5, 10, 20, 40, 60, 80, 100, 120, 180, 270]],
  ["a no that may pass", { ...NO, passing: true }, [5, 10, 20, 40, 60, 80, 100, 120, 180, 270]],
  ["a wrong password", WRONG, [10, 40, 70, 100, 130, 260]],
];
for (const [what, verdict, at] of TROUBLED) {
  test(`${what} is checked again soon for two minutes, and then with growing pauses`, async () => {
    const b = bench(reconcile);
    b.answer = () => verdict;
    ask(b, "a/0");
    await pass(1000);
    assert.equal(
      await secondsOfChecks(b, 300),
      at.map((second) => second - 1),
    );
    await pass(20 * INTERVAL_MS, 5000);
    const before = b.checks;
    await pass(10 * INTERVAL_MS, 5000);
    assert.is(b.checks - before, 10, "in the end once in each interval");
    b.scheduler.stop();
  });
}

test("what is held back is checked at least once a minute, however long its target says nothing", async () => {
  const b = bench(reconcile);
  b.random = 1;
  b.answer = () => SILENCE;
  const since = Date.now();
  ask(b, "a/0");
  await pass(1000);
  const trouble = { sinceMs: since, reason: Reason.Unreachable, waits: true };
  b.scheduler.keep("a/0", { inputs: INPUTS, phase: phase(0), trouble });
  await pass(3 * INTERVAL_MS);
  const at = await secondsOfChecks(b, 600);
  const pauses = at.slice(1).map((second, index) => second - (at[index] ?? 0));
  assert.ok(pauses.length >= 9 && Math.max(...pauses) <= 60, pauses.join());
  b.scheduler.stop();
});

test("what begins to be held back does not go on in a long pause", async () => {
  const b = bench(reconcile);
  b.answer = () => SILENCE;
  const trouble = { sinceMs: Date.now() - 1_000_000, reason: Reason.Unreachable, waits: false };
  b.scheduler.keep("a/0", { inputs: INPUTS, phase: phase(0), trouble });
  ask(b, "a/0");
  await pass(1000);
  const before = b.checks;
  await pass(60_000);
  assert.is(b.checks, before);
  b.scheduler.keep("a/0", { inputs: INPUTS, phase: phase(0), trouble: { ...trouble, waits: true } });
  await pass(60_000);
  assert.is(b.checks, before + 1);
  b.scheduler.stop();
});

test("a restart goes on with the pauses as they were: it begins no two minutes anew", async () => {
  const b = bench(reconcile);
  b.answer = () => NO;
  const trouble = { sinceMs: Date.now() - 300_000, reason: Reason.RejectedNotJWKS, waits: false };
  b.scheduler.keep("a/0", { inputs: INPUTS, phase: phase(0), trouble });
  assert.ok((await secondsOfChecks(b, 400)).length <= 3);
  const old = bench(reconcile);
  old.answer = () => NO;
  old.scheduler.keep("a/0", { inputs: INPUTS, phase: phase(0), trouble: { ...trouble, sinceMs: 0 } });
  await pass(10 * INTERVAL_MS, 5000);
  assert.is(old.checks, 10);
  b.scheduler.stop();
  old.scheduler.stop();
});

test("a yes ends the trouble: the next one has its two minutes", async () => {
  const b = bench(reconcile);
  b.answer = () => NO;
  ask(b, "a/0");
  await pass(70_000);
  b.answer = () => YES;
  await pass(INTERVAL_MS);
  b.answer = () => NO;
  await pass(INTERVAL_MS);
  const before = b.checks;
  await pass(2 * INTERVAL_MS);
  assert.ok(b.checks > before);
  const woken = b.woken.length;
  b.answer = () => YES;
  await pass(INTERVAL_MS);
  assert.ok(b.woken.length > woken);
  b.scheduler.stop();
});

test("AppSecrets that share a wrong password share its tries, and all hear of the right one", async () => {
  const b = bench(reconcile);
  b.answer = () => WRONG;
  let random = 0;
  Object.defineProperty(b, "random", { get: () => (random = (random + 0.618) % 1) });
  for (let index = 0; index < 200; index += 1) {
    ask(b, `ns-${index}/0`);
    await pass(100, 100);
  }
  await pass(100_000);
  // One alone is tried 5 times.
  assert.ok(b.checks <= 9, `${b.checks} logins in two minutes`);
  b.answer = () => YES;
  b.woken.length = 0;
  await pass(40_000);
  assert.is(new Set(b.woken).size, 200);
  const verdicts = Array.from({ length: 200 }, (_, index) => b.scheduler.known(`ns-${index}/0`, INPUTS).check);
  assert.ok(verdicts.every((check) => check?.state === "Answered" && check.verdict === YES));
  b.scheduler.stop();
});

test("10,000 AppSecrets that are refused at once stay within the limits, and delay no new one", async () => {
  const begun: number[] = [];
  const b = bench(reconcile10k);
  b.answer = () => {
    begun.push(Date.now());
    return NO;
  };
  for (let index = 0; index < SECRETS; index += 1) askOneHost(b, `ns/${index}`, index);
  const seconds = 2100;
  let most = 0;
  for (let second = 0; second < seconds; second += 1) {
    const before = b.woken.length;
    await pass(1000, 250);
    most = Math.max(most, b.woken.length - before);
  }
  const counts = [...Map.groupBy(begun, (at) => Math.floor(at / 1000)).values()].map(({ length }) => length);
  assert.ok(Math.max(...counts) <= LIMITS.burst + LIMITS.perSecond, `${Math.max(...counts)} checks in one second`);
  assert.ok(begun.length <= LIMITS.burst + seconds * LIMITS.perSecond, `${begun.length} checks`);
  // One for each verdict that is news, and one for each repeat.
  assert.ok(most <= LIMITS.burst + LIMITS.perSecond + 150, `${most} reconciles in one second`);
  assert.ok(begun.length > SECRETS * 1.5, `${begun.length} checks: the refused ones are tried again`);
  askOneHost(b, "new/one", SECRETS);
  await pass(2000, 250);
  assert.is(b.scheduler.known("new/one", INPUTS).check?.state, "Answered", "the new one does not wait for them");
  b.scheduler.stop();
});

/** All on one host: the subjects differ. */
function askOneHost({ scheduler }: Bench, key: string, number: number): void {
  const uri = `mongodb://user-${number}:wrong@db.example.com/`;
  const one: CheckSubject = { kind: "MongoDB", uri, database: "orders" };
  scheduler.ask(key, { subject: one, inputs: INPUTS, phase: phase(number), fresh: false });
}

function reconcile10k(b: Bench, key: string): void {
  if (b.scheduler.known(key, INPUTS).due) askOneHost(b, key, Number(key.split("/")[1]));
}

test("the pause that the other side wants is kept", async () => {
  const b = bench(reconcile);
  b.random = 0;
  b.answer = () => ({ ...SILENCE, retryAfterMs: 120_000 });
  ask(b, "a/0");
  await pass(119_000);
  assert.is(b.checks, 1);
  await pass(2_000);
  assert.is(b.checks, 2);
  b.scheduler.stop();
});

test("the annotation has a check made at once, and its verdict wakes the AppSecret even if it is the same", async () => {
  const b = bench();
  ask(b, "a/b");
  await settle();
  b.woken.length = 0;
  ask(b, "a/b", 0, { fresh: true, checkNow: "monday" });
  assert.is(b.scheduler.known("a/b", INPUTS).asked, "monday");
  await settle();
  assert.is(b.checks, 2);
  assert.equal(b.woken, ["a/b"]);
  assert.equal(b.scheduler.known("a/b", INPUTS).check, { state: "Answered", verdict: YES, checkNow: "monday" });
  b.scheduler.stop();
});

test("a rotation of keys is reported, and nothing else is", async () => {
  const b = bench(reconcile);
  const answer = (keys: string): Verdict => ({ ...YES, facts: { keys } });
  b.answer = () => answer("a");
  ask(b, "a/0");
  await pass(2 * INTERVAL_MS);
  assert.equal(b.rotated, []);
  b.answer = () => answer("b");
  await pass(INTERVAL_MS);
  assert.equal(b.rotated, ["a/0"]);
  b.scheduler.stop();
});

test("a verdict about inputs that have changed meanwhile is dropped", async () => {
  const b = bench();
  ask(b, "a/b");
  b.scheduler.keep("a/b", { inputs: "two", phase: 0 });
  await settle();
  assert.equal(b.woken, []);
  assert.equal(b.scheduler.known("a/b", "two"), { due: false });
  b.scheduler.stop();
});

test("editing an AppSecret again and again, each time to an address that hangs, delays no other check", async () => {
  const hanging = new Set<AbortSignal>();
  const cache = createVerdictCache({
    checks: {
      check: ({ kind }, { signal }) => {
        if (kind !== "MongoDB") return Promise.resolve(YES);
        hanging.add(signal);
        return new Promise(() => undefined);
      },
      budgetOf,
    },
    limiter: createLimiter(LIMITS, () => Date.now()),
    keepMs: INTERVAL_MS,
    monotonicMs: () => Date.now(),
  });
  const woken: string[] = [];
  const scheduler = createScheduler({ cache, intervalMs: INTERVAL_MS, wake: (key) => woken.push(key) });
  const edit = (uri: string, inputs: string) => {
    const hangs: CheckSubject = { kind: "MongoDB", uri, database: "orders" };
    scheduler.ask("evil/db", { subject: hangs, inputs, phase: 0, fresh: false });
  };
  for (let round = 0; round < LIMITS.total + 1; round += 1) edit(`mongodb://hangs-${round}/`, String(round));
  await settle();
  scheduler.ask("good/login", { subject: subject(0), inputs: INPUTS, phase: 0, fresh: false });
  await settle();
  assert.equal(woken, ["good/login"]);
  const last = [...hanging].at(-1);
  edit(`mongodb://hangs-${LIMITS.total}/`, "the same target");
  assert.equal([last?.aborted, hanging.size], [false, LIMITS.total + 1], "its check goes on");
  scheduler.forget("evil/db");
  assert.ok(last?.aborted);
  scheduler.stop();
});

test("a forgotten AppSecret is not checked again", async () => {
  const b = bench(reconcile);
  ask(b, "a/0");
  await settle();
  b.scheduler.forget("a/0");
  await pass(2 * INTERVAL_MS, 5000);
  assert.is(b.checks, 1);
  b.scheduler.stop();
});

test.run();
