/**
 * The verdicts, by subject: one check for all AppSecrets with the same subject, however many and however often they ask.
 *
 * Silence proves nothing. So it does not overrule a definite no (the content that was refused would be published as soon as the
 * server went down), and it overrules a yes only if it lasts.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { CheckKind, CheckSubject, Verdict } from "#api/check";
import { Reason } from "#api/status";
import { createExpiringMap } from "#common/expiring-map";
import type { Checks } from "../check.ts";
import { silence } from "../verdict.ts";
import type { Limiter } from "./limiter.ts";
import { youngMs } from "./pace.ts";

export type VerdictCache = {
  /**
   * Gives `listener` a verdict that is recent enough: at once if there is one, otherwise after the check that is under way or
   * begins now.
   *
   * @returns withdraws the question. A check whose last question is withdrawn ends. Otherwise a person who edits an AppSecret again
   *   and again, each time to another address that hangs, would delay the checks of everyone else
   */
  ask(subject: CheckSubject, question: Question): () => void;
  stop(): void;
};

export type Question = {
  /** How old a yes may be, and what cannot be checked. */
  maxAgeMs: number;
  /** Only a check that begins after the question counts. */
  fresh: boolean;
  /** Asked again, because the answer was not yes: after a pause of so many ms. */
  repeatsAfterMs?: number | undefined;
  /** The verdict of an earlier process. */
  stands?: Verdict | undefined;
  listener: (known: KnownVerdict) => void;
};

export type KnownVerdict = {
  /** The one that counts now. */
  verdict: Verdict;
  /** How many checks in a row were silent, and the pause in ms that the server wants after the last one. */
  silences: number;
  retryAfterMs: number | undefined;
  /** How long ago the check was made. */
  ageMs: number;
  /** The same subject's, if a check was made within so many ms: somebody else has asked. */
  latest: (maxAgeMs: number) => KnownVerdict | undefined;
};

export type VerdictCacheOptions = {
  checks: Pick<Checks, "check" | "budgetOf">;
  limiter: Limiter;
  /** A verdict that no question needed for this long is forgotten. */
  keepMs: number;
  /** After each check. */
  onChecked?: (kind: CheckKind, verdict: Verdict, seconds: number) => void;
  /** A monotonic clock, in milliseconds. */
  monotonicMs?: () => number;
  /** For each check. */
  deadlineMs?: number;
};

type Entry = {
  verdict: Verdict | undefined;
  checkedAt: number;
  silences: number;
  retryAfterMs: number | undefined;
  /** The check under way. */
  run: Run | undefined;
  /** Questions that need a check that begins later. */
  next: Question[];
};

/** `giveUp` ends it, and with it all that it keeps waiting. */
type Run = { waiting: Question[]; giveUp: AbortController };

/** Each check has a shorter time-out of its own (an Atlas cluster: 10 s for its API, 10 s for a ping). This is the safety net. */
const DEADLINE_MS = 30_000;
/**
 * Of a pause, so much: those who repeat one question at the same pace share the checks. Less than the least jitter, so that nobody
 * takes an own old verdict for a new one.
 */
export const SHARED_OF_PAUSE = 0.75;
/** So many silences in a row turn a yes into unknown. */
const SILENCES_UNTIL_UNKNOWN = 3;

