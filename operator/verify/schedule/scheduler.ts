/**
 * When live checks are made. The scheduler stands beside the work queue, never in it: a reconcile requests a check and goes on. It
 * is called again (`wake`) when there is a verdict that says something new, or when it is time to check again.
 *
 * Each check has its place in the interval (`phase`, from what is checked), counted from the epoch. So a restart with 10,000
 * AppSecrets goes on as if nothing had happened, and checks only what is due. What did not say yes is checked again sooner: pace.ts.
 */
import type { CheckRequest, CheckState, Trouble, Verdict } from "#api/check";
import { Reason } from "#api/status";
import { createTokenBucket } from "#common/token-bucket";
import type { Rate } from "#common/token-bucket";
import { pauseMs } from "./pace.ts";
import type { KnownVerdict, VerdictCache } from "./verdict-cache.ts";
import { SHARED_OF_PAUSE } from "./verdict-cache.ts";

export type Scheduler = {
  /**
   * The state of an AppSecret's check, if it was requested with these inputs. `due`: it is time to check again. `asked`: the value
   * of the annotation for which a check was last requested.
   */
  known(key: string, inputs: string): { check?: CheckState; due: boolean; asked?: string };
  /** Requests a check. `known` is Pending or Answered from then on. The caller reads it next. */
  ask(key: string, request: CheckRequest): void;
  /** Keeps checking, even if no check was requested yet in this process: at intervals or, in trouble, sooner. */
  keep(key: string, wish: { inputs: string; phase: number; trouble?: Trouble }): void;
  forget(key: string): void;
  stop(): void;
};

export type SchedulerOptions = {
  cache: VerdictCache;
  intervalMs: number;
  /** There is news about this AppSecret's check. */
  wake: (key: string) => void;
  /** The set of keys at an AppSecret's JWKS URI has changed. */
  onKeysRotated?: (key: string) => void;
  /** The wall clock, in ms since the epoch. */
  epochMs?: () => number;
  /** A monotonic clock, in milliseconds. */
  monotonicMs?: () => number;
  random?: () => number;
};

/** The check of one AppSecret. */
type Schedule = {
  inputs: string;
  phase: number;
  pendingSince: Date | undefined;
  known: KnownVerdict | undefined;
  /** The annotation's value of the last question, and of the last verdict. */
  asked: string | undefined;
  answered: string | undefined;
  due: boolean;
  timer: NodeJS.Timeout | undefined;
  /** When the timer ends, in ms since the epoch, and how long it ran in ms. */
  dueAt: number;
  pauseMs: number;
  /** When the first check was made that did not say yes, in ms since the epoch, if none has said yes since. */
  troubleSinceMs: number | undefined;
  /** Something is published as soon as the target answers. */
  waits: boolean;
  /** Each withdraws a question that is not answered yet. */
  withdrawals: Set<() => void>;
};

/**
 * So many AppSecrets are woken because a check did not say yes: each costs a reconcile, which reads its sources. After an accident
 * there may be ten thousand of them.
 */
