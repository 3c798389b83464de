import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CheckSubject, Verdict } from "#api/check";
import { Reason } from "#api/status";
import type { Answers, Question } from "#verify/schedule/verdict-cache";
import { createAnswers } from "#verify/schedule/verdict-cache";
import { createLimiter, LIMITS } from "#verify/schedule/limiter";

const YES: Verdict = { answer: "Yes", message: "It works." };
const NO: Verdict = { answer: "No", reason: Reason.RejectedAuthentication, message: "No.", passing: false };
const NOT_YET: Verdict = { answer: "No", reason: Reason.RejectedNameNotFound, message: "Not yet.", passing: true };
const SILENCE: Verdict = { answer: "Silence", reason: Reason.Unreachable, message: "Nobody." };
const LOGIN: CheckSubject = { kind: "JWKS", uri: "https://id.example.com/jwks" };
const INTERVAL_MS = 600_000;

type Bench = {
  answers: Answers;
  /** What is answered next, in order; the last one stays. */
  script: Verdict[];
  checks: () => number;
  pass: (ms: number) => void;
  ask: (options?: Partial<Question>, target?: CheckSubject) => Promise<Verdict>;
};

function bench(...script: Verdict[]): Bench {
  let now = 0;
  let checks = 0;
  const answers = createAnswers({
    check: async () => {
      checks += 1;
      await sleep(2);
      return (script.length > 1 ? script.shift() : script[0]) ?? YES;
    },
    limiter: createLimiter(),
    keepMs: 1e9,
    now: () => now,
  });
  return {
    answers,
    script,
    checks: () => checks,
    pass: (ms) => (now += ms),
    ask: (options = {}, target = LOGIN) =>
      new Promise((resolve) => {
        answers.ask(target, {
          maxAgeMs: INTERVAL_MS,
          fresh: false,
          listener: ({ verdict }) => resolve(verdict),
          ...options,
        });
      }),
  };
}

test("everybody who asks about one target gets the answer of one check", async () => {
  const b = bench(YES);
  const all = await Promise.all(Array.from({ length: 50 }, () => b.ask()));
  assert.is(b.checks(), 1);
  assert.equal(new Set(all), new Set([YES]));
  b.answers.stop();
});

test("a yes is good for as long as the one who asks says, a failure for a moment only", async () => {
  for (const [verdict, checks] of [
    [YES, 1],
    [NO, 2],
    [SILENCE, 2],
  ] as const) {
    const b = bench(verdict);
    await b.ask();
    b.pass(60_000);
    await b.ask();
    assert.is(b.checks(), checks, verdict.answer);
    b.answers.stop();
  }
});

test("another target is another check", async () => {
  const b = bench(YES);
  await b.ask();
  await b.ask({}, { kind: "JWKS", uri: "https://id.example.com/other" });
  await b.ask({}, { kind: "MongoDB", uri: "mongodb://a:b@h/", database: "orders" });
  await b.ask({}, { kind: "MongoDB", uri: "mongodb://a:c@h/", database: "orders" });
  assert.is(b.checks(), 4);
  b.answers.stop();
});

const STANDS: [what: string, script: Verdict[], counts: Verdict[]][] = [
  ["silence does not overrule a no", [NO, SILENCE, SILENCE, SILENCE, SILENCE], [NO, NO, NO, NO, NO]],
  ["a yes overrules a no", [NO, SILENCE, YES], [NO, NO, YES]],
  ["silence overrules a yes when it lasts", [YES, SILENCE, SILENCE, SILENCE], [YES, YES, YES, SILENCE]],
  ["a yes in between begins the count anew", [YES, SILENCE, SILENCE, YES, SILENCE], [YES, YES, YES, YES, YES]],
  ["a no overrules a yes at once", [YES, NO], [YES, NO]],
  ["silence overrules a no that may pass", [NOT_YET, SILENCE], [NOT_YET, SILENCE]],
];
for (const [what, script, counts] of STANDS) {
  test(what, async () => {
    const b = bench(...script);
    for (const count of counts) {
      assert.equal(await b.ask(), count);
      b.pass(INTERVAL_MS + 1);
    }
    b.answers.stop();
  });
}

test("what an earlier process was answered counts as if it had been answered here", async () => {
  const b = bench(SILENCE);
  assert.equal(await b.ask({ stands: NO }), NO);
  const c = bench(SILENCE);
  assert.equal(await c.ask({ stands: YES }), YES);
  b.answers.stop();
  c.answers.stop();
});

test("who wants to know now gets what was begun after the question, and hears of silence at once", async () => {
  const b = bench(YES, SILENCE);
  const running = b.ask();
  const fresh = b.ask({ fresh: true });
  assert.equal(await running, YES);
  assert.equal(await fresh, SILENCE);
  assert.is(b.checks(), 2);
  b.answers.stop();
});

test("a check that never ends, and one that throws, are silence", async () => {
  // The deadline's timer keeps no process alive, and here is nothing else that would.
  const alive = setInterval(() => undefined, 1000);
  const limiter = createLimiter();
  for (const check of [() => new Promise<Verdict>(() => undefined), () => Promise.reject(new Error("canary"))]) {
    const answers = createAnswers({ check, limiter, keepMs: 1e9, deadlineMs: 30 });
    const verdict = await new Promise<Verdict>((resolve) => {
      const listener: Question["listener"] = (answer) => resolve(answer.verdict);
      answers.ask(LOGIN, { maxAgeMs: 0, fresh: false, listener });
    });
    assert.is(verdict.answer, "Silence");
    assert.not.match(JSON.stringify(verdict), "canary");
    answers.stop();
  }
  clearInterval(alive);
});

test("a check that nobody waits for any more is given up, and says nothing about its target", async () => {
  const given: AbortSignal[] = [];
  const answers = createAnswers({
    check: (_target, { signal }) => {
      given.push(signal);
      return given.length === 1 ? new Promise<Verdict>(() => undefined) : Promise.resolve(YES);
    },
    limiter: createLimiter(),
    keepMs: 1e9,
  });
  const told: Verdict[] = [];
  const ask = (fresh: boolean) =>
    answers.ask(LOGIN, { maxAgeMs: INTERVAL_MS, fresh, listener: ({ verdict }) => told.push(verdict) });
  const takeBacks = [ask(false), ask(false), ask(true)];
  takeBacks.pop()?.();
  takeBacks.pop()?.();
  assert.not.ok(given[0]?.aborted, "one waits for it yet");
  takeBacks.pop()?.();
  assert.ok(given[0]?.aborted);
  ask(false);
  await sleep(10);
  assert.equal([given.length, told], [2, [YES]]);
  answers.stop();
});

test("a check that is taken back before its turn is not made", async () => {
  let checks = 0;
  const limiter = createLimiter({ ...LIMITS, perHost: 1 });
  const check = async () => {
    checks += 1;
    await sleep(5);
    return YES;
  };
  const answers = createAnswers({ check, limiter, keepMs: 1e9 });
  const ask = (path: string) => {
    const target: CheckSubject = { kind: "JWKS", uri: `https://id.example.com/${path}` };
    return answers.ask(target, { maxAgeMs: 0, fresh: false, listener: () => undefined });
  };
  const takeBacks = ["a", "b", "c"].map(ask);
  takeBacks[1]?.();
  await sleep(50);
  assert.is(checks, 2);
  answers.stop();
});

test("after stop nothing is asked and nobody is told", async () => {
  const b = bench(YES);
  let told = false;
  void b.ask().then(() => (told = true));
  b.answers.stop();
  await sleep(10);
  assert.not.ok(told);
});

test.run();
