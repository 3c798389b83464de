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
  /** MicroTime, as `renewTime`: for people to read. No decision is made by it, clocks differ between machines. */
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
};

/** The Lease as `identity` writes it. A change of hands is counted; the same holder's renewal is not. */
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

/** Nobody's, and valid for a second only: client-go's way to hand over. */
export function released(lease: Lease, now: Date = new Date()): Lease {
  const time = microTime(now);
  return {
    ...lease,
    spec: { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, acquireTime: time, renewTime: time },
  };
}

function microTime(at: Date): string {
  return at.toISOString().replace("Z", "000Z");
}

export type Observer = {
  saw(lease: Lease): void;
  /** What is known may be old: it is not to be written back. */
  distrust(): void;
  /** As last seen, while it may be the current one. */
  readonly lease: Lease | undefined;
  readonly holder: string;
  /** How long the record will be valid unless it changes, in ms; 0 or less when it has expired. */
  validMs(): number;
};

/** The lease duration that counts is the record's: the holder may run with other flags than we do, during an update. */
export function createObserver(now: () => number = () => performance.now()): Observer {
  let lease: Lease | undefined;
  let trusted = false;
  let changedAt = -Infinity;
  return {
    saw(seen) {
      if (seen.metadata.resourceVersion !== lease?.metadata.resourceVersion) changedAt = now();
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
      return changedAt + (lease?.spec?.leaseDurationSeconds ?? 0) * 1000 - now();
    },
  };
}
