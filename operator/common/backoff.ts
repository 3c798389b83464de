export type Backoff = { baseMs: number; maxMs: number };

/**
 * How long to wait before the next attempt, in ms, after `failures` (1, 2, …) of them in a row: exponential with full
 * jitter, anywhere between 0 and min(maxMs, baseMs × 2^(failures-1)).
 *
 * Full jitter rather than a little: what failed together (an API server restarted under a thousand keys) must not come
 * back together, and half the mean wait is no price.
 */
export function backoffMs(failures: number, { baseMs, maxMs }: Backoff, random: () => number = Math.random): number {
  const exponent = Math.min(Math.max(failures, 1) - 1, 30);
  return random() * Math.min(maxMs, baseMs * 2 ** exponent);
}
