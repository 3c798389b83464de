import type { ObjectMeta } from "#common/object-meta";
import type { Log } from "#common/log";
import { compareVersions } from "./resource-version.ts";
import { createTombstones } from "./tombstones.ts";

/**
 * The last known state of one resource, keyed by namespace and name, that only ever moves forward.
 *
 * Three sources put objects in, and none of them is in step with the others: the watch (late), the list (possibly from
 * an API server that lags behind) and the replies to this process's own writes (early). So the order of the calls means
 * nothing and the resource version everything: an object that is not newer than the one in the store is ignored, and a
 * late message does not bring back a removed object. That is where the stale-read bugs of other controllers came from
 * (Sieve: 19 of 46).
 *
 * Objects are shared, not copied: readers must not change them.
 */
export type Store<T extends { metadata: ObjectMeta }> = {
  get(namespace: string, name: string): T | undefined;
  values(): Iterable<T>;
  readonly size: number;
  /** Stores an object unless the store has the same or a newer version of it, or knows that it is gone. Call it after each write too, so that the watch event that follows changes nothing. */
  put(object: T, by?: string): void;
  /** The object is gone for good: a later `put` of this uid is a late message and is ignored. */
  remove(object: { metadata: ObjectMeta }, by?: string): void;
  /** The object exists but, as of this version, does not belong into the store. A later `put` of it counts, unless it is of an older version. */
  forget(object: { metadata: ObjectMeta }): void;
  /** A list that arrives in pieces. Objects that the store has already are not kept a second time; nothing shows before `commit`. */
  stage(): Staged<T>;
  /** Called after each change, never when nothing changed. When a name was deleted and created again unseen, `before` and `after` differ in uid. */
  onChange(listener: (change: Change<T>) => void): void;
};

/** `by`: what the caller of `put` or `remove` passed, so that listeners need not report its own change to it. */
export type Change<T> = { before?: T; after?: T; by?: string };

export type Staged<T> = {
  /** Of two versions of one object, the newer one counts. */
  add(object: T): void;
  /** The list has the object, which does not belong into the store. */
  forget(object: { metadata: ObjectMeta }): void;
  /** The object was deleted while the list came in. */
  remove(object: { metadata: ObjectMeta }): void;
  /**
   * Makes the store equal to the list where the list is newer. Objects that are not in the list go, unless they were
   * written after it.
   *
   * `authoritative`: the list is right even where it is older (etcd was restored from a backup). What the store has, and
   * the memory of what was removed, give way.
   */
  commit(listResourceVersion: string, options?: { authoritative?: boolean }): void;
};

