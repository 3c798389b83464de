import { backoffMs } from "#common/backoff";
import type { Outcome } from "./send.ts";

/**
 * Whether to try once more, as a pure function.
 *
 * What was certainly not executed (429, a 401 on a token that had just rotated, a connection that was never made) may
 * be sent again whatever it is. What may have been executed is sent again only when twice is the same as once: a POST
 * whose reply was lost is the caller's to judge, by reading. These are short retries, for hiccups of a second or two;
 * whoever calls has a queue with a backoff for the rest.
 */
export type Retry = { waitMs: number } | undefined;

const MAX_ATTEMPTS = 4;
/** A server that wants us gone for longer is told to the caller (`ApiError.retryAfterSeconds`) instead of waited for. */
const LONGEST_WAIT_MS = 10_000;
const BACKOFF = { baseMs: 100, maxMs: 2000 };

/** @param attempt 1 for the first one, which is the one that had this outcome. */
export function shouldRetry(
  outcome: Outcome,
  attempt: number,
  idempotent: boolean,
  random: () => number = Math.random,
): Retry {
  if (attempt >= MAX_ATTEMPTS) return undefined;
  const backoff = { waitMs: backoffMs(attempt, BACKOFF, random) };
  switch (outcome.kind) {
    case "aborted":
    case "withheld":
      return undefined;
    case "timeout":
      // The caller has waited long enough already; one more time, because the connection was perhaps dead.
      return (idempotent || !outcome.sent) && attempt === 1 ? backoff : undefined;
    case "unreachable":
      return idempotent || !outcome.sent ? backoff : undefined;
    case "reply": {
      if (outcome.status === 401) return attempt === 1 ? { waitMs: 0 } : undefined;
      const overloaded = outcome.status === 429;
      const failed = [500, 502, 503, 504].includes(outcome.status);
      if (!overloaded && !(failed && idempotent)) return undefined;
      const asked = retryAfterMs(outcome.headers["retry-after"]);
      if (asked === undefined) return backoff;
      // A little later than asked, each at another time: all who were refused were told the same second.
      return asked > LONGEST_WAIT_MS ? undefined : { waitMs: asked * (1 + 0.2 * random()) };
    }
  }
}

/** `Retry-After` in ms; the API server sends whole seconds, a proxy perhaps an HTTP date. */
export function retryAfterMs(header: string | string[] | undefined, now: number = Date.now()): number | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
