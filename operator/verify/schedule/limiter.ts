/**
 * How many checks run at once, and how fast they begin. A budget per host keeps the operator from flooding a server. Checks of
 * subjects that were silent the last time have a small lane of their own, so that other checks do not wait for their time-outs. And
 * of those that wait for one host, every other is one that nobody has made before: ten thousand wrong passwords that are tried again
 * do not delay the right one.
 */

import { createTokenBucket } from "#common/token-bucket";
import type { TokenBucket } from "#common/token-bucket";

export type Limits = {
  /** At once, over all hosts. A check that hangs holds its place until its deadline. */
  total: number;
  /** At most so many of these for subjects that were silent the last time. */
  silent: number;
  /** At once, per host. */
  perHost: number;
  /** Per host: so many in a burst, … */
  burst: number;
  /** … and then so many per second. */
  perSecond: number;
};

export const LIMITS: Limits = { total: 256, silent: 64, perHost: 8, burst: 50, perSecond: 10 };
/** For checks that connect to nothing. */
export const UNLIMITED: Limits = {
  total: Infinity,
  silent: Infinity,
  perHost: Infinity,
  burst: Number.MAX_SAFE_INTEGER,
  perSecond: 1,
};

export type Limiter = {
  /**
   * Runs `work` when there is room, in the order of the calls for one host and kind. `work` must not reject.
   *
   * @returns removes it from the queue, as long as it has not begun
   */
  run(host: string, kind: JobKind, work: () => Promise<void>): () => void;
};

/** `wasSilent`: the subject was the last time. `isRepeat`: somebody asks again what was not a yes. */
export type JobKind = { wasSilent: boolean; isRepeat: boolean };

type Job = JobKind & { work: () => Promise<void> };
/** `repeatIsNext`: the last job was not one. */
type Host = { first: Job[]; repeats: Job[]; repeatIsNext: boolean; running: number; bucket: TokenBucket };

/** @param monotonicMs a monotonic clock, in milliseconds */
export function createLimiter(limits: Limits = LIMITS, monotonicMs?: () => number): Limiter {
  const hosts = new Map<string, Host>();
  let running = 0;
  let silent = 0;
  let timer: NodeJS.Timeout | undefined;

  /** The first job of a host that may begin now. One that waits for the silent lane lets others pass. */
  function take(host: Host): Job | undefined {
    if (host.running >= limits.perHost) return undefined;
    for (const queue of host.repeatIsNext ? [host.repeats, host.first] : [host.first, host.repeats]) {
      const index = queue.findIndex(({ wasSilent }) => !wasSilent || silent < limits.silent);
      if (index === -1) continue;
      if (!host.bucket.allow()) return undefined;
      host.repeatIsNext = queue === host.first;
      return queue.splice(index, 1)[0];
    }
    return undefined;
  }

  function fill(): void {
    let next = Infinity;
    for (const [name, host] of hosts) {
      while (running < limits.total) {
        const job = take(host);
        if (!job) break;
        start(host, job);
      }
      if (host.first.length + host.repeats.length > 0) {
        // One that has a token waits for a place, and a check that ends calls this again.
        const waitMs = host.bucket.waitMs();
        if (waitMs > 0) next = Math.min(next, waitMs);
      } else if (host.running === 0 && host.bucket.fullInMs() === 0) {
        hosts.delete(name);
      }
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
    run(name, kind, work) {
      const host = hosts.get(name) ?? newHost(createTokenBucket(limits, monotonicMs));
      hosts.set(name, host);
      const job = { ...kind, work };
      const queue = kind.isRepeat ? host.repeats : host.first;
      queue.push(job);
      fill();
      return () => {
        const index = queue.indexOf(job);
        if (index !== -1) queue.splice(index, 1);
      };
    },
  };
}

function newHost(bucket: TokenBucket): Host {
  return { first: [], repeats: [], repeatIsNext: false, running: 0, bucket };
}
