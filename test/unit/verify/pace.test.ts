/** How soon a check is made again that did not say yes. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CheckSubject, Verdict } from "#api/check";
import { Reason } from "#api/status";
import { LIMITS } from "#verify/schedule/limiter";
import type { Bench } from "#support/verify/scheduler";
import {
  ask,
  bench,
  INPUTS,
  INTERVAL_MS,
  NO,
  pass,
  phase,
  reconcile,
  releaseClock,
  SILENCE,
  stopClock,
  WRONG_PASSWORD,
  YES,
} from "#support/verify/scheduler";

test.before.each(stopClock);
test.after.each(releaseClock);

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
  ["a wrong password", WRONG_PASSWORD, [10, 40, 70, 100, 130, 260]],
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

test("a yes ends the trouble: the next no has two minutes of its own", async () => {
  const b = bench(reconcile);
  b.answer = () => NO;
  ask(b, "a/0");
  await pass(300_000);
  b.answer = () => YES;
  await pass(2 * INTERVAL_MS);
  b.answer = () => NO;
  for (const before = b.checks; b.checks === before;) await pass(1000);
  assert.equal(await secondsOfChecks(b, 100), [4, 9, 19, 39, 59, 79, 99]);
  b.scheduler.stop();
});

test("AppSecrets that share a wrong password share its tries, and all hear of the right one", async () => {
  const b = bench(reconcile);
  b.answer = () => WRONG_PASSWORD;
  let random = 0;
  Object.defineProperty(b, "random", { get: () => (random = (random + 0.618) % 1) });
  for (let index = 0; index < 200; index += 1) {
    ask(b, `ns-${index}/0`);
    await pass(100, 100);
  }
  await pass(50_000);
  // One alone is tried 4 times in that time.
  assert.ok(b.checks <= 7, `${b.checks} logins in 70 s`);
  b.answer = () => YES;
  b.woken.length = 0;
  await pass(37_000);
  assert.is(new Set(b.woken).size, 200);
  const verdicts = Array.from({ length: 200 }, (_, index) => b.scheduler.known(`ns-${index}/0`, INPUTS).check);
  assert.ok(verdicts.every((check) => check?.state === "Answered" && check.verdict === YES));
  b.scheduler.stop();
});

const SECRETS = 10_000;

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

test.run();
