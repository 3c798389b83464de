import { setImmediate } from "node:timers/promises";
import { backoffMs } from "#common/backoff";
import type { Backoff } from "#common/backoff";
import { systemClock } from "#common/clock";
import type { Clock } from "#common/clock";
import { createDelays } from "./delays.ts";
import { ApiError } from "../client/api-error.ts";
import type { Log } from "#common/log";

/**
 * Work by key. A key says that something changed, never what: the handler reads the current state. So adding a key
 * twice is adding it once, and a key that is added while it runs runs once more afterwards, because what it read may be
 * old. One key is never in two hands.
 *
 * First come, first served: a key that runs again or fails goes to the end, and no key can keep the others waiting.
 * A handler that throws, or returns `{ retry: true }`, has its key run again after a backoff that doubles with each time in
 * a row; one that returns nothing has it forgotten. An event in between runs the key at once, whatever the backoff says: the world has changed.
 */
export type Queue = {
  add(key: string): void;
  /** Adds the key in `ms`. Of several calls the earliest time counts, and a run before that time does not cancel it. */
  addAfter(key: string, ms: number): void;
  /** Forgets the failures and the due times of a key whose object is gone. */
  forget(key: string): void;
  /** Ends a pause. A paused queue takes no keys: a follower's would only pile up, and resuming comes with adding all keys. */
  resume(): void;
  /** Takes and starts no more keys, and resolves when the running ones are finished, or after `timeoutMs`: a server that hangs must not delay the end. */
  drain(timeoutMs?: number): Promise<void>;
  /** Keys that wait for a worker, without the delayed ones. */
  readonly depth: number;
  /** When a key last finished, by the queue's clock; now, if there is nothing to do. Liveness: now - lastProgress. */
  readonly lastProgress: number;
  /** Seconds for the metric of the same name: the sum, and the longest, of how long the running keys have been running. */
  readonly unfinishedSeconds: number;
  readonly longestRunningSeconds: number;
};

/** Hooks for workqueue_*; times in seconds. */
export type QueueMetrics = {
  depth?(depth: number): void;
  added?(): void;
  retried?(): void;
  /** From `add` to the start of the handler. */
  queued?(seconds: number): void;
  worked?(seconds: number): void;
};

/** What a handler returns that did its work but must run again after the key's backoff: no error, and none is reported. */
export type Retry = { retry: true };

export type QueueOptions = {
  /** How many keys are handled at once. */
  concurrency: number;
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- most handlers return nothing
  handle: (key: string) => Promise<void | Retry>;
  backoff: Backoff;
  metrics?: QueueMetrics;
  /** Called with what a handler threw, the failures of this key in a row, and the ms until it runs again. */
  onError?: (key: string, error: unknown, failures: number, retryMs: number) => void;
  paused?: boolean;
  log?: Log;
  clock?: Clock;
  random?: () => number;
};

/**
 * After this many keys everything else gets a turn. A handler that finds nothing to do does not wait for anything: without
 * this, a first pass over all keys would block probes, watches and the renewal of the Lease until its end.
 */
const KEYS_IN_A_ROW = 64;

