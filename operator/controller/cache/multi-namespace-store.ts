import type { ObjectMeta } from "#common/object-meta";
import type { Log } from "#common/log";
import type { Change, Store } from "#kube/cache/store";
import { createStore } from "#kube/cache/store";

/** What the controller does with a cache, whether one watch fills it or one for each namespace. */
export type Cache<T extends { metadata: ObjectMeta }> = Pick<Store<T>, "get" | "put" | "remove" | "values" | "size">;

export type MultiNamespaceStore<T extends { metadata: ObjectMeta }> = Cache<T> & {
  /** One part per watch: a list removes what is not in it, which must not reach the objects of the other watches. */
  readonly parts: readonly { namespace: string | undefined; store: Store<T> }[];
  onChange(listener: (change: Change<T>) => void): void;
};

/** The same cache for the reconcile of one key: its changes are marked with the key, and so wake every key but that one. */
export function writtenBy<T extends { metadata: ObjectMeta }>(
  cache: Cache<T>,
  key: string,
): Pick<Cache<T>, "get" | "put" | "remove"> {
  return {
    get: cache.get,
    put: (object) => cache.put(object, key),
    remove: (object) => cache.remove(object, key),
  };
}

/** @param namespaces those that are watched; none means one watch over all */
export function createMultiNamespaceStore<T extends { metadata: ObjectMeta }>(
  namespaces: readonly string[],
  log: Log,
): MultiNamespaceStore<T> {
  const scopes = namespaces.length === 0 ? [undefined] : namespaces;
  const parts = scopes.map((namespace) => ({ namespace, store: createStore<T>({ log }) }));
  const find = (namespace: string): Store<T> | undefined =>
    parts.find((part) => part.namespace === undefined || part.namespace === namespace)?.store;
  return {
    parts,
    get: (namespace, name) => find(namespace)?.get(namespace, name),
    put: (object, by) => find(object.metadata.namespace)?.put(object, by),
    remove: (object, by) => find(object.metadata.namespace)?.remove(object, by),
    *values() {
      for (const { store } of parts) yield* store.values();
    },
    get size() {
      return parts.reduce((sum, { store }) => sum + store.size, 0);
    },
    onChange(listener) {
      for (const { store } of parts) store.onChange(listener);
    },
  };
}
