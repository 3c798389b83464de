/**
 * How soon a check is made again that did not say yes.
 *
 * Much of what is wrong at first repairs itself: the database user, the role or the first signing key is made by the next step of
 * the same deployment. So checks are close together for the time in which that is likely (`SETTLING_MS`); after it the pauses grow
 * with the time that has passed, up to the interval. A pause depends on the time alone, and on when the trouble began, which the
 * status records: a restart goes on where the process before it was.
 */
import { SETTLING_MS } from "#api/check";
import type { Trouble } from "#api/check";
import { Reason } from "#api/status";

/**
 * The pause is `soon` times what has passed, within `least` and `most`; and `later` times that once the trouble has lasted.
 * `young`: up to this age a verdict is good enough for somebody who has not asked before. Less than the least pause with its jitter.
 */
type Pace = { leastMs: number; mostMs: number; soon: number; later: number; youngMs: number };

/** After 5, 10, 20, 40, 60, 80, 100 and 120 s, then after 3, 4.5, … minutes. */
const USUAL: Pace = { leastMs: 5_000, mostMs: 20_000, soon: 1, later: 0.5, youngMs: 2_500 };
/** A login: after 10, 40, 70, 100 and 130 s, then after 4, 9, … minutes. Accounts are locked, most often after five to ten tries. */
const LOGIN: Pace = { leastMs: 10_000, mostMs: 30_000, soon: 3, later: 1, youngMs: 7_500 };

const LOGINS: ReadonlySet<Reason> = new Set([Reason.RejectedAuthentication, Reason.RejectedAPIKey]);

/** With the jitter of the scheduler at most a minute: what is held back is published soon after its target answers. */
const LONGEST_WAIT_MS = 50_000;

/**
 * @param nowMs ms since the epoch
 * @returns the pause from now until the next check, in ms; never more than the interval
 */
export function pauseMs({ sinceMs, reason, waits }: Trouble, nowMs: number, intervalMs: number): number {
  const { leastMs, mostMs, soon, later } = paceOf(reason);
  // The clock of another machine may have been ahead.
  const passedMs = Math.max(0, nowMs - sinceMs);
  const pause = passedMs < SETTLING_MS ? Math.min(Math.max(leastMs, soon * passedMs), mostMs) : later * passedMs;
  return Math.min(pause, waits ? LONGEST_WAIT_MS : Infinity, intervalMs);
}

/** How old a verdict other than yes may be for somebody who has not asked before, in ms: the cause may have been repaired. */
export function youngMs(reason: Reason): number {
  return paceOf(reason).youngMs;
}

function paceOf(reason: Reason): Pace {
  return LOGINS.has(reason) ? LOGIN : USUAL;
}
