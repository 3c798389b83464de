import type { ObjectMeta } from "#common/object-meta";
import { OperatorError } from "#common/operator-error";
import { backoffMs } from "#common/backoff";
import type { KubeClient } from "../client/client.ts";
import { ApiError, RequestTimeout } from "../client/api-error.ts";
import type { Log } from "#common/log";
import { listPages } from "./pages.ts";
import { compareVersions } from "./resource-version.ts";
import { sleep } from "#common/sleep";
import type { Staged, Store } from "./store.ts";
import { readWatchEvent, WatchFailed } from "./watch-event.ts";

/**
 * Keeps a store equal to the API server's state of one resource: a list first, then a watch from there on, for ever.
 *
 * A reflector has no end but `stop`. Whatever ends a watch (its own timeout, a reset, a restart of the API server, a
 * line that is no JSON), the next one resumes from the last version that was seen; only when the server no longer knows
 * that version (410), or refuses to go on from it again and again, everything is listed anew, and what was deleted in
 * the meantime is found by its absence. All of that waits longer and longer, with jitter, while it fails.
 *
 * Where the server can, the list itself comes as a watch (`sendInitialEvents`): neither side then has to hold it as one
 * body, and the same stream goes on as the watch.
 *
 * A list older than what we have seen tells nothing new and is not taken: an API server that lags behind must not turn
 * time back. But a cluster whose etcd was restored from a backup does go back, for good. So the lists have to stay
 * older for `restoredAfterMs` before they are believed; then they are taken as they are. (An etcd that was restored as
 * its manual says, with the revision bumped, answers 410 and needs none of this. One that was not, and has caught up
 * within `idleMs`, cannot be told from one that never was away: Kubernetes itself wants all controllers restarted then.)
 */
export type Reflector = {
  /** Resolves when the first list is complete and in the store. Pending for as long as that takes. */
  synced: Promise<void>;
  stop(): Promise<void>;
  /** Why there is no watch at the moment; `undefined` while all is well. */
  readonly problem: string | undefined;
};

export type ReflectorOptions<T extends { metadata: ObjectMeta }> = {
  client: Pick<KubeClient, "get" | "stream">;
  /** The collection, for instance `/apis/appsecret.dev/v1/namespaces/a/appsecrets`. */
  path: string;
  query?: { fieldSelector?: string; labelSelector?: string };
  metadataOnly?: boolean;
  store: Store<T>;
  /** What is to be held of an object: itself, changed in place (managedFields taken off), or `undefined` for nothing. */
  keep?: (object: T) => T | undefined;
  log: Log;
  timings?: Partial<ReflectorTimings>;
};

export type ReflectorTimings = {
  backoffBaseMs: number;
  backoffMaxMs: number;
  /** Longest silence on a watch. The API server sends a bookmark each minute. */
  idleMs: number;
  /** How long the server is asked to keep a watch: between this and twice this. */
  watchMs: number;
  /** A watch that lived this long was a good one: the failures before it are forgotten. */
  healthyMs: number;
  restoredAfterMs: number;
};

const TIMINGS: ReflectorTimings = {
  backoffBaseMs: 200,
  backoffMaxMs: 5000,
  idleMs: 90_000,
  watchMs: 300_000,
  healthyMs: 5000,
  restoredAfterMs: 60_000,
};

/** As many refusals of one resourceVersion in a row, and we list rather than go on asking. */
const REFUSALS_UNTIL_LIST = 5;