export function createQueue(options: QueueOptions): Queue {
  const { concurrency, handle, backoff, metrics = {}, clock = systemClock } = options;
  /** Waiting keys in order, with the time they were added. A Map keeps the order of insertion. */
  const waiting = new Map<string, number>();
  /** Running keys with the time they were started. */
  const running = new Map<string, number>();
  const runAgain = new Set<string>();
  const failures = new Map<string, number>();
  const later = createDelays(clock, add);
  const retries = createDelays(clock, (key) => {
    metrics.retried?.();
    add(key);
  });
  let inARow = 0;
  let pause: Promise<unknown> | undefined;
  let draining = false;
  let paused = options.paused ?? false;
  let lastFinished = clock.now();
  let drained: (() => void) | undefined;

  function add(key: string): void {
    if (draining || paused) return;
    if (running.has(key)) {
      if (!runAgain.has(key)) metrics.added?.();
      runAgain.add(key);
      return;
    }
    if (waiting.has(key)) return;
    metrics.added?.();
    enqueue(key);
  }

  function enqueue(key: string): void {
    if (waiting.size === 0 && running.size === 0) lastFinished = clock.now();
    waiting.set(key, clock.now());
    metrics.depth?.(waiting.size);
    fill();
  }

  /** Starts keys while workers are free. */
  function fill(): void {
    while (!draining && running.size < concurrency) {
      const next = waiting.entries().next();
      if (next.done) return;
      const [key, addedAt] = next.value;
      waiting.delete(key);
      metrics.depth?.(waiting.size);
      metrics.queued?.((clock.now() - addedAt) / 1000);
      running.set(key, clock.now());
      retries.cancel(key);
      void run(key);
    }
  }

  async function run(key: string): Promise<void> {
    try {
      // Not in the caller's stack: `add` is called from listeners that must not run handlers.
      await nextTurn();
      const again = await handle(key);
      if (again) backOff(key);
      else failures.delete(key);
    } catch (error) {
      fail(key, error);
    }
    finish(key);
  }

  function nextTurn(): Promise<unknown> {
    if (pause === undefined) {
      inARow += 1;
      if (inARow < KEYS_IN_A_ROW) return Promise.resolve();
      inARow = 0;
      pause = setImmediate().then(() => (pause = undefined));
    }
    return pause;
  }

  /** @returns how many times in a row the key was not finished, and the ms until it runs again */
  function backOff(key: string, atLeastMs = 0): [count: number, wait: number] {
    const count = (failures.get(key) ?? 0) + 1;
    failures.set(key, count);
    const wait = Math.max(atLeastMs, backoffMs(count, backoff, options.random));
    if (!draining) retries.add(key, wait);
    return [count, wait];
  }

  function fail(key: string, error: unknown): void {
    if (draining) return;
    const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const [count, wait] = backOff(key, asked);
    try {
      options.onError?.(key, error, count, wait);
    } catch (thrown) {
      options.log?.error({ key, err: thrown }, "the queue's error hook failed");
    }
  }

  function finish(key: string): void {
    const now = clock.now();
    metrics.worked?.((now - (running.get(key) ?? now)) / 1000);
    running.delete(key);
    lastFinished = now;
    if (runAgain.delete(key) && !draining) {
      retries.cancel(key);
      enqueue(key);
    }
    if (draining && running.size === 0) drained?.();
    fill();
  }

  return {
    add,
    addAfter(key, ms) {
      if (draining || paused) return;
      if (ms <= 0) add(key);
      else later.add(key, ms);
    },
    forget(key) {
      failures.delete(key);
      retries.cancel(key);
      later.cancel(key);
    },
    resume() {
      paused = false;
    },
    async drain(timeoutMs) {
      draining = true;
      later.clear();
      retries.clear();
      waiting.clear();
      runAgain.clear();
      metrics.depth?.(0);
      if (running.size === 0) return;
      const finished = Promise.withResolvers<undefined>();
      drained = () => finished.resolve(undefined);
      const callOff = timeoutMs === undefined ? undefined : clock.after(timeoutMs, drained);
      await finished.promise;
      callOff?.();
    },
    get depth() {
      return waiting.size;
    },
    get lastProgress() {
      const idle = running.size === 0 && waiting.size === 0;
      return idle ? clock.now() : lastFinished;
    },
    get unfinishedSeconds() {
      let sum = 0;
      for (const startedAt of running.values()) sum += clock.now() - startedAt;
      return sum / 1000;
    },
    get longestRunningSeconds() {
      // The first that was started is the longest running: a Map keeps the order of insertion.
      const oldest = running.values().next();
      return oldest.done ? 0 : (clock.now() - oldest.value) / 1000;
    },
  };
}
