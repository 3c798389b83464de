import { backoffMs } from "#common/backoff";
import type { KubeClient } from "./client/client.ts";
import { statusOf } from "./client/api-error.ts";
import { acquired, createObserver, released } from "./lease-record.ts";
import type { Lease } from "./lease-record.ts";
import type { Log } from "#common/log";
import { sleep } from "#common/sleep";

/**
 * One of several replicas leads: the one whose name stands in a Lease, for as long as it keeps writing it anew.
 *
 * The rules are client-go's. The leader renews each `retryPeriodMs`; when it has not managed to for `renewDeadlineMs` it is
 * no leader any more. A follower takes over when it has seen the record unchanged for the record's own lease duration.
 * No clock is compared with another machine's: each measures by its own how long nothing happened. The time between
 * the two (5 s by default) is what a request that the old leader had under way may still take.
 *
 * `isLeading` is answered by the clock at the moment of the question. A process that was stopped (SIGSTOP, a suspended
 * machine) runs no timer of its own that could have told it in time.
 */
export type Election = {
  /** Ask before each write. */
  isLeading(): boolean;
  /** Whose name stands in the Lease, "" when nobody's. */
  readonly holder: string;
  /** Stops; a leader hands the Lease over, so that a follower may start at once. Call it when the last write is done. */
  release(): Promise<void>;
};

export type ElectionOptions = {
  client: Pick<KubeClient, "get" | "create" | "update">;
  namespace: string;
  name: string;
  /** Different for each process: the Pod's name, and something random for a container that restarts in it. */
  identity: string;
  leaseDurationMs?: number;
  renewDeadlineMs?: number;
  retryPeriodMs?: number;
  onLeading?: () => void;
  /** The Lease could not be renewed in time, or somebody else has it. It goes on as a follower. */
  onLost?: () => void;
  log: Log;
};

export function startElection(options: ElectionOptions): Election {
  const { client, namespace, name, identity, log } = options;
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2000 } = options;
  if (!(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > retryPeriodMs && retryPeriodMs > 0)) {
    throw new RangeError("a lease needs leaseDuration > renewDeadline > retryPeriod > 0");
  }
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const path = `${collection}/${name}`;
  const stopping = new AbortController();
  const observer = createObserver();
  const seconds = Math.ceil(leaseDurationMs / 1000);
  /** A request that takes longer than this would be no use; there must be time for a second one. */
  const request = { retry: false, timeoutMs: Math.min(5000, renewDeadlineMs / 2) };

  let leading = false;
  /** When the last successful renewal was begun, by both clocks. */
  let renewed = { monotonic: -Infinity, wall: -Infinity };
  let failures = 0;
  let deadline: ReturnType<typeof setTimeout> | undefined;

  /**
   * The monotonic clock stands still while the machine is suspended, and the wall clock may be set: whichever of them
   * says that the time is up is believed. At the worst the writes pause until the next renewal.
   */
  function isLeading(): boolean {
    if (!leading) return false;
    return performance.now() - renewed.monotonic < renewDeadlineMs && Date.now() - renewed.wall < renewDeadlineMs;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await turn();
      await sleep(pause(), stopping.signal);
    }
  }

  /** One look at the Lease, and one write of it when it is ours or free. Never throws. */
  async function turn(): Promise<void> {
    const begun = { monotonic: performance.now(), wall: Date.now() };
    try {
      const won = leading ? await renew() : await acquire();
      failures = 0;
      // A reply that took longer than the deadline (we were stopped meanwhile) proves nothing about now.
      if (won && performance.now() - begun.monotonic < renewDeadlineMs) lead(begun);
      else lose();
    } catch (error) {
      failures += 1;
      // 409: somebody else wrote. Who, tells the next look.
      if (statusOf(error) === 409) observer.distrust();
      if (failures === 1)
        log.warn(
          { name, reason: reasonOf(error) },
          leading ? "the Lease could not be renewed" : "the Lease could not be read or taken",
        );
    }
    if (leading && !isLeading()) lose();
  }

  /** Without reading first: a version that is still the current one proves that nobody else has written. */
  async function renew(): Promise<boolean> {
    const lease = observer.lease;
    if (lease === undefined) return acquire();
    observer.saw(await client.update<Lease>(path, acquired(lease, identity, seconds), request));
    return true;
  }

  async function acquire(): Promise<boolean> {
    const lease = await client.get<Lease>(path, request).catch((error: unknown) => {
      if (statusOf(error) === 404) return undefined;
      throw error;
    });
    if (lease === undefined) {
      const fresh = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name, namespace }, spec: {} };
      observer.saw(await client.create<Lease>(collection, acquired(fresh, identity, seconds), request));
      return true;
    }
    observer.saw(lease);
    if (observer.holder !== "" && observer.holder !== identity && observer.validMs() > 0) return false;
    observer.saw(await client.update<Lease>(path, acquired(lease, identity, seconds), request));
    return true;
  }

  function lead(begun: typeof renewed): void {
    renewed = begun;
    clearTimeout(deadline);
    // The next turn may hang in a request of its own: the loss is told when it is due.
    deadline = setTimeout(lose, Math.max(0, begun.monotonic + renewDeadlineMs - performance.now()));
    if (leading || stopping.signal.aborted) return;
    leading = true;
    log.info({ name, identity }, "leading");
    tell(options.onLeading);
  }

  function lose(): void {
    if (!leading) return;
    leading = false;
    clearTimeout(deadline);
    observer.distrust();
    log.warn({ name, identity, holder: observer.holder }, "no longer leading");
    tell(options.onLost);
  }

  function tell(callback: (() => void) | undefined): void {
    try {
      callback?.();
    } catch (error) {
      log.error({ err: error }, "a callback of the election failed");
    }
  }

  /**
   * A leader renews in time. A follower looks twice as often, so that it notices soon when the record stops changing,
   * and is there at the moment when it expires; with jitter, for two of them should not come at once.
   */
  function pause(): number {
    if (leading)
      return failures > 0
        ? Math.min(retryPeriodMs, 200 + backoffMs(failures, { baseMs: 200, maxMs: retryPeriodMs }))
        : retryPeriodMs;
    const look = (retryPeriodMs / 2) * (0.8 + 0.4 * Math.random());
    const valid = observer.validMs();
    return failures === 0 && valid > 0 && valid < look ? valid + 50 * Math.random() : look;
  }

  const running = run();
  return {
    isLeading,
    get holder() {
      return observer.holder;
    },
    async release() {
      stopping.abort();
      await running;
      clearTimeout(deadline);
      leading = false;
      // Refused with 409 when it is not ours any more: the version is that of our own last write.
      const held = observer.holder === identity ? observer.lease : undefined;
      if (held === undefined) return;
      await client.update<Lease>(path, released(held), request).then(
        () => log.info({ name }, "the Lease is released"),
        (error: unknown) =>
          log.warn({ name, reason: reasonOf(error) }, "the Lease could not be released and will expire"),
      );
    },
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}
