import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CheckSubject, Verdict } from "#api/check";
import { Reason } from "#api/status";
import type { Check, Checks } from "#verify/check";
import { createLimiter, LIMITS } from "#verify/schedule/limiter";
import { createVerdictCache } from "#verify/schedule/verdict-cache";
import type { Question, VerdictCache } from "#verify/schedule/verdict-cache";

const YES: Verdict = { answer: "Yes", message: "It works." };
const NO: Verdict = { answer: "No", reason: Reason.RejectedAuthentication, message: "No.", passing: false };
const NOT_YET: Verdict = { answer: "No", reason: Reason.RejectedNameNotFound, message: "Not yet.", passing: true };
const SILENCE: Verdict = { answer: "Silence", reason: Reason.Unreachable, message: "Nobody." };
const LOGIN: CheckSubject = { kind: "JWKS", uri: "https://id.example.com/jwks" };
const INTERVAL_MS = 600_000;
/** All on one host. */
const madeOf = (check: Check): Pick<Checks, "check" | "budgetOf"> => ({ check, budgetOf: () => "id.example.com" });

type Bench = {
  cache: VerdictCache;
  /** What is answered next, in order; the last one stays. */
  script: Verdict[];
  checks: () => number;
  pass: (ms: number) => void;
  ask: (options?: Partial<Question>, subject?: CheckSubject) => Promise<Verdict>;
};

function bench(...script: Verdict[]): Bench {
  let now = 0;
  let checks = 0;
  const cache = createVerdictCache({
    checks: madeOf(async () => {
      checks += 1;
      await sleep(2);
      return (script.length > 1 ? script.shift() : script[0]) ?? YES;
    }),
    limiter: createLimiter(),
    keepMs: 1e9,
    monotonicMs: () => now,
  });
  return {
    cache,
    script,
    checks: () => checks,
    pass: (ms) => (now += ms),
    ask: (options = {}, subject = LOGIN) =>
      new Promise((resolve) => {
        cache.ask(subject, {
          maxAgeMs: INTERVAL_MS,
          fresh: false,
          listener: ({ verdict }) => resolve(verdict),
          ...options,
        });
      }),
  };
}

test("all questions about one subject share one check", async () => {
  const b = bench(YES);
  const all = await Promise.all(Array.from({ length: 50 }, () => b.ask()));
  assert.is(b.checks(), 1);
  assert.equal(new Set(all), new Set([YES]));
  b.cache.stop();
});

test("a yes is as old as the question allows, a failure only a moment", async () => {
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
    b.cache.stop();
  }
});

test("another subject is another check", async () => {
  const b = bench(YES);
  await b.ask();
  await b.ask({}, { kind: "JWKS", uri: "https://id.example.com/other" });
  await b.ask({}, { kind: "MongoDB", uri: "mongodb://a:b@h/", database: "orders" });
  await b.ask({}, { kind: "MongoDB", uri: "mongodb://a:c@h/", database: "orders" });
  assert.is(b.checks(), 4);
  b.cache.stop();
});

const STANDS: [what: string, script: Verdict[], counts: Verdict[]][] = [
  ["silence does not overrule a no", [NO, SILENCE, SILENCE, SILENCE, SILENCE], [NO, NO, NO, NO, NO]],
  ["a yes overrules a no", [NO, SILENCE, YES], [NO, NO, YES]],
  ["silence overrules a yes if it lasts", [YES, SILENCE, SILENCE, SILENCE], [YES, YES, YES, SILENCE]],
  ["a yes in between resets the count", [YES, SILENCE, SILENCE, YES, SILENCE], [YES, YES, YES, YES, YES]],
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
    b.cache.stop();
  });
}

test("the verdict of an earlier process counts like one of this process", async () => {
  const b = bench(SILENCE);
  assert.equal(await b.ask({ stands: NO }), NO);
  const c = bench(SILENCE);
  assert.equal(await c.ask({ stands: YES }), YES);
  b.cache.stop();
  c.cache.stop();
});

