/**
 * The scheduler with the real verdict cache and limiter, and a clock that the tests move: intervals of ten minutes pass in
 * milliseconds. Only the check itself is played.
 */
import { mock } from "node:test";
import type { CheckSubject, Verdict } from "#api/check";
import { Reason } from "#api/status";
import { createLimiter, LIMITS } from "#verify/schedule/limiter";
import type { Scheduler } from "#verify/schedule/scheduler";
import { createScheduler } from "#verify/schedule/scheduler";
import { createVerdictCache } from "#verify/schedule/verdict-cache";

export const INTERVAL_MS = 600_000;
export const YES = { answer: "Yes", message: "It works." } as const satisfies Verdict;
export const NO = {
  answer: "No",
  reason: Reason.RejectedNotJWKS,
  message: "No.",
  passing: false,
} as const satisfies Verdict;
export const WRONG_PASSWORD = {
  ...NO,
  reason: Reason.RejectedAuthentication,
  message: "Wrong password.",
} as const satisfies Verdict;
export const SILENCE = { answer: "Silence", reason: Reason.Unreachable, message: "Nobody." } as const satisfies Verdict;
export const subject = (number: number): CheckSubject => ({
  kind: "JWKS",
  uri: `https://id-${number}.example.com/jwks`,
});
export const phase = (number: number) => (number * 0.618) % 1;
export const INPUTS = "one";
/** Each URI has a host of its own, except those that name db.example.com. */
export const budgetOf = (of: CheckSubject) =>
  "uri" in of ? (of.uri.endsWith("@db.example.com/") ? "db.example.com" : of.uri) : "";

/** Promises settle between two moves of the clock. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
}

export async function pass(ms: number, stepMs = 1000): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    mock.timers.tick(Math.min(stepMs, ms - passed));
    await settle();
  }
}

export type Bench = {
  scheduler: Scheduler;
  woken: string[];
  checks: number;
  rotated: string[];
  answer: () => Verdict;
  random: number;
};

/** @param answersDue makes `wake` do what a reconcile does when a check is due */
export function bench(answersDue?: (b: Bench, key: string) => void): Bench {
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

/** For each test: the clock stands until `pass` moves it. */
export const stopClock = () =>
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_795_000_000_000 });
export const releaseClock = () => mock.timers.reset();

export function ask({ scheduler }: Bench, key: string, number = 0, more: object = {}): void {
  scheduler.ask(key, { subject: subject(number), inputs: INPUTS, phase: phase(number), fresh: false, ...more });
}

export const TARGETS = 200;
/** A reconcile of an AppSecret in place, whose check is due. */
export const reconcile = (b: Bench, key: string): void => {
  const number = Number(key.split("/")[1]) % TARGETS;
  if (b.scheduler.known(key, INPUTS).due) ask(b, key, number);
};
