/** Time as an argument, so that a test can be the one who moves it. Milliseconds, monotonic. */
export type Clock = {
  now(): number;
  /** Calls back after `ms`; returns how to call that off. */
  after(ms: number, callback: () => void): () => void;
};

/** setTimeout takes 2^31-1 ms at most and fires at once beyond that. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, LONGEST_TIMEOUT_MS));
    return () => clearTimeout(timer);
  },
};
