/**
 * What was answered, by target: one check for all AppSecrets with the same target, whoever asks and however often.
 *
 * Silence proves nothing. So it does not overrule a definite no (the content that was refused would be published as soon
 * as the server went down), and it overrules a yes only when it lasts.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { CheckSubject, Verdict } from "#api/check";
import { Reason } from "#api/status";
import type { Limiter } from "./limiter.ts";

/** Makes one check. Whatever it meets becomes a verdict. */
export type Check = (target: CheckSubject, options: { signal: AbortSignal; fresh: boolean }) => Promise<Verdict>;

export type Answers = {
  /**
   * Sees to it that `listener` is told an answer that is young enough: at once when there is one, else after the check that
   * is under way or begun now.
   *
   * @returns to be called when the answer is of no use any more: a check that nobody waits for is given up, or whoever edits
   *   an AppSecret again and again, each time to another address that hangs, would keep everyone else's checks waiting
   */
  ask(target: CheckSubject, question: Question): () => void;
  stop(): void;
};

export type Question = {
  /** How old a yes may be. */
  maxAgeMs: number;
  /** Nothing that was begun before this will do. */
  fresh: boolean;
  /** What an earlier process was answered. */
  stands?: Verdict | undefined;
  listener: (answer: Answer) => void;
};

export type Answer = {
  /** What counts now. */
  verdict: Verdict;
  /** Failures to get an answer in a row; the last one's wish for how long to leave it alone, in ms. */
  silences: number;
  retryAfterMs: number | undefined;
};

export type AnswersOptions = {
  check: Check;
  limiter: Limiter;
  /** Answers that nobody asked for in this time are forgotten. */
  keepMs: number;
  /** After each check. */
  onChecked?: (kind: CheckSubject["kind"], verdict: Verdict, seconds: number) => void;
  now?: () => number;
  deadlineMs?: number;
};

type Entry = {
  verdict: Verdict | undefined;
  checkedAt: number;
  usedAt: number;
  silences: number;
  retryAfterMs: number | undefined;
  /** The check under way. */
  run: Run | undefined;
  /** Those who want one that begins later. */
  next: Question[];
};

/** `giveUp` ends it, and with it all that it keeps waiting. */
type Run = { waiting: Question[]; giveUp: AbortController };

/** A check caps itself well below this (an Atlas cluster: 10 s for its API, 10 s for a ping); it is for the day when one does not. */
const DEADLINE_MS = 30_000;
/** A failure is younger than this, or it is asked again: somebody may have repaired it. */
const MEMORY_OF_FAILURE_MS = 2500;
/** So many silences in a row, and a yes is called unknown. */
const SILENCES_UNTIL_UNKNOWN = 3;