export function createStore<T extends { metadata: ObjectMeta }>(
  options: { log?: Log; monotonicMs?: () => number } = {},
): Store<T> {
  const held = new Map<string, T>();
  const tombstones = createTombstones(options.monotonicMs ?? (() => performance.now()));
  const listeners: ((change: Change<T>) => void)[] = [];

  function set(key: string, before: T | undefined, after: T, by?: string): void {
    if (before !== undefined && before.metadata.uid !== after.metadata.uid)
      tombstones.add(before.metadata.uid, after.metadata.resourceVersion, "gone");
    held.set(key, after);
    tell({ ...(before ? { before } : {}), after, ...(by === undefined ? {} : { by }) });
  }

  function drop(key: string, before: T, by?: string): void {
    held.delete(key);
    tell({ before, ...(by === undefined ? {} : { by }) });
  }

  /** A listener that throws must not stop the others or the watch. */
  function tell(change: Change<T>): void {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch (error) {
        const { namespace, name } = (change.after ?? change.before)?.metadata ?? {};
        options.log?.error({ namespace, name, err: error }, "unexpected error in a listener of the store");
      }
    }
  }

  function put(object: T, by?: string): void {
    const { namespace, name, uid, resourceVersion } = object.metadata;
    if (tombstones.refuses(uid, resourceVersion)) return;
    const key = keyOf(namespace, name);
    const before = held.get(key);
    if (before !== undefined && !isNewer(object, before)) return;
    set(key, before, object, by);
  }

  function remove({ metadata }: { metadata: ObjectMeta }, by?: string): void {
    tombstones.add(metadata.uid, metadata.resourceVersion, "gone");
    take(metadata, by);
  }

  function forget({ metadata }: { metadata: ObjectMeta }): void {
    const before = held.get(keyOf(metadata.namespace, metadata.name));
    if (before !== undefined && writtenAfter(before, metadata.resourceVersion)) return;
    tombstones.add(metadata.uid, metadata.resourceVersion, "forgotten");
    take(metadata);
  }

  function take(metadata: ObjectMeta, by?: string): void {
    const key = keyOf(metadata.namespace, metadata.name);
    const before = held.get(key);
    if (before === undefined) return;
    if (before.metadata.uid !== metadata.uid) {
      // A name has one object at a time. Was the removed one there before the stored one (which then stays) or after it?
      if (compareVersions(before.metadata.resourceVersion, metadata.resourceVersion) !== -1) return;
      tombstones.add(before.metadata.uid, metadata.resourceVersion, "gone");
    }
    drop(key, before, by);
  }

  function stage(): Staged<T> {
    const seen = new Set<string>();
    const changed = new Map<string, T>();
    /** Of those that the store has until now: their version in the list, by uid. */
    const forgotten = new Map<string, string>();
    return {
      add(object) {
        const key = keyOf(object.metadata.namespace, object.metadata.name);
        seen.add(key);
        const before = held.get(key);
        const other = changed.get(key);
        const counts = other === undefined || isNewer(object, other);
        if (before?.metadata.uid === object.metadata.uid && sameVersion(before, object)) {
          // An older version that came before it in this list must not take its place.
          if (counts) changed.delete(key);
        } else if (counts) changed.set(key, object);
      },
      forget({ metadata }) {
        const key = keyOf(metadata.namespace, metadata.name);
        seen.delete(key);
        changed.delete(key);
        if (held.get(key)?.metadata.uid === metadata.uid) forgotten.set(metadata.uid, metadata.resourceVersion);
      },
      remove({ metadata }) {
        const key = keyOf(metadata.namespace, metadata.name);
        seen.delete(key);
        changed.delete(key);
        tombstones.add(metadata.uid, metadata.resourceVersion, "gone");
      },
      commit(listVersion, { authoritative = false } = {}) {
        if (authoritative) tombstones.clear();
        else tombstones.settle(changed.values(), listVersion);
        for (const [key, before] of held) {
          if (seen.has(key) || (!authoritative && writtenAfter(before, listVersion))) continue;
          const { uid } = before.metadata;
          const listed = forgotten.get(uid);
          if (!authoritative) tombstones.add(uid, listed ?? listVersion, listed === undefined ? "gone" : "forgotten");
          drop(key, before);
        }
        for (const [key, object] of changed) {
          const before = held.get(key);
          // A list that is newer than the stored object, and still shows an older version, comes from a restored backup.
          if (before !== undefined && (authoritative || !writtenAfter(before, listVersion))) set(key, before, object);
          else put(object);
        }
      },
    };
  }

  return {
    get: (namespace, name) => held.get(keyOf(namespace, name)),
    values: () => held.values(),
    get size() {
      return held.size;
    },
    put,
    remove,
    forget,
    stage,
    onChange(listener) {
      listeners.push(listener);
    },
  };
}

function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ""}/${name}`;
}

/** A version that cannot be compared (before Kubernetes 1.35 they are opaque) counts as newer if it differs. */
function isNewer(object: { metadata: ObjectMeta }, than: { metadata: ObjectMeta }): boolean {
  const order = compareVersions(object.metadata.resourceVersion, than.metadata.resourceVersion);
  if (order === undefined) return true;
  return order === 1;
}

function sameVersion(a: { metadata: ObjectMeta }, b: { metadata: ObjectMeta }): boolean {
  return a.metadata.resourceVersion === b.metadata.resourceVersion;
}

function writtenAfter(object: { metadata: ObjectMeta }, listVersion: string): boolean {
  return compareVersions(object.metadata.resourceVersion, listVersion) === 1;
}