const REPEATS: Rate = { perSecond: 50, burst: 100 };

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { cache, intervalMs, wake, epochMs = () => Date.now(), monotonicMs, random = Math.random } = options;
  const schedules = new Map<string, Schedule>();
  const repeats = createTokenBucket(REPEATS, monotonicMs);

  /** A new one if there is none for these inputs. */
  function scheduleOf(key: string, inputs: string, phase: number): Schedule {
    const known = schedules.get(key);
    if (known?.inputs === inputs) return Object.assign(known, { phase });
    const schedule = newSchedule(inputs, phase);
    schedules.set(key, schedule);
    return schedule;
  }

  function after(ms: number, schedule: Schedule, act: () => void): void {
    clearTimeout(schedule.timer);
    schedule.timer = setTimeout(() => {
      schedule.timer = undefined;
      act();
    }, ms).unref();
  }

  /** @param passedMs so much of the pause has passed already */
  function checkAfter(pause: number, key: string, schedule: Schedule, passedMs = 0): void {
    const ms = Math.max(1, pause - passedMs);
    schedule.dueAt = epochMs() + ms;
    schedule.pauseMs = pause;
    after(ms, schedule, () => (schedule.troubleSinceMs === undefined ? makeDue(key, schedule) : repeat(key, schedule)));
  }

  function makeDue(key: string, schedule: Schedule): void {
    schedule.due = true;
    wake(key);
  }

  /** In trouble: unless another AppSecret with the same subject has asked meanwhile, and not all at once. */
  function repeat(key: string, schedule: Schedule): void {
    const learn = (): boolean => {
      const latest = schedule.known?.latest(SHARED_OF_PAUSE * schedule.pauseMs);
      if (latest && take(key, schedule, undefined, latest)) wake(key);
      return latest !== undefined;
    };
    if (learn()) return;
    const waitMs = repeats.reserve(Infinity) ?? 0;
    if (waitMs === 0) return makeDue(key, schedule);
    after(waitMs, schedule, () => {
      if (!learn()) makeDue(key, schedule);
    });
  }

  /**
   * At its turn or, in trouble, a pause after the check. Jittered, so that what failed together does not come back together, and
   * never sooner than the other side wants.
   *
   * @returns in ms; `passedMs` of it have passed since the check
   */
  function untilNext(
    { phase, troubleSinceMs, waits }: Schedule,
    known: KnownVerdict,
  ): { ms: number; passedMs: number } {
    const { verdict, retryAfterMs = 0, ageMs } = known;
    const turn = untilTurn(phase, intervalMs, epochMs());
    if (troubleSinceMs === undefined) return { ms: turn, passedMs: 0 };
    const reason = verdict.answer === "Yes" ? Reason.Unreachable : verdict.reason;
    const pause = pauseMs({ sinceMs: troubleSinceMs, reason, waits }, epochMs(), intervalMs);
    if (pause >= intervalMs) return { ms: Math.max(retryAfterMs, turn), passedMs: 0 };
    const ms = Math.max(retryAfterMs, pause * 0.8) + 0.4 * random() * Math.max(retryAfterMs, pause);
    return { ms, passedMs: ageMs };
  }

  /** The same for one whose verdict an earlier process had. What waited for checks then does not ask for all of them at once now. */
  function untilResumed(phase: number, trouble: Trouble | undefined): number {
    const pause = trouble ? pauseMs(trouble, epochMs(), intervalMs) : intervalMs;
    return pause < intervalMs ? random() * pause : untilTurn(phase, intervalMs, epochMs());
  }

  /** @returns whether the AppSecret's status has to be looked at */
  function take(key: string, schedule: Schedule, checkNow: string | undefined, known: KnownVerdict): boolean {
    if (schedules.get(key) !== schedule) return false;
    const { verdict, silences } = known;
    const before = schedule.known?.verdict;
    schedule.known = known;
    schedule.pendingSince = undefined;
    const isAnswer = checkNow !== undefined && schedule.answered !== checkNow;
    if (checkNow !== undefined) schedule.answered = checkNow;
    const isWell = (verdict.answer === "Yes" || verdict.answer === "Unverifiable") && silences === 0;
    schedule.troubleSinceMs = isWell ? undefined : (schedule.troubleSinceMs ?? epochMs());
    const { ms, passedMs } = untilNext(schedule, known);
    checkAfter(ms, key, schedule, passedMs);
    if (isRotated(before, verdict)) options.onKeysRotated?.(key);
    return isAnswer || !isSame(before, verdict);
  }

  return {
    known(key, inputs) {
      const schedule = schedules.get(key);
      if (schedule?.inputs !== inputs) return { due: false };
      const { asked, due } = schedule;
      const check = stateOf(schedule);
      return { due, ...(asked === undefined ? {} : { asked }), ...(check && { check }) };
    },
    ask(key, { subject, inputs, phase, stands, fresh, checkNow }) {
      const before = schedules.get(key);
      const schedule = scheduleOf(key, inputs, phase);
      // Of several AppSecrets with one subject whose turn it is, the first starts the check and the others get the same verdict.
      const maxAgeMs = schedule.due ? intervalMs / 2 : intervalMs;
      const isRepeat = schedule.due && schedule.troubleSinceMs !== undefined;
      schedule.due = false;
      schedule.asked = checkNow ?? schedule.asked;
      schedule.pendingSince ??= new Date(epochMs());
      let isAsking = true;
      const withdraw = cache.ask(subject, {
        maxAgeMs,
        fresh,
        repeatsAfterMs: isRepeat ? schedule.pauseMs : undefined,
        stands,
        listener: (known) => {
          const isNews = take(key, schedule, checkNow, known);
          if (isAsking) return;
          schedule.withdrawals.delete(withdraw);
          if (isNews) wake(key);
        },
      });
      isAsking = false;
      if (isPending(schedule)) schedule.withdrawals.add(withdraw);
      // Only now: other inputs may have the same subject, and then its check goes on.
      if (before !== schedule) leave(before);
    },
    keep(key, { inputs, phase, trouble }) {
      const before = schedules.get(key);
      const schedule = scheduleOf(key, inputs, phase);
      if (before !== schedule) leave(before);
      const beginsToWait = trouble?.waits === true && !schedule.waits;
      schedule.waits = trouble?.waits ?? false;
      if (trouble) schedule.troubleSinceMs ??= trouble.sinceMs;
      if (schedule.due || isPending(schedule)) return;
      if (schedule.timer === undefined) {
        checkAfter(untilResumed(phase, trouble), key, schedule);
      } else if (beginsToWait && schedule.known) {
        const { ms } = untilNext(schedule, schedule.known);
        if (ms < schedule.dueAt - epochMs()) checkAfter(ms, key, schedule);
      }
    },
    forget(key) {
      leave(schedules.get(key));
      schedules.delete(key);
    },
    stop() {
      for (const { timer } of schedules.values()) clearTimeout(timer);
      schedules.clear();
      cache.stop();
    },
  };
}