test("a fresh question gets a check that began after it, and silence overrules a yes at once", async () => {
  const b = bench(YES, SILENCE);
  const running = b.ask();
  const fresh = b.ask({ fresh: true });
  assert.equal(await running, YES);
  assert.equal(await fresh, SILENCE);
  assert.is(b.checks(), 2);
  b.cache.stop();
});

test("a check that never ends, and one that throws, are silence", async () => {
  // The deadline's timer keeps no process alive, and here is nothing else that would.
  const alive = setInterval(() => undefined, 1000);
  const limiter = createLimiter();
  for (const check of [() => new Promise<Verdict>(() => undefined), () => Promise.reject(new Error("canary"))]) {
    const cache = createVerdictCache({ checks: madeOf(check), limiter, keepMs: 1e9, deadlineMs: 30 });
    const verdict = await new Promise<Verdict>((resolve) => {
      const listener: Question["listener"] = (answer) => resolve(answer.verdict);
      cache.ask(LOGIN, { maxAgeMs: 0, fresh: false, listener });
    });
    assert.is(verdict.answer, "Silence");
    assert.not.match(JSON.stringify(verdict), "canary");
    cache.stop();
  }
  clearInterval(alive);
});

test("a check whose last question is withdrawn ends, and gives no verdict", async () => {
  const given: AbortSignal[] = [];
  const cache = createVerdictCache({
    checks: madeOf((_subject, { signal }) => {
      given.push(signal);
      return given.length === 1 ? new Promise<Verdict>(() => undefined) : Promise.resolve(YES);
    }),
    limiter: createLimiter(),
    keepMs: 1e9,
  });
  const told: Verdict[] = [];
  const ask = (fresh: boolean) =>
    cache.ask(LOGIN, { maxAgeMs: INTERVAL_MS, fresh, listener: ({ verdict }) => told.push(verdict) });
  const takeBacks = [ask(false), ask(false), ask(true)];
  takeBacks.pop()?.();
  takeBacks.pop()?.();
  assert.not.ok(given[0]?.aborted, "one waits for it yet");
  takeBacks.pop()?.();
  assert.ok(given[0]?.aborted);
  ask(false);
  await sleep(10);
  assert.equal([given.length, told], [2, [YES]]);
  cache.stop();
});

test("a check that is withdrawn before its turn is not made", async () => {
  let checks = 0;
  const limiter = createLimiter({ ...LIMITS, perHost: 1 });
  const check = async () => {
    checks += 1;
    await sleep(5);
    return YES;
  };
  const cache = createVerdictCache({ checks: madeOf(check), limiter, keepMs: 1e9 });
  const ask = (path: string) => {
    const subject: CheckSubject = { kind: "JWKS", uri: `https://id.example.com/${path}` };
    return cache.ask(subject, { maxAgeMs: 0, fresh: false, listener: () => undefined });
  };
  const takeBacks = ["a", "b", "c"].map(ask);
  takeBacks[1]?.();
  await sleep(50);
  assert.is(checks, 2);
  cache.stop();
});

test("an unused verdict is forgotten, but not while its check is under way", async () => {
  let now = 0;
  const script = [YES, SILENCE];
  const ended = Promise.withResolvers<Verdict>();
  const cache = createVerdictCache({
    checks: madeOf(() => (script.length > 1 ? Promise.resolve(script.shift() ?? YES) : ended.promise)),
    limiter: createLimiter(),
    keepMs: 1_000,
    monotonicMs: () => now,
  });
  const told: Verdict[] = [];
  const ask = () => {
    cache.ask(LOGIN, { maxAgeMs: 0, fresh: false, listener: ({ verdict }) => told.push(verdict) });
  };
  ask();
  await sleep(5);
  now += 1_000;
  ask();
  now += 5_000;
  ask();
  ended.resolve(SILENCE);
  await sleep(5);
  assert.equal(told, [YES, SILENCE, SILENCE], "the yes is forgotten, and the third question joins the second");
  cache.stop();
});

test("after stop there is no check and no verdict", async () => {
  const b = bench(YES);
  let told = false;
  void b.ask().then(() => (told = true));
  b.cache.stop();
  await sleep(10);
  assert.not.ok(told);
});

test.run();
