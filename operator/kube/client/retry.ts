import { backoffMs } from "#common/backoff";
import { retryAfterMs } from "#common/retry-after";
import type { Outcome } from "./send.ts";

/**
 * Whether to try once more, as a pure function.
 *
 * What was certainly not executed (429, a 401 on a token that has just rotated, a connection that was never made) may be
 * sent again whatever it is. What may have been executed is sent again only if executing it twice is the same as once: if
 * the reply to a POST is lost, the caller has to read and judge. These are short retries, for hiccups of a second or two;
 * for everything longer the callers have a queue with a backoff.
 */
export type Retry = { waitMs: number } | undefined;

const MAX_ATTEMPTS = 4;
/** A server that wants a longer pause is not waited for: the caller gets `ApiError.retryAfterSeconds` instead. */
const LONGEST_WAIT_MS = 10_000;
const BACKOFF = { baseMs: 100, maxMs: 2000 };

/**
 * @param attempt 1 for the first one, which is the one that had this outcome
 * @param idempotent executing the request twice is the same as once
 */
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
      // The caller has waited long enough already; once more, because perhaps only the connection was dead.
      return (idempotent || !outcome.sent) && attempt === 1 ? backoff : undefined;
    case "unreachable":
      return idempotent || !outcome.sent ? backoff : undefined;
    case "reply": {
      if (outcome.status === 401) return attempt === 1 ? { waitMs: 0 } : undefined;
      const overloaded = outcome.status === 429;
      const failed = [500, 502, 503, 504].includes(outcome.status);
      if (!overloaded && !(failed && idempotent)) return undefined;
      const askedMs = retryAfterMs(outcome.headers["retry-after"], Date.now());
      if (askedMs === undefined) return backoff;
      // A little later, and each client at another time: the server gave the same second to all that it refused.
      return askedMs > LONGEST_WAIT_MS ? undefined : { waitMs: askedMs * (1 + 0.2 * random()) };
    }
  }
}
