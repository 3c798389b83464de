import type { ObjectMeta } from "#common/object-meta";
import type { Log } from "#common/log";
import { compareVersions } from "./resource-version.ts";
import { createTombstones } from "./tombstones.ts";

/**
 * The last known state of one resource, keyed by namespace and name, that only ever moves forward.
 *
 * Three writers put objects in, and none of them is in step with the others: the watch (late), the list (possibly from
 * an API server that lags behind) and the replies to our own writes (early). So the order of the calls means nothing
 * here, and the resource version everything: an object that is not newer than what is held is ignored, and whoever was
 * removed does not come back by a late message. That is what the stale-read bugs of other controllers came from
 * (Sieve: 19 of 46).
 *
 * Objects are shared, not copied: whoever reads one must not change it.
 */
export type Store<T extends { metadata: ObjectMeta }> = {
  get(namespace: string, name: string): T | undefined;
  values(): Iterable<T>;
  readonly size: number;
  /** Takes an object in unless the same or a newer version of it is held, or it is known to be gone. Say `put` too after each write of our own, so that the watch event that follows wakes nobody. */
  put(object: T, by?: string): void;
  /** The object is gone for good: a later `put` of this uid is a late message, and ignored. */
  remove(object: { metadata: ObjectMeta }, by?: string): void;
  /** The object exists but, as of this version, is no longer to be held. A later `put` of it counts, unless it is of an older one. */
  forget(object: { metadata: ObjectMeta }): void;
  /** A whole list, as of its own resource version: `stage`, `add` each, `commit`. */
  replace(objects: Iterable<T>, listResourceVersion: string): void;
  /** A list that arrives in pieces. What is the same as held is not kept a second time; nothing shows before `commit`. */
  stage(): Staged<T>;
  /** Called after each change, never when nothing changed. When a name was deleted and created again unseen, `before` and `after` differ in uid. */
  onChange(listener: (change: Change<T>) => void): void;
};

/** `by`: what the caller of `put` or `remove` gave, for listeners that need not tell it what it has just done itself. */
export type Change<T> = { before?: T; after?: T; by?: string };

export type Staged<T> = {
  /** Of two versions of one object the newer one counts. */
  add(object: T): void;
  /** The list has the object, which is not to be held. */
  forget(object: { metadata: ObjectMeta }): void;
  /** The object was deleted while the list came in. */
  remove(object: { metadata: ObjectMeta }): void;
  /**
   * Makes the store what the list says, as far as the list is newer than what is held. Objects that are not in it go,
   * unless they were written after it.
   *
   * `authoritative`: the list is the truth even where it is older (etcd was restored from a backup). What is held and
   * the memory of what was removed give way.
   */
  commit(listResourceVersion: string, options?: { authoritative?: boolean }): void;
};

export function createStore<T extends { metadata: ObjectMeta }>(
  options: { log?: Log; now?: () => number } = {},
): Store<T> {
  const held = new Map<string, T>();
  const tombstones = createTombstones(options.now ?? (() => performance.now()));
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

  /** A listener that throws must not keep the others, or the watch, from going on. */
  function tell(change: Change<T>): void {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch (error) {
        const { namespace, name } = (change.after ?? change.before)?.metadata ?? {};
        options.log?.error({ namespace, name, err: error }, "a listener of the store failed");
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
      // A name holds one object at a time. Is what went the one before ours (then ours stays) or one after it?
      if (compareVersions(before.metadata.resourceVersion, metadata.resourceVersion) !== -1) return;
      tombstones.add(before.metadata.uid, metadata.resourceVersion, "gone");
    }
    drop(key, before, by);
  }

  function stage(): Staged<T> {
    const seen = new Set<string>();
    const changed = new Map<string, T>();
    /** Of those that are held until now: their version in the list, by uid. */
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
          // A list that is newer than what we hold and still shows an older version tells of a restored backup.
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
    replace(objects, listVersion) {
      const staged = stage();
      for (const object of objects) staged.add(object);
      staged.commit(listVersion);
    },
    onChange(listener) {
      listeners.push(listener);
    },
  };
}

function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ""}/${name}`;
}

/** Versions that cannot be compared (before Kubernetes 1.35 they are opaque): whatever differs is taken for newer. */
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
