import type { ObjectMeta } from "../api/metadata.ts";
import type { Log } from "../kube/log.ts";
import type { Change, Store } from "../kube/store.ts";
import { createStore } from "../kube/store.ts";

/** What the controller does with a cache, whether one watch fills it or one for each namespace. */
export type Cache<T extends { metadata: ObjectMeta }> = Pick<Store<T>, "get" | "put" | "remove" | "values" | "size">;

export type ScopedStore<T extends { metadata: ObjectMeta }> = Cache<T> & {
  /** The part that one watch fills: a list of it removes what is not in it, which must not reach the others' objects. */
  readonly parts: readonly { namespace: string | undefined; store: Store<T> }[];
  onChange(listener: (change: Change<T>) => void): void;
};

/** @param namespaces those that are watched; none means one watch over all */
export function createScopedStore<T extends { metadata: ObjectMeta }>(
  namespaces: readonly string[],
  log: Log,
): ScopedStore<T> {
  const scopes = namespaces.length === 0 ? [undefined] : namespaces;
  const parts = scopes.map((namespace) => ({ namespace, store: createStore<T>({ log }) }));
  const find = (namespace: string): Store<T> | undefined =>
    parts.find((part) => part.namespace === undefined || part.namespace === namespace)?.store;
  return {
    parts,
    get: (namespace, name) => find(namespace)?.get(namespace, name),
    put: (object) => find(object.metadata.namespace)?.put(object),
    remove: (object) => find(object.metadata.namespace)?.remove(object),
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
