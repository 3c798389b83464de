/**
 * When live checks are made. The scheduler stands beside the work queue, never in it: a reconcile requests a check and goes on. It
 * is called again (`wake`) when there is a verdict that says something new, or when it is time to check again.
 *
 * No times are stored anywhere. Each check has its place in the interval (`phase`, from what is checked), counted from the epoch.
 * So a restart with 10,000 AppSecrets goes on as if nothing had happened, and checks only what is due. What got no answer is
 * checked again sooner, with a backoff that grows up to the interval.
 */
import type { CheckRequest, CheckState, Verdict } from "#api/check";
import type { KnownVerdict, VerdictCache } from "./verdict-cache.ts";

export type Scheduler = {
  /**
   * The state of an AppSecret's check, if it was requested with these inputs. `due`: it is time to check again. `asked`: the value
   * of the annotation for which a check was last requested.
   */
  known(key: string, inputs: string): { check?: CheckState; due: boolean; asked?: string };
  /** Requests a check. `known` is Pending or Answered from then on. The caller reads it next. */
  ask(key: string, request: CheckRequest): void;
  /**
   * Keeps checking at intervals, even if no check was requested yet in this process. `held`: an update waits for an answer, so it
   * is checked again within a minute, however often there was none.
   */
  keep(key: string, wish: { inputs: string; phase: number; settled: boolean; held?: boolean }): void;
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
  random?: () => number;
};

/** The check of one AppSecret. */
type Schedule = {
  inputs: string;
  phase: number;
  pendingSince: Date | undefined;
  verdict: Verdict | undefined;
  /** The annotation's value of the last question, and of the last verdict. */
  asked: string | undefined;
  answered: string | undefined;
  due: boolean;
  timer: NodeJS.Timeout | undefined;
  /** When the timer ends, in ms since the epoch. */
  wakesAt: number;
  /** An update waits for an answer. */
  held: boolean;
  /** Each withdraws a question that is not answered yet. */
  withdrawals: Set<() => void>;
};

const FIRST_RETRY_MS = 5000;
/** The longest pause after silence while an update waits for an answer. */
const HELD_RETRY_MS = 60_000;
/** After a restart: when to check again what had no answer before. */
const RESUME_WITHIN_MS = 60_000;

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { cache, intervalMs, wake, epochMs = () => Date.now(), random = Math.random } = options;
  const schedules = new Map<string, Schedule>();

  /** A new one if there is none for these inputs. */
  function scheduleOf(key: string, inputs: string, phase: number): Schedule {
    const known = schedules.get(key);
    if (known?.inputs === inputs) return Object.assign(known, { phase });
    const schedule = newSchedule(inputs, phase);
    schedules.set(key, schedule);
    return schedule;
  }

  function wakeAfter(ms: number, key: string, schedule: Schedule): void {
    clearTimeout(schedule.timer);
    schedule.wakesAt = epochMs() + ms;
    schedule.timer = setTimeout(() => {
      schedule.timer = undefined;
      schedule.due = true;
      wake(key);
    }, ms).unref();
  }

  /** @returns whether the AppSecret's status has to be looked at */
  function take(key: string, schedule: Schedule, checkNow: string | undefined, known: KnownVerdict): boolean {
    if (schedules.get(key) !== schedule) return false;
    const { verdict, silences } = known;
    const before = schedule.verdict;
    schedule.verdict = verdict;
    schedule.pendingSince = undefined;
    const isAnswer = checkNow !== undefined && schedule.answered !== checkNow;
    if (checkNow !== undefined) schedule.answered = checkNow;
    const isSettled = silences === 0 && !(verdict.answer === "No" && verdict.passing);
    const waitMs = isSettled ? untilTurn(schedule.phase, intervalMs, epochMs()) : untilRetry(known, intervalMs, random);
    wakeAfter(schedule.held && !isSettled ? Math.min(waitMs, HELD_RETRY_MS) : waitMs, key, schedule);
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
      schedule.due = false;
      schedule.asked = checkNow ?? schedule.asked;
      schedule.pendingSince ??= new Date(epochMs());
      let isAsking = true;
      const withdraw = cache.ask(subject, {
        maxAgeMs,
        fresh,
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
    keep(key, { inputs, phase, settled, held = false }) {
      const before = schedules.get(key);
      const schedule = scheduleOf(key, inputs, phase);
      schedule.held = held;
      if (before !== schedule) leave(before);
      // The pause grew while nobody waited, or for others with the same target.
      if (held && schedule.timer !== undefined && schedule.wakesAt - epochMs() > HELD_RETRY_MS) {
        wakeAfter(HELD_RETRY_MS, key, schedule);
      }
      if (schedule.timer !== undefined || schedule.due || isPending(schedule)) return;
      const waitMs = settled
        ? untilTurn(phase, intervalMs, epochMs())
        : random() * Math.min(RESUME_WITHIN_MS, intervalMs);
      wakeAfter(waitMs, key, schedule);
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
    verdict: undefined,
    asked: undefined,
    answered: undefined,
    due: false,
    timer: undefined,
    wakesAt: 0,
    held: false,
    withdrawals: new Set(),
  };
}

function isPending({ pendingSince }: Schedule): boolean {
  return pendingSince !== undefined;
}

function stateOf({ pendingSince, verdict, answered }: Schedule): CheckState | undefined {
  if (verdict) return { state: "Answered", verdict, ...(answered === undefined ? {} : { checkNow: answered }) };
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

/**
 * In ms. Doubles with each silence, up to the interval, and is never shorter than the other side wants. Jittered, so that what
 * failed together does not come back together.
 */
function untilRetry({ silences, retryAfterMs = 0 }: KnownVerdict, intervalMs: number, random: () => number): number {
  const backoff = Math.min(FIRST_RETRY_MS * 2 ** Math.max(0, silences - 1), intervalMs);
  return Math.max(retryAfterMs, backoff * 0.8) + 0.4 * random() * Math.max(retryAfterMs, backoff);
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
