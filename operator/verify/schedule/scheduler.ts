/**
 * When live checks are made. It stands beside the work queue, never in it: a reconcile asks and goes on, and is called
 * again (`wake`) when there is an answer that says something new, or when it is time to check again.
 *
 * Times are not stored anywhere. Each check has its place in the interval (`phase`, from what is checked), counted from
 * the epoch, so that a restart with 10,000 AppSecrets goes on as if nothing had happened: whose turn it is not is not
 * checked. What got no answer is tried again sooner, with a backoff that grows up to the interval.
 */
import type { CheckRequest, CheckState, Verdict } from "#api/check";
import type { Answer, Answers } from "./verdict-cache.ts";

export type Scheduler = {
  /** What is known of an AppSecret's check, if it was asked for with these inputs. */
  known(key: string, inputs: string): Known;
  /** Asks for a check. `known` is Pending or Answered from then on, and looked at by the caller next. */
  ask(key: string, request: CheckRequest): void;
  /** Goes on checking from time to time, also where nothing was asked yet in this process. */
  keep(key: string, wish: { inputs: string; phase: number; settled: boolean }): void;
  forget(key: string): void;
  stop(): void;
};

export type Known = {
  check?: CheckState;
  /** It is time to check again. */
  due: boolean;
  /** The value of the annotation for which a check has been asked. */
  asked?: string;
};

export type SchedulerOptions = {
  answers: Answers;
  intervalMs: number;
  /** Something about this AppSecret's check is new. */
  wake: (key: string) => void;
  /** The set of keys at an AppSecret's JWKS URI is another than before. */
  onKeysRotated?: (key: string) => void;
  /** Wall clock, in ms since the epoch. */
  now?: () => number;
  random?: () => number;
};

type Subject = {
  inputs: string;
  phase: number;
  pendingSince: Date | undefined;
  verdict: Verdict | undefined;
  /** The annotation's value of the last question, and of the last answer. */
  asked: string | undefined;
  answered: string | undefined;
  due: boolean;
  timer: NodeJS.Timeout | undefined;
  /** Of its questions that are not answered yet: takes one back. */
  takeBacks: Set<() => void>;
};

const FIRST_RETRY_MS = 5000;
/** After a restart: when to try again what had no answer before. */
const RESUME_WITHIN_MS = 60_000;

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { answers, intervalMs, wake, now = () => Date.now(), random = Math.random } = options;
  const subjects = new Map<string, Subject>();

  function subjectOf(key: string, inputs: string, phase: number): Subject {
    const known = subjects.get(key);
    if (known?.inputs === inputs) return Object.assign(known, { phase });
    const subject: Subject = {
      inputs,
      phase,
      pendingSince: undefined,
      verdict: undefined,
      asked: undefined,
      answered: undefined,
      due: false,
      timer: undefined,
      takeBacks: new Set(),
    };
    subjects.set(key, subject);
    return subject;
  }

  /** The answer may have come while it was asked for. */
  function isWaiting({ pendingSince }: Subject): boolean {
    return pendingSince !== undefined;
  }

  function leave(subject: Subject | undefined): void {
    clearTimeout(subject?.timer);
    for (const takeBack of subject?.takeBacks ?? []) takeBack();
  }

  function schedule(key: string, subject: Subject, ms: number): void {
    clearTimeout(subject.timer);
    subject.timer = setTimeout(() => {
      subject.timer = undefined;
      subject.due = true;
      wake(key);
    }, ms).unref();
  }

  /** Until the next place of a phase in the intervals since the epoch. */
  function untilTurn(phase: number): number {
    const passed = (((now() / intervalMs - phase) % 1) + 1) % 1;
    return Math.max(1, (1 - passed) * intervalMs);
  }

  /**
   * Doubling with each silence, up to the interval, and never before the other side wants it; spread, so that what failed
   * together does not come back together.
   */
  function untilRetry({ silences, retryAfterMs = 0 }: Answer): number {
    const backoff = Math.min(FIRST_RETRY_MS * 2 ** Math.max(0, silences - 1), intervalMs);
    return Math.max(retryAfterMs, backoff * 0.8) + 0.4 * random() * Math.max(retryAfterMs, backoff);
  }

  /** @returns whether the AppSecret's status has to be looked at */
  function take(key: string, subject: Subject, checkNow: string | undefined, answer: Answer): boolean {
    if (subjects.get(key) !== subject) return false;
    const { verdict, silences } = answer;
    const before = subject.verdict;
    subject.verdict = verdict;
    subject.pendingSince = undefined;
    const isAnswer = checkNow !== undefined && subject.answered !== checkNow;
    if (checkNow !== undefined) subject.answered = checkNow;
    const isSettled = silences === 0 && !(verdict.answer === "No" && verdict.passing);
    schedule(key, subject, isSettled ? untilTurn(subject.phase) : untilRetry(answer));
    if (isRotated(before, verdict)) options.onKeysRotated?.(key);
    return isAnswer || !isSame(before, verdict);
  }

  return {
    known(key, inputs) {
      const subject = subjects.get(key);
      if (subject?.inputs !== inputs) return { due: false };
      const { pendingSince, verdict, asked, answered, due } = subject;
      return {
        due,
        ...(asked === undefined ? {} : { asked }),
        ...(verdict
          ? { check: { state: "Answered", verdict, ...(answered === undefined ? {} : { checkNow: answered }) } }
          : pendingSince && { check: { state: "Pending", since: pendingSince } }),
      };
    },
    ask(key, { subject: checked, inputs, phase, stands, fresh, checkNow }) {
      const before = subjects.get(key);
      const subject = subjectOf(key, inputs, phase);
      // Of those whose turn it is, the first one has it checked and the others are told.
      const maxAgeMs = subject.due ? intervalMs / 2 : intervalMs;
      subject.due = false;
      subject.asked = checkNow ?? subject.asked;
      subject.pendingSince ??= new Date(now());
      let isAsking = true;
      const takeBack = answers.ask(checked, {
        maxAgeMs,
        fresh,
        stands,
        listener: (answer) => {
          const isNews = take(key, subject, checkNow, answer);
          if (isAsking) return;
          subject.takeBacks.delete(takeBack);
          if (isNews) wake(key);
        },
      });
      isAsking = false;
      if (isWaiting(subject)) subject.takeBacks.add(takeBack);
      // Only now: other inputs may have the same target, and then its check goes on.
      if (before !== subject) leave(before);
    },
    keep(key, { inputs, phase, settled }) {
      const before = subjects.get(key);
      const subject = subjectOf(key, inputs, phase);
      if (before !== subject) leave(before);
      if (subject.timer !== undefined || subject.due || subject.pendingSince !== undefined) return;
      schedule(key, subject, settled ? untilTurn(phase) : random() * Math.min(RESUME_WITHIN_MS, intervalMs));
    },
    forget(key) {
      leave(subjects.get(key));
      subjects.delete(key);
    },
    stop() {
      for (const { timer } of subjects.values()) clearTimeout(timer);
      subjects.clear();
      answers.stop();
    },
  };
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
