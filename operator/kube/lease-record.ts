import { microTime } from "./micro-time.ts";

/** The Lease as an object, and what one process has observed of it. Pure but for the clock. */
export type Lease = {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string; resourceVersion?: string };
  spec?: LeaseSpec;
};

type LeaseSpec = {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  /** MicroTime, like `renewTime`. For people: clocks differ between machines, so no decision depends on them. */
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
};

/** The Lease as `identity` writes it. It counts changes of the holder, not renewals. */
export function acquired(lease: Lease, identity: string, leaseDurationSeconds: number, now: Date = new Date()): Lease {
  const before = lease.spec ?? {};
  const mine = before.holderIdentity === identity;
  const time = microTime(now);
  return {
    ...lease,
    spec: {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds,
      acquireTime: mine && before.acquireTime ? before.acquireTime : time,
      renewTime: time,
      // client-go does not count the first holder, and does count the one after a release.
      leaseTransitions: before.leaseTransitions === undefined ? 0 : before.leaseTransitions + (mine ? 0 : 1),
    },
  };
}

/** Without a holder, and valid for a second only: this is how client-go hands a Lease over. */
export function released(lease: Lease, now: Date = new Date()): Lease {
  const time = microTime(now);
  return {
    ...lease,
    spec: { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, acquireTime: time, renewTime: time },
  };
}

export type Observer = {
  saw(lease: Lease): void;
  /** What was seen may be old: do not write it back. */
  distrust(): void;
  /** As last seen, while it may be the current one. */
  readonly lease: Lease | undefined;
  readonly holder: string;
  /** How long the record stays valid unless it changes, in ms; 0 or less if it has expired. */
  validMs(): number;
};

/** The record's own lease duration counts: during an update the holder may run with other flags than this process. */
export function createObserver(monotonicMs: () => number = () => performance.now()): Observer {
  let lease: Lease | undefined;
  let trusted = false;
  let changedAtMs = -Infinity;
  return {
    saw(seen) {
      if (seen.metadata.resourceVersion !== lease?.metadata.resourceVersion) changedAtMs = monotonicMs();
      lease = seen;
      trusted = true;
    },
    distrust() {
      trusted = false;
    },
    get lease() {
      return trusted ? lease : undefined;
    },
    get holder() {
      return lease?.spec?.holderIdentity ?? "";
    },
    validMs() {
      return changedAtMs + (lease?.spec?.leaseDurationSeconds ?? 0) * 1000 - monotonicMs();
    },
  };
}