export function startReflector<T extends { metadata: ObjectMeta }>(options: ReflectorOptions<T>): Reflector {
  const { client, path, store, log } = options;
  const timings = { ...TIMINGS, ...options.timings };
  const stopping = new AbortController();
  const { signal } = stopping;
  const synced = Promise.withResolvers<undefined>();
  const selectors = options.query ?? {};

  /** Where to resume; `undefined`: list first. */
  let version: string | undefined;
  /** The newest version that the server has ever told us. */
  let newest: string | undefined;
  let listed = false;
  let behindSince: number | undefined;
  let canStreamLists = true;
  let failures = 0;
  let refusals = 0;
  let problem: string | undefined = "not listed yet";
  /** By the clock of performance.now(); Infinity: not yet. A list may take long, and is no good one for that. */
  let watchingSince = Infinity;
  /** This session, of anything. */
  let heard = false;

  /** Goes on until stopped. Never rejects. */
  async function run(): Promise<void> {
    while (!signal.aborted) {
      watchingSince = Infinity;
      heard = false;
      const error = await session().then(
        () => undefined,
        (thrown: unknown) => thrown ?? new Error("unknown"),
      );
      if (isStopping()) return;
      const lived = performance.now() - watchingSince;
      if (lived >= timings.healthyMs) failures = refusals = 0;
      await sleep(afterwards(error, lived), signal);
    }
  }

  /** Asked anew each time, for it changes while a session lasts. */
  function isStopping(): boolean {
    return signal.aborted;
  }

  /** One list, if need be, and one watch after it. Ends when the server ends it well, throws when it ends otherwise. */
  async function session(): Promise<void> {
    if (version !== undefined) return watch();
    if (canStreamLists && refusals < 2) return watch({ withList: true });
    const staged = store.stage();
    const listing = startListing(staged);
    const pages = { selectors, metadataOnly: options.metadataOnly ?? false, signal };
    const listVersion = await listPages<T>(client, path, pages, (object) => listing.add(object));
    listing.complete(listVersion);
    return watch();
  }

  /** `withList`: a streaming list, which becomes the watch. What is kept for it goes with it: a parameter would stay. */
  async function watch({ withList = false } = {}): Promise<void> {
    let listing = withList ? startListing(store.stage()) : undefined;
    await client.stream(path, {
      query: {
        ...selectors,
        watch: "true",
        allowWatchBookmarks: "true",
        timeoutSeconds: String(Math.ceil((timings.watchMs * (1 + Math.random())) / 1000)),
        ...(listing
          ? { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan" }
          : { resourceVersion: version ?? "0" }),
      },
      metadataOnly: options.metadataOnly ?? false,
      signal,
      idleMs: timings.idleMs,
      onStart() {
        if (!listing) settled();
      },
      onValue(value) {
        heard = true;
        const event = readWatchEvent<T>(value);
        if (event.type === "BOOKMARK") {
          if (listing && !event.endsList) return;
          if (listing) {
            listing.complete(event.version);
            listing = undefined;
            settled();
          } else bookmark(event.version);
        } else if (listing) {
          if (event.type === "DELETED") listing.remove(event.object);
          else listing.add(event.object);
        } else apply(event.type, event.object);
      },
    });
    if (listing) throw new WatchFailed(500, "ListEndedEarly");
  }

  function startListing(staged: Staged<T>): {
    add(object: T): void;
    remove(object: T): void;
    complete(at: string): void;
  } {
    return {
      add(object) {
        const kept = keep(object);
        if (kept === undefined) staged.forget(object);
        else staged.add(kept);
      },
      remove: (object) => staged.remove(object),
      complete(at) {
        staged.commit(at, { authoritative: checkAge(at) });
        version = newest = at;
        refusals = 0;
        log.info({ path, count: store.size, resourceVersion: at }, listed ? "listed again" : "listed");
        listed = true;
        synced.resolve(undefined);
      },
    };
  }

  /** Returns whether a list that is older than what we have seen is to be believed all the same. @throws StaleList */
  function checkAge(at: string): boolean {
    if (compareVersions(at, newest) !== -1) {
      behindSince = undefined;
      return false;
    }
    behindSince ??= performance.now();
    if (performance.now() - behindSince < timings.restoredAfterMs) throw new StaleList();
    log.warn(
      { path, resourceVersion: at, newest },
      "the API server has gone back in time and stays there: its state is taken as it is",
    );
    behindSince = undefined;
    return true;
  }

  function apply(type: "ADDED" | "MODIFIED" | "DELETED", object: T): void {
    const { namespace, name, resourceVersion } = object.metadata;
    const kept = type === "DELETED" ? undefined : keep(object);
    if (type === "DELETED") store.remove(object);
    else if (kept !== undefined) store.put(kept);
    else if (store.get(namespace, name) !== undefined) store.forget(object);
    advance(resourceVersion);
  }

  function advance(to: string): void {
    if (compareVersions(to, version) !== -1) version = newest = to;
  }

  /** Events may be repeated by whatever stands in between, bookmarks only tell where the server is. */
  function bookmark(at: string): void {
    if (compareVersions(at, version) === -1) throw new StaleList();
    advance(at);
  }

  function keep(object: T): T | undefined {
    if (!options.keep) return object;
    try {
      return options.keep(object);
    } catch (error) {
      log.error({ path, name: object.metadata.name, err: error }, "an object could not be judged and is not held");
      return undefined;
    }
  }

  function settled(): void {
    if (failures > 0) log.debug({ path, failures }, "watching again");
    problem = undefined;
    watchingSince = performance.now();
  }

  /** What the end of a session means for the next one; returns how long to wait before it, in ms. */
  function afterwards(error: unknown, lived: number): number {
    if (error === undefined && lived >= timings.healthyMs) return 0;
    const status = error instanceof ApiError || error instanceof WatchFailed ? error.status : undefined;
    if (version === undefined && canStreamLists && error instanceof ApiError && (status === 400 || status === 422)) {
      canStreamLists = false;
      log.info({ path }, "the API server does not stream lists: asking for pages");
      return 0;
    }
    failures += 1;
    if (error !== undefined) report(error);
    if (status !== undefined && ![401, 403, 404].includes(status)) refusals += 1;
    if (mustListAgain(error, status)) version = undefined;
    const asked = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const wait = backoffMs(failures, { baseMs: timings.backoffBaseMs, maxMs: timings.backoffMaxMs });
    return Math.max(Math.min(asked, 30_000), wait);
  }

  function mustListAgain(error: unknown, status: number | undefined): boolean {
    if (error instanceof StaleList || status === 410) return true;
    // To go on from a version that the server has not reached is answered by silence, bookmarks included, until it has; and
    // what happened before is never told then (measured on 1.37). So a watch that was silent from its start is suspect.
    if (error instanceof RequestTimeout && !heard) return true;
    // A version that the server calls invalid, or for which it has had only errors for a while.
    return status === 400 || status === 422 || refusals >= REFUSALS_UNTIL_LIST;
  }

  /** The first failure of a row and then ever fewer of them: an API server that is away for an hour is no news. */
  function report(error: unknown): void {
    problem = error instanceof OperatorError ? error.message : "unexpected error";
    if ((failures & (failures - 1)) !== 0) return;
    if (error instanceof OperatorError)
      log.warn({ path, failures, code: error.code, reason: error.message }, "watch lost");
    else log.error({ path, failures, err: error }, "watch lost by a bug");
  }

  const running = run();
  return {
    synced: synced.promise,
    async stop() {
      stopping.abort();
      await running;
    },
    get problem() {
      return problem;
    },
  };
}

/** The server's answer is older than what it has told us before. */
class StaleList extends OperatorError {
  constructor() {
    super("StaleList", "the API server is behind what it has answered before");
    this.name = "StaleList";
  }
}
