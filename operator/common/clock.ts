/** Time as an argument, so that a test can move it. Milliseconds, monotonic. */
export type Clock = {
  now(): number;
  /** Calls back after `ms`, unless the function that it returns is called first. */
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