function newSchedule(inputs: string, phase: number): Schedule {
  return {
    inputs,
    phase,
    pendingSince: undefined,
    known: undefined,
    asked: undefined,
    answered: undefined,
    due: false,
    timer: undefined,
    dueAt: 0,
    pauseMs: 0,
    troubleSinceMs: undefined,
    waits: false,
    withdrawals: new Set(),
  };
}

function isPending({ pendingSince }: Schedule): boolean {
  return pendingSince !== undefined;
}

function stateOf({ pendingSince, known, answered }: Schedule): CheckState | undefined {
  if (known)
    return { state: "Answered", verdict: known.verdict, ...(answered === undefined ? {} : { checkNow: answered }) };
  return pendingSince && { state: "Pending", since: pendingSince };
}

function leave(schedule: Schedule | undefined): void {
  clearTimeout(schedule?.timer);
  for (const withdraw of schedule?.withdrawals ?? []) withdraw();
}

/** Until the next place of a phase in the intervals since the epoch, in ms. */
function untilTurn(phase: number, intervalMs: number, epochMs: number): number {
  const passed = (((epochMs / intervalMs - phase) % 1) + 1) % 1;
  return Math.max(1, (1 - passed) * intervalMs);
}

function isSame(before: Verdict | undefined, after: Verdict): boolean {
  if (before?.answer !== after.answer || before.message !== after.message) return false;
  const reasonOf = (verdict: Verdict) => (verdict.answer === "Yes" ? verdict.facts?.host : verdict.reason);
  return reasonOf(before) === reasonOf(after);
}

function isRotated(before: Verdict | undefined, after: Verdict): boolean {
  if (before?.answer !== "Yes" || after.answer !== "Yes") return false;
  const was = before.facts?.keys;
  return was !== undefined && after.facts?.keys !== undefined && was !== after.facts.keys;
}
