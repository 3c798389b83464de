import type { ObjectMeta } from "#common/object-meta";
import type { Log } from "#common/log";
import type { ReflectorState } from "./reflector-state.ts";
import { StaleList } from "./reflector-state.ts";
import { compareVersions } from "./resource-version.ts";
import type { Store } from "./store.ts";
import type { WatchEvent } from "./watch-event.ts";

/**
 * Puts what a reflector receives into its store, and notes in the reflector's state up to which version that is.
 *
 * A list older than what was seen before says nothing new and is refused: an API server that lags behind must not turn
 * time back. But a cluster whose etcd was restored from a backup does go back, for good. So if the lists stay older for
 * `restoredAfterMs`, they are believed. (An etcd that was restored as its manual says, with the revision bumped, answers
 * 410 and needs none of this. One that was not, and has caught up within `idleMs`, looks the same as one that was never
 * away: Kubernetes itself wants all controllers restarted then.)
 */
export type Intake<T> = {
  startListing(): Listing<T>;
  /** An event of a watch that follows a list. @throws StaleList */
  apply(event: WatchEvent<T>): void;
};

export type Listing<T> = {
  add(object: T): void;
  remove(object: T): void;
  /** The list is complete, as of this version. @throws StaleList */
  complete(version: string): void;
};

export type IntakeOptions<T extends { metadata: ObjectMeta }> = {
  path: string;
  store: Store<T>;
  keep?: ((object: T) => T | undefined) | undefined;
  restoredAfterMs: number;
  /** Called when a list is complete and in the store. */
  onListed: () => void;
  log: Log;
};

export function createIntake<T extends { metadata: ObjectMeta }>(
  state: ReflectorState,
  { path, store, keep, restoredAfterMs, onListed, log }: IntakeOptions<T>,
): Intake<T> {
  function kept(object: T): T | undefined {
    if (!keep) return object;
    try {
      return keep(object);
    } catch (error) {
      log.error({ path, name: object.metadata.name, err: error }, "unexpected error, object not cached");
      return undefined;
    }
  }

  /** Returns whether to believe a list although it is older than what was seen. @throws StaleList */
  function checkAge(listVersion: string): boolean {
    if (compareVersions(listVersion, state.newest) !== -1) {
      state.behindSinceMs = undefined;
      return false;
    }
    state.behindSinceMs ??= performance.now();
    if (performance.now() - state.behindSinceMs < restoredAfterMs) throw new StaleList();
    log.warn(
      { path, resourceVersion: listVersion, newest: state.newest },
      "the API server went back to an older state and stays there, probably after a restore of etcd; accepting its state",
    );
    state.behindSinceMs = undefined;
    return true;
  }

  function advance(to: string): void {
    if (compareVersions(to, state.version) !== -1) state.version = state.newest = to;
  }

  return {
    startListing() {
      const staged = store.stage();
      return {
        add(object) {
          const toHold = kept(object);
          if (toHold === undefined) staged.forget(object);
          else staged.add(toHold);
        },
        remove: (object) => staged.remove(object),
        complete(version) {
          staged.commit(version, { authoritative: checkAge(version) });
          log.info({ path, count: store.size, resourceVersion: version }, state.listed ? "listed again" : "listed");
          Object.assign(state, { version, newest: version, refusals: 0, listed: true });
          onListed();
        },
      };
    },
    apply(event) {
      if (event.type === "BOOKMARK") {
        // A proxy may repeat events; a bookmark only says where the server is.
        if (compareVersions(event.version, state.version) === -1) throw new StaleList();
        advance(event.version);
        return;
      }
      const { type, object } = event;
      const { namespace, name, resourceVersion } = object.metadata;
      const toHold = type === "DELETED" ? undefined : kept(object);
      if (type === "DELETED") store.remove(object);
      else if (toHold !== undefined) store.put(toHold);
      else if (store.get(namespace, name) !== undefined) store.forget(object);
      advance(resourceVersion);
    },
  };
}
