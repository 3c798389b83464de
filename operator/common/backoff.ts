export type Backoff = { baseMs: number; maxMs: number };

/**
 * How long to wait before the next attempt, in ms, after `failures` (1, 2, …) in a row: exponential with full jitter, between 0
 * and min(maxMs, baseMs × 2^(failures-1)).
 *
 * Full jitter rather than a little: what failed together (a thousand keys, when an API server restarted) must not come back
 * together, and half the mean wait costs little.
 */
export function backoffMs(failures: number, { baseMs, maxMs }: Backoff, random: () => number = Math.random): number {
  const exponent = Math.min(Math.max(failures, 1) - 1, 30);
  return random() * Math.min(maxMs, baseMs * 2 ** exponent);
}
