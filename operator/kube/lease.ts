import { backoffMs } from "#common/backoff";
import type { Log } from "#common/log";
import { sleep } from "#common/sleep";
import { statusOf } from "./client/api-error.ts";
import type { KubeClient } from "./client/client.ts";
import type { Lease, Observer } from "./lease-record.ts";
import { acquired, createObserver, released } from "./lease-record.ts";

/**
 * One of several replicas leads: the one whose name is in a Lease, for as long as it keeps renewing it.
 *
 * The rules are client-go's. The leader renews each `retryPeriodMs`; if it has not succeeded for `renewDeadlineMs`, it no
 * longer leads. A follower takes over when it has seen the record unchanged for the record's own lease duration. No clock
 * is compared with another machine's: each replica measures by its own clock how long nothing happened. The time between
 * the two (5 s by default) is for requests of the old leader that are still under way.
 *
 * `isLeading` looks at the clock at the moment of the call. A process that was stopped (SIGSTOP, a suspended machine) has
 * no timer that could have fired in time.
 */
export type Election = {
  /** Call it before each write. */
  isLeading(): boolean;
  /** The name in the Lease, "" if there is none. */
  readonly holder: string;
  /** Stops. A leader hands the Lease over, so that a follower may start at once. Call it when the last write is done. */
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
  /** The Lease could not be renewed in time, or another replica has it. The election continues as a follower. */
  onLost?: () => void;
  log: Log;
};

export function startElection(options: ElectionOptions): Election {
  const { identity, name, log } = options;
  const { leaseDurationMs = 15_000, renewDeadlineMs = 10_000, retryPeriodMs = 2000 } = options;
  if (!(leaseDurationMs > renewDeadlineMs && renewDeadlineMs > retryPeriodMs && retryPeriodMs > 0)) {
    throw new RangeError("a lease needs leaseDuration > renewDeadline > retryPeriod > 0");
  }
  const stopping = new AbortController();
  const record = createRecord({ ...options, leaseDurationMs, renewDeadlineMs });
  const { observer } = record;

  let leading = false;
  /** When the last successful renewal began, by both clocks. */
  let renewed = { monotonicMs: -Infinity, epochMs: -Infinity };
  let failures = 0;
  let deadline: ReturnType<typeof setTimeout> | undefined;

  /**
   * The monotonic clock stands still while the machine is suspended, and the wall clock may be set: it is enough if one of
   * them says that the time is up. At worst the writes pause until the next renewal.
   */
  function isLeading(): boolean {
    if (!leading) return false;
    return performance.now() - renewed.monotonicMs < renewDeadlineMs && Date.now() - renewed.epochMs < renewDeadlineMs;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await turn();
      await sleep(pauseMs(), stopping.signal);
    }
  }

  /** Reads the Lease, and writes it if it is ours or free. Never throws. */
  async function turn(): Promise<void> {
    const begun = { monotonicMs: performance.now(), epochMs: Date.now() };
    try {
      const won = leading ? await record.renew() : await record.acquire();
      failures = 0;
      // A reply that took longer than the deadline (the process was stopped meanwhile) proves nothing about now.
      if (won && performance.now() - begun.monotonicMs < renewDeadlineMs) lead(begun);
      else lose();
    } catch (error) {
      failures += 1;
      // 409: another replica has written. The next turn reads who.
      if (statusOf(error) === 409) observer.distrust();
      if (failures === 1)
        log.warn(
          { name, reason: reasonOf(error) },
          leading ? "cannot renew the Lease, trying again" : "cannot read or acquire the Lease, trying again",
        );
    }
    if (leading && !isLeading()) lose();
  }

  function lead(begun: typeof renewed): void {
    renewed = begun;
    clearTimeout(deadline);
    // The next turn may hang in a request of its own, and the loss has to be noticed all the same.
    deadline = setTimeout(lose, Math.max(0, begun.monotonicMs + renewDeadlineMs - performance.now()));
    if (leading || stopping.signal.aborted) return;
    leading = true;
    log.info({ name, identity }, "leading");
    call(options.onLeading);
  }

  function lose(): void {
    if (!leading) return;
    leading = false;
    clearTimeout(deadline);
    observer.distrust();
    log.warn({ name, identity, holder: observer.holder }, "no longer leading");
    call(options.onLost);
  }

  function call(callback: (() => void) | undefined): void {
    try {
      callback?.();
    } catch (error) {
      log.error({ err: error }, "unexpected error in a callback of the election");
    }
  }

  /**
   * A leader renews in time. A follower looks twice as often, so that it soon notices when the record stops changing, and
   * looks at the moment when it expires; with jitter, so that two followers do not come at once.
   */
  function pauseMs(): number {
    if (leading)
      return failures > 0
        ? Math.min(retryPeriodMs, 200 + backoffMs(failures, { baseMs: 200, maxMs: retryPeriodMs }))
        : retryPeriodMs;
    const lookMs = (retryPeriodMs / 2) * (0.8 + 0.4 * Math.random());
    const validMs = observer.validMs();
    return failures === 0 && validMs > 0 && validMs < lookMs ? validMs + 50 * Math.random() : lookMs;
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
      await record.release().then(
        (done) => done && log.info({ name }, "the Lease is released"),
        (error: unknown) => log.warn({ name, reason: reasonOf(error) }, "cannot release the Lease, it will expire"),
      );
    },
  };
}

/** The Lease on the API server. Each function throws what the client throws. */
type LeaseRecord = {
  observer: Observer;
  /** Whether the Lease is ours now. */
  acquire(): Promise<boolean>;
  renew(): Promise<boolean>;
  /** False if it was not ours. */
  release(): Promise<boolean>;
};

function createRecord(
  options: ElectionOptions & Required<Pick<ElectionOptions, "leaseDurationMs" | "renewDeadlineMs">>,
): LeaseRecord {
  const { client, namespace, name, identity } = options;
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const path = `${collection}/${name}`;
  const seconds = Math.ceil(options.leaseDurationMs / 1000);
  /** A request that takes longer than this is of no use; there must be time for a second one. */
  const request = { retry: false, timeoutMs: Math.min(5000, options.renewDeadlineMs / 2) };
  const observer = createObserver();

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

  return {
    observer,
    acquire,
    /** Without reading first: if the version is still the current one, no other replica has written. */
    async renew() {
      const { lease } = observer;
      if (lease === undefined) return acquire();
      observer.saw(await client.update<Lease>(path, acquired(lease, identity, seconds), request));
      return true;
    },
    async release() {
      // Refused with 409 if it is not ours any more: the version is that of our own last write.
      const held = observer.holder === identity ? observer.lease : undefined;
      if (held === undefined) return false;
      await client.update<Lease>(path, released(held), request);
      return true;
    },
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown";
}