export function createVerdictCache(options: VerdictCacheOptions): VerdictCache {
  const { checks, limiter, keepMs, monotonicMs = () => performance.now(), deadlineMs = DEADLINE_MS } = options;
  const entries = createExpiringMap<string, Entry>({ ttlMs: keepMs, monotonicMs });
  const identify = createIdentify();
  const stopping = new AbortController();
  const sweep = setInterval(() => entries.sweep(), keepMs).unref();

  function begin(id: string, entry: Entry, subject: CheckSubject, fresh: boolean, waiting: Question[]): void {
    const isRepeat = waiting.every(({ repeatsAfterMs }) => repeatsAfterMs !== undefined);
    const run: Run = { waiting, giveUp: new AbortController() };
    entry.run = run;
    entries.set(id, entry, Infinity);
    const wasSilent = entry.silences > 0 || entry.verdict?.answer === "Silence";
    const kind = { wasSilent: wasSilent && !fresh, isRepeat: isRepeat && !fresh };
    const takeBack = limiter.run(checks.budgetOf(subject), kind, async () => {
      if (isStopped()) return;
      const begun = monotonicMs();
      const verdict = await checkNow(subject, fresh, run.giveUp.signal);
      if (isStopped() || entry.run !== run) return;
      options.onChecked?.(subject.kind, verdict, (monotonicMs() - begun) / 1000);
      settle(entry, verdict, fresh, monotonicMs());
      end(id, entry);
      const next = entry.next.splice(0);
      if (next.length > 0) begin(id, entry, subject, true, next);
      for (const { listener } of run.waiting) tell(entry, listener);
    });
    run.giveUp.signal.addEventListener("abort", takeBack);
  }

  function tell(entry: Entry, listener: Question["listener"]): void {
    const known = knownOf(entry);
    if (known) listener(known);
  }

  function knownOf(entry: Entry): KnownVerdict | undefined {
    const { verdict, silences, retryAfterMs } = entry;
    const ageMs = monotonicMs() - entry.checkedAt;
    const latest = (maxAgeMs: number) => (monotonicMs() - entry.checkedAt <= maxAgeMs ? knownOf(entry) : undefined);
    return verdict && { verdict, silences, retryAfterMs, ageMs, latest };
  }

  /** From now on the entry ages. */
  function end(id: string, entry: Entry): void {
    entry.run = undefined;
    entries.set(id, entry);
  }

  function withdraw(id: string, entry: Entry, question: Question): void {
    const { run } = entry;
    if (run === undefined) return;
    run.waiting = run.waiting.filter((each) => each !== question);
    entry.next = entry.next.filter((each) => each !== question);
    if (run.waiting.length + entry.next.length > 0) return;
    end(id, entry);
    run.giveUp.abort();
  }

  /** Read each time, because it changes while a check lasts. */
  function isStopped(): boolean {
    return stopping.signal.aborted;
  }

  async function checkNow(subject: CheckSubject, fresh: boolean, givenUp: AbortSignal): Promise<Verdict> {
    const signal = AbortSignal.any([AbortSignal.timeout(deadlineMs), stopping.signal, givenUp]);
    const aborted = new Promise<Verdict>((resolve) => {
      signal.addEventListener("abort", () => resolve(GAVE_UP), { once: true });
    });
    // A check that throws has a bug. It must not become an unhandled rejection.
    return Promise.race([aborted, checks.check(subject, { signal, fresh }).catch(() => FAILED)]);
  }

  return {
    ask(subject, question) {
      const id = identify(subject);
      const entry = entries.get(id) ?? newEntry();
      entry.verdict ??= question.stands;
      if (entry.run !== undefined) {
        if (question.fresh) entry.next.push(question);
        else entry.run.waiting.push(question);
      } else if (!question.fresh && monotonicMs() - entry.checkedAt <= maxAge(entry, question)) {
        entries.set(id, entry);
        tell(entry, question.listener);
      } else {
        begin(id, entry, subject, question.fresh, [question]);
      }
      return () => withdraw(id, entry, question);
    },
    stop() {
      clearInterval(sweep);
      stopping.abort();
    },
  };
}

/** Subjects contain passwords. What is kept of one is this text, which means nothing outside of this process. */
function createIdentify(): (subject: CheckSubject) => string {
  const secret = randomBytes(32);
  return (subject) => createHmac("sha256", secret).update(JSON.stringify(subject)).digest("base64");
}

function newEntry(): Entry {
  return { verdict: undefined, checkedAt: -Infinity, silences: 0, retryAfterMs: undefined, run: undefined, next: [] };
}

function settle(entry: Entry, verdict: Verdict, fresh: boolean, at: number): void {
  const isSilence = verdict.answer === "Silence";
  entry.checkedAt = at;
  entry.silences = isSilence ? entry.silences + 1 : 0;
  entry.retryAfterMs = isSilence ? verdict.retryAfterMs : undefined;
  if (!isSilence || !outlivesSilence(entry, fresh)) entry.verdict = verdict;
}

/** Whether an earlier verdict still counts after a check that was silent. */
function outlivesSilence({ verdict, silences }: Entry, fresh: boolean): boolean {
  switch (verdict?.answer) {
    case "No":
      return !verdict.passing;
    case "Yes":
    case "Unverifiable":
      return !fresh && silences < SILENCES_UNTIL_UNKNOWN;
    case "Silence":
    case undefined:
      return false;
  }
}

function maxAge({ verdict, silences }: Entry, { maxAgeMs, repeatsAfterMs = 0 }: Question): number {
  const isWell = verdict?.answer === "Yes" || verdict?.answer === "Unverifiable";
  if (isWell && silences === 0) return maxAgeMs;
  const reason = verdict === undefined || isWell ? Reason.Unreachable : verdict.reason;
  return Math.max(youngMs(reason), SHARED_OF_PAUSE * repeatsAfterMs);
}

const GAVE_UP = silence(Reason.UnreachableTimeout, "The live check took too long and was stopped.");
const FAILED = silence(
  Reason.CheckNotMade,
  "The live check failed because of an internal error. The operator retries automatically.",
);