export function createAnswers(options: AnswersOptions): Answers {
  const { check, limiter, keepMs, now = () => performance.now(), deadlineMs = DEADLINE_MS } = options;
  const entries = new Map<string, Entry>();
  const stopping = new AbortController();
  /** Targets hold passwords. What is kept of one for long is this, and it means nothing outside of this process. */
  const secret = randomBytes(32);
  const identify = (target: CheckSubject) =>
    createHmac("sha256", secret).update(JSON.stringify(target)).digest("base64");
  const sweep = setInterval(() => {
    for (const [id, { usedAt, run }] of entries) {
      if (run === undefined && now() - usedAt > keepMs) entries.delete(id);
    }
  }, keepMs).unref();

  function begin(entry: Entry, target: CheckSubject, fresh: boolean, waiting: Question[]): void {
    const run: Run = { waiting, giveUp: new AbortController() };
    entry.run = run;
    const wasSilent = entry.silences > 0 || entry.verdict?.answer === "Silence";
    const takeBack = limiter.run(hostOf(target), wasSilent && !fresh, async () => {
      if (isStopped()) return;
      const begun = now();
      const raw = await answerOf(target, fresh, run.giveUp.signal);
      if (isStopped() || entry.run !== run) return;
      options.onChecked?.(target.kind, raw, (now() - begun) / 1000);
      settle(entry, raw, fresh);
      entry.run = undefined;
      const next = entry.next.splice(0);
      if (next.length > 0) begin(entry, target, true, next);
      for (const { listener } of run.waiting) tell(entry, listener);
    });
    run.giveUp.signal.addEventListener("abort", takeBack);
  }

  function leave(entry: Entry, question: Question): void {
    const { run } = entry;
    if (run === undefined) return;
    run.waiting = run.waiting.filter((each) => each !== question);
    entry.next = entry.next.filter((each) => each !== question);
    if (run.waiting.length + entry.next.length > 0) return;
    entry.run = undefined;
    run.giveUp.abort();
  }

  /** Asked anew each time, for it changes while a check lasts. */
  function isStopped(): boolean {
    return stopping.signal.aborted;
  }

  async function answerOf(target: CheckSubject, fresh: boolean, givenUp: AbortSignal): Promise<Verdict> {
    const signal = AbortSignal.any([AbortSignal.timeout(deadlineMs), stopping.signal, givenUp]);
    const given = new Promise<Verdict>((resolve) => {
      signal.addEventListener("abort", () => resolve(GAVE_UP), { once: true });
    });
    // A check that throws is a bug of ours, and must not become a promise that nobody handles.
    return Promise.race([given, check(target, { signal, fresh }).catch(() => FAILED)]);
  }

  return {
    ask(target, question) {
      const id = identify(target);
      const entry = entries.get(id) ?? create();
      entries.set(id, entry);
      entry.usedAt = now();
      entry.verdict ??= question.stands;
      if (entry.run !== undefined) {
        if (question.fresh) entry.next.push(question);
        else entry.run.waiting.push(question);
      } else if (!question.fresh && now() - entry.checkedAt <= maxAge(entry, question)) {
        tell(entry, question.listener);
      } else {
        begin(entry, target, question.fresh, [question]);
      }
      return () => leave(entry, question);
    },
    stop() {
      clearInterval(sweep);
      stopping.abort();
    },
  };

  function create(): Entry {
    return {
      verdict: undefined,
      checkedAt: -Infinity,
      usedAt: now(),
      silences: 0,
      retryAfterMs: undefined,
      run: undefined,
      next: [],
    };
  }

  function settle(entry: Entry, raw: Verdict, fresh: boolean): void {
    entry.checkedAt = now();
    if (raw.answer !== "Silence") {
      entry.verdict = raw;
      entry.silences = 0;
      entry.retryAfterMs = undefined;
      return;
    }
    entry.silences += 1;
    entry.retryAfterMs = raw.retryAfterMs;
    const before = entry.verdict;
    const stands =
      (before?.answer === "No" && !before.passing) ||
      (before?.answer === "Yes" && !fresh && entry.silences < SILENCES_UNTIL_UNKNOWN);
    if (!stands) entry.verdict = raw;
  }
}

function maxAge({ verdict, silences }: Entry, { maxAgeMs }: Question): number {
  return verdict?.answer === "Yes" && silences === 0 ? maxAgeMs : MEMORY_OF_FAILURE_MS;
}

function tell({ verdict, silences, retryAfterMs }: Entry, listener: Question["listener"]): void {
  if (verdict) listener({ verdict, silences, retryAfterMs });
}

const GAVE_UP: Verdict = {
  answer: "Silence",
  reason: Reason.UnreachableTimeout,
  message: "The live check took too long and was given up.",
};
const FAILED: Verdict = {
  answer: "Silence",
  reason: Reason.Unreachable,
  message: "The live check failed for a reason of its own. The operator tries again by itself.",
};

/** Whose budget a check is charged to. */
function hostOf(target: CheckSubject): string {
  switch (target.kind) {
    case "JWKS":
      return URL.canParse(target.uri) ? new URL(target.uri).host : "";
    case "MongoDB":
      return /^mongodb(?:\+srv)?:\/\/(?:[^/?]*@)?([^/?]*)/.exec(target.uri)?.[1] ?? "";
    case "Atlas":
      // With the key: somebody else's AppSecrets with this project's ID and a key of no use take none of its owner's turns.
      return `atlas ${target.projectId} ${target.publicKey}`;
  }
}
