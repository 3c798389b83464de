/**
 * How often a quota of someone else's may be used: an even rate, with a burst after a quiet time (the generic cell rate
 * algorithm, which needs one number for each key). Kept below the quota, because people and their tools live on it too.
 */

export type RequestBudget = {
  /**
   * Books the next request for `key`.
   *
   * @returns how long to wait before sending it, in ms; undefined when that is longer than `longestWaitMs`, and nothing was
   *   booked: try again after `freeInMs`
   */
  book(key: string, longestWaitMs: number): number | undefined;
  /** How long a request would have to wait that was booked now, in ms. */
  freeInMs(key: string): number;
  /** The other side asked for quiet: nothing before `ms` from now, and no burst after it. */
  pause(key: string, ms: number): void;
  /** How many keys are remembered. */
  readonly size: number;
};

/** Keys are forgotten when they have all of their budget again; looked for when there are more than this. */
const KEYS_BEFORE_CLEANING = 1_000;

/**
 * @param options.perMinute requests for each key in the long run
 * @param options.burst requests that may follow each other at once after a quiet time
 * @param options.now milliseconds, monotonic
 */
export function createRequestBudget(options: { perMinute: number; burst: number; now: () => number }): RequestBudget {
  const { burst, now } = options;
  const intervalMs = 60_000 / options.perMinute;
  /** Until when the bookings of a key last, at one in `intervalMs`. A burst is `burst` intervals ahead of it. */
  const bookedUntil = new Map<string, number>();

  const freeInMs = (key: string): number => Math.max(0, (bookedUntil.get(key) ?? 0) - now() - (burst - 1) * intervalMs);
  const set = (key: string, until: number): void => {
    if (bookedUntil.size > KEYS_BEFORE_CLEANING) {
      for (const [each, time] of bookedUntil) if (time <= now()) bookedUntil.delete(each);
    }
    bookedUntil.set(key, until);
  };

  return {
    get size() {
      return bookedUntil.size;
    },
    freeInMs,
    book(key, longestWaitMs) {
      const waitMs = freeInMs(key);
      if (waitMs > longestWaitMs) return undefined;
      set(key, Math.max(bookedUntil.get(key) ?? 0, now()) + intervalMs);
      return waitMs;
    },
    pause(key, ms) {
      set(key, Math.max(bookedUntil.get(key) ?? 0, now() + ms + (burst - 1) * intervalMs));
    },
  };
}
