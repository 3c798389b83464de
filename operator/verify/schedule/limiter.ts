/**
 * How many checks run at once, and how fast they begin. Nobody is hammered (a budget per host), and nobody waits for
 * somebody else's silence: checks of targets that were silent last time have a small lane of their own.
 */

import { createTokenBucket } from "#common/token-bucket";
import type { TokenBucket } from "#common/token-bucket";

export type Limits = {
  /** At once, over all hosts. A check that hangs holds its place for as long as its deadline. */
  total: number;
  /** Of these, at most so many of targets that were silent the last time. */
  silent: number;
  /** At once, per host. */
  perHost: number;
  /** Of one host: so many at a stroke, … */
  burst: number;
  /** … and then so many a second. */
  perSecond: number;
};

export const LIMITS: Limits = { total: 256, silent: 64, perHost: 8, burst: 50, perSecond: 10 };
/** For checks that disturb nobody. */
export const UNLIMITED: Limits = {
  total: Infinity,
  silent: Infinity,
  perHost: Infinity,
  burst: Number.MAX_SAFE_INTEGER,
  perSecond: 1,
};

export type Limiter = {
  /**
   * Runs `work` when there is room, first come, first served among those of one host. `work` must not reject.
   *
   * @returns takes it off the list, as long as it has not begun
   */
  run(host: string, wasSilent: boolean, work: () => Promise<void>): () => void;
  readonly running: number;
};

type Job = { wasSilent: boolean; work: () => Promise<void> };
type Host = { waiting: Job[]; running: number; bucket: TokenBucket };

/** @param monotonicMs a monotonic clock, in milliseconds */
export function createLimiter(limits: Limits = LIMITS, monotonicMs?: () => number): Limiter {
  const hosts = new Map<string, Host>();
  let running = 0;
  let silent = 0;
  let timer: NodeJS.Timeout | undefined;

  /** The first job of a host that may begin now. One that waits for the silent lane lets others pass. */
  function take(host: Host): Job | undefined {
    if (host.running >= limits.perHost) return undefined;
    const index = host.waiting.findIndex(({ wasSilent }) => !wasSilent || silent < limits.silent);
    return index === -1 || !host.bucket.allow() ? undefined : host.waiting.splice(index, 1)[0];
  }

  function fill(): void {
    let next = Infinity;
    for (const [name, host] of hosts) {
      while (running < limits.total) {
        const job = take(host);
        if (!job) break;
        start(host, job);
      }
      const waitMs = host.bucket.waitMs();
      if (host.waiting.length > 0 && waitMs > 0) next = Math.min(next, waitMs);
      if (host.waiting.length === 0 && host.running === 0 && host.bucket.fullInMs() === 0) hosts.delete(name);
    }
    clearTimeout(timer);
    if (next < Infinity) timer = setTimeout(fill, Math.ceil(next)).unref();
  }

  function start(host: Host, { wasSilent, work }: Job): void {
    running += 1;
    host.running += 1;
    if (wasSilent) silent += 1;
    void work().finally(() => {
      running -= 1;
      host.running -= 1;
      if (wasSilent) silent -= 1;
      fill();
    });
  }

  return {
    run(name, wasSilent, work) {
      const host = hosts.get(name) ?? { waiting: [], running: 0, bucket: createTokenBucket(limits, monotonicMs) };
      hosts.set(name, host);
      const job = { wasSilent, work };
      host.waiting.push(job);
      fill();
      return () => void (host.waiting = host.waiting.filter((each) => each !== job));
    },
    get running() {
      return running;
    },
  };
}
