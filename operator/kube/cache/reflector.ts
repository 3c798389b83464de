import type { Log } from "#common/log";
import type { ObjectMeta } from "#common/object-meta";
import { OperatorError } from "#common/operator-error";
import { sleep } from "#common/sleep";
import type { KubeClient } from "../client/client.ts";
import type { Intake, Listing } from "./intake.ts";
import { createIntake } from "./intake.ts";
import { listPages } from "./pages.ts";
import type { ReflectorState, RetryTimings } from "./reflector-state.ts";
import { afterwards, INITIAL_STATE } from "./reflector-state.ts";
import type { Store } from "./store.ts";
import { readWatchEvent, WatchFailed } from "./watch-event.ts";

/**
 * Keeps a store equal to the API server's state of one resource: a list first, and from there on a watch.
 *
 * Only `stop` ends a reflector. Whatever ends a watch (its own timeout, a reset, a restart of the API server, a line that
 * is not JSON), the next one resumes from the last version that was seen. Only if the server no longer knows that version
 * (410), or refuses again and again to go on from it, the reflector lists everything again; what was deleted in the
 * meantime is then missing from the list. While any of that fails, it waits longer and longer, with jitter.
 *
 * Where the server can do it, the list too comes as a watch (`sendInitialEvents`): neither side has to hold it as one
 * body, and the same stream continues as the watch.
 */
export type Reflector = {
  /** Resolves when the first list is complete and in the store, however long that takes. */
  synced: Promise<void>;
  stop(): Promise<void>;
};

export type ReflectorOptions<T extends { metadata: ObjectMeta }> = {
  client: Pick<KubeClient, "get" | "stream">;
  /** The collection, for instance `/apis/appsecret.dev/v1/namespaces/a/appsecrets`. */
  path: string;
  query?: { fieldSelector?: string; labelSelector?: string };
  metadataOnly?: boolean;
  store: Store<T>;
  /** What to hold of an object: the object itself, changed in place (for instance without managedFields), or `undefined` for nothing. */
  keep?: (object: T) => T | undefined;
  log: Log;
  timings?: Partial<ReflectorTimings>;
};

export type ReflectorTimings = RetryTimings & {
  backoffBaseMs: number;
  backoffMaxMs: number;
  /** A watch that lived this long was a good one: the failures before it are forgotten. */
  healthyMs: number;
  /** Longest silence on a watch. The API server sends a bookmark each minute. */
  idleMs: number;
  /** How long the server should keep a watch: between this and twice this. */
  watchMs: number;
  /** How long the server has to return an older state until it is believed (intake.ts). */
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

export function startReflector<T extends { metadata: ObjectMeta }>(options: ReflectorOptions<T>): Reflector {
  const { path, store, keep, log } = options;
  const timings = { ...TIMINGS, ...options.timings };
  const stopping = new AbortController();
  const { signal } = stopping;
  const synced = Promise.withResolvers<undefined>();
  const state = { ...INITIAL_STATE };
  const intake = createIntake<T>(state, {
    ...{ path, store, keep, log, restoredAfterMs: timings.restoredAfterMs },
    onListed: () => synced.resolve(undefined),
  });

  /** Runs until stopped. Never rejects. */
  async function run(): Promise<void> {
    while (!signal.aborted) {
      const session: Session = { heard: false, watchingSinceMs: Infinity };
      const error = await listAndWatch({ ...options, timings, signal, state, intake, session, onWatching }).then(
        () => undefined,
        (thrown: unknown) => thrown ?? new Error("unknown"),
      );
      if (isStopping()) return;
      const livedMs = performance.now() - session.watchingSinceMs;
      const { next, waitMs } = afterwards(state, { error, livedMs, heard: session.heard }, timings);
      report(options, state, next, error);
      Object.assign(state, next);
      await sleep(waitMs, signal);
    }
  }

  /** A function, because the answer changes while a session lasts. */
  function isStopping(): boolean {
    return signal.aborted;
  }

  function onWatching(session: Session): void {
    if (state.failures > 0) log.debug({ path, failures: state.failures }, "watching again");
    session.watchingSinceMs = performance.now();
  }

  const running = run();
  return {
    synced: synced.promise,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

type Session = {
  /** Anything at all on the watch. */
  heard: boolean;
  /** Monotonic; Infinity: not yet. A list may take long, and that does not make the session a good one. */
  watchingSinceMs: number;
};

type SessionOptions<T extends { metadata: ObjectMeta }> = Omit<ReflectorOptions<T>, "timings"> & {
  timings: ReflectorTimings;
  signal: AbortSignal;
  state: Readonly<ReflectorState>;
  intake: Intake<T>;
  session: Session;
  onWatching: (session: Session) => void;
};

/** One list, if need be, and one watch after it. Resolves if the server ends the watch as it should, else throws. */
async function listAndWatch<T extends { metadata: ObjectMeta }>(options: SessionOptions<T>): Promise<void> {
  const { client, path, query = {}, metadataOnly = false, signal, state, intake } = options;
  if (state.version !== undefined) return watch(options);
  if (state.canStreamLists && state.refusals < 2) return watch(options, { withList: true });
  const listing = intake.startListing();
  const pages = { selectors: query, metadataOnly, signal };
  listing.complete(await listPages<T>(client, path, pages, (object) => listing.add(object)));
  return watch(options);
}

/** `withList`: a streaming list, which becomes the watch. A flag rather than the listing itself, which must not outlive the list. */
async function watch<T extends { metadata: ObjectMeta }>(
  options: SessionOptions<T>,
  { withList = false } = {},
): Promise<void> {
  const { client, path, metadataOnly = false, timings, signal, state, intake, session, onWatching } = options;
  let listing: Listing<T> | undefined = withList ? intake.startListing() : undefined;
  await client.stream(path, {
    query: {
      ...options.query,
      watch: "true",
      allowWatchBookmarks: "true",
      timeoutSeconds: String(Math.ceil((timings.watchMs * (1 + Math.random())) / 1000)),
      ...(listing
        ? { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan" }
        : { resourceVersion: state.version ?? "0" }),
    },
    metadataOnly,
    signal,
    idleMs: timings.idleMs,
    onStart() {
      if (!listing) onWatching(session);
    },
    onValue(value) {
      session.heard = true;
      const event = readWatchEvent<T>(value);
      if (!listing) intake.apply(event);
      else if (event.type === "DELETED") listing.remove(event.object);
      else if (event.type !== "BOOKMARK") listing.add(event.object);
      else if (event.endsList) {
        listing.complete(event.version);
        listing = undefined;
        onWatching(session);
      }
    },
  });
  if (listing) throw new WatchFailed(500, "ListEndedEarly");
}

/** Logs the first failure of a row and then ever fewer of them: an API server that is away for an hour is not news. */
function report(
  { path, log }: { path: string; log: Log },
  before: ReflectorState,
  { failures, canStreamLists }: ReflectorState,
  error: unknown,
): void {
  if (before.canStreamLists && !canStreamLists) {
    log.info({ path }, "the API server does not stream lists, listing in pages");
    return;
  }
  if (error === undefined || (failures & (failures - 1)) !== 0) return;
  if (error instanceof OperatorError)
    log.warn({ path, failures, code: error.code, reason: error.message }, "watch lost");
  else log.error({ path, failures, err: error }, "watch lost, unexpected error");
}
