/** The tests move the time: intervals of ten minutes pass in milliseconds. */
import { Reason } from "#api/status";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CheckSubject, Verdict } from "#api/check";
import { createLimiter, LIMITS } from "#verify/schedule/limiter";
import { createScheduler } from "#verify/schedule/scheduler";
import { createVerdictCache } from "#verify/schedule/verdict-cache";
import type { Bench } from "#support/verify/scheduler";
import {
  ask,
  bench,
  budgetOf,
  INPUTS,
  INTERVAL_MS,
  pass,
  phase,
  reconcile,
  releaseClock,
  settle,
  SILENCE,
  stopClock,
  subject,
  TARGETS,
  YES,
} from "#support/verify/scheduler";

test.before.each(stopClock);
test.after.each(releaseClock);

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

/** An AppSecret with an update, or a first version, for which there is no answer. */
const silent = (held: boolean) => (b: Bench, key: string) => {
  ask(b, key);
  const trouble = { sinceMs: Date.now(), reason: Reason.Unreachable, waits: held };
  b.scheduler.keep(key, { inputs: INPUTS, phase: 0, trouble });
};

test("silence makes the pauses grow up to the interval, but not beyond a minute while an update waits", async () => {
  for (const [held, most] of [
    [false, INTERVAL_MS],
    [true, 60_000],
  ] as const) {
    const b = bench(silent(held));
    b.answer = () => SILENCE;
    silent(held)(b, "a/0");
    await pass(2 * INTERVAL_MS, 5000);
    const before = b.checks;
    await pass(INTERVAL_MS, 5000);
    const made = b.checks - before;
    assert.ok(held ? made >= INTERVAL_MS / most - 1 : made <= 2, `${made} checks`);
    b.answer = () => YES;
    b.woken.length = 0;
    await pass(held ? 70_000 : 1000, 5000);
    assert.is(b.scheduler.known("a/0", INPUTS).check?.state, "Answered");
    if (held) assert.ok(b.woken.length > 0, "the answer is told within 90 seconds");
    b.scheduler.stop();
  }
});

test("an update that comes to a target that has been silent for long does not wait as long as the others", async () => {
  const b = bench(silent(false));
  b.answer = () => SILENCE;
  silent(false)(b, "others/0");
  await pass(2 * INTERVAL_MS, 5000);
  silent(true)(b, "mine/0");
  await settle();
  silent(true)(b, "mine/0");
  b.woken.length = 0;
  await pass(65_000, 5000);
  assert.ok(b.woken.includes("mine/0"));
  b.scheduler.stop();
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
