/**
 * How often something may be done: a steady rate, with a burst after a quiet time. One algorithm for all limits (the generic
 * cell rate algorithm: a token bucket in one number, the time at which it is full again), in the words of Go's
 * golang.org/x/time/rate.
 */
import { createExpiringMap } from "./expiring-map.ts";

export type Rate = {
  /** Tokens per second in the long run. */
  perSecond: number;
  /** Tokens in a full bucket: so many can be taken at once. At least 1. */
  burst: number;
};

export type TokenBucket = {
  /** Takes a token if there is one. */
  allow(): boolean;
  /**
   * Takes the next token, which may be one that only comes later.
   *
   * @returns how long to wait before it is used, in ms; undefined if that is longer than `longestWaitMs`: nothing was taken
   */
  reserve(longestWaitMs: number): number | undefined;
  /** How long until the next token, in ms; 0 if there is one. */
  waitMs(): number;
  /** No token before `ms` from now, and no burst then. Never shortens an earlier pause. */
  pause(ms: number): void;
  /** How long until the bucket is full, in ms: from then on it is like a new one. */
  fullInMs(): number;
};

/** @param monotonicMs a monotonic clock, in milliseconds */
export function createTokenBucket(
  { perSecond, burst }: Rate,
  monotonicMs: () => number = () => performance.now(),
): TokenBucket {
  const intervalMs = 1_000 / perSecond;
  /** A token is taken by moving this an interval ahead; a burst is the room for that. */
  let fullAt = -Infinity;

  const fullInMs = (): number => Math.max(0, fullAt - monotonicMs());
  const waitMs = (): number => Math.max(0, fullInMs() - (burst - 1) * intervalMs);

  function reserve(longestWaitMs: number): number | undefined {
    const wait = waitMs();
    if (wait > longestWaitMs) return undefined;
    fullAt = Math.max(fullAt, monotonicMs()) + intervalMs;
    return wait;
  }

  return {
    allow: () => reserve(0) !== undefined,
    reserve,
    waitMs,
    pause: (ms) => void (fullAt = Math.max(fullAt, monotonicMs() + ms + (burst - 1) * intervalMs)),
    fullInMs,
  };
}

export type TokenBuckets = {
  /** The bucket of a key, to be used at once and not kept. */
  of(key: string): TokenBucket;
  /** How many keys are remembered. */
  readonly size: number;
};

/**
 * A bucket for each key, all with the same rate. A key whose bucket is full again is forgotten.
 *
 * @param monotonicMs a monotonic clock, in milliseconds
 */
export function createTokenBuckets(rate: Rate, monotonicMs: () => number = () => performance.now()): TokenBuckets {
  const buckets = createExpiringMap<string, TokenBucket>({ ttlMs: 0, monotonicMs });

  return {
    of(key) {
      const bucket = buckets.get(key) ?? createTokenBucket(rate, monotonicMs);
      const used = <T>(result: T): T => {
        buckets.set(key, bucket, bucket.fullInMs());
        return result;
      };
      return {
        ...bucket,
        allow: () => used(bucket.allow()),
        reserve: (longestWaitMs) => used(bucket.reserve(longestWaitMs)),
        pause(ms) {
          bucket.pause(ms);
          used(undefined);
        },
      };
    },
    get size() {
      return buckets.size;
    },
  };
}
