/**
 * The controller: two watches fill two caches, their changes put keys into a queue, and the queue's workers reconcile.
 *
 * It starts in this order, since each step reads what the one before has filled: AppSecrets (so that it is known which
 * Secrets matter), Secrets (metadata only, and only those that matter), and then, once this replica leads, the work: every
 * AppSecret once. In a steady state that is a look into memory for each, and no request.
 */
import { GROUP, OWNER_ANNOTATION, PLURAL, VERSION } from "#api/names";
import type { PartialObject } from "#common/object-meta";
import type { AppSecret } from "#api/schema/spec";
import type { KubeClient } from "#kube/client/client";
import type { EventInput, EventRecorder } from "#kube/events";
import { fenced } from "#kube/client/fenced";
import type { Log } from "#common/log";
import type { Queue, QueueMetrics, Retry } from "#kube/queue/queue";
import { createQueue } from "#kube/queue/queue";
import type { Reflector } from "#kube/cache/reflector";
import { startReflector } from "#kube/cache/reflector";
import type { Scheduler, SchedulerOptions } from "#verify/schedule/scheduler";
import type { Lookup } from "./lookup.ts";
import { createLookup, keyOf, splitKey } from "./lookup.ts";
import type { Reconciled } from "./reconcile.ts";
import { createReconciler } from "./reconcile.ts";
import type { Cache, MultiNamespaceStore } from "./cache/multi-namespace-store.ts";
import { createMultiNamespaceStore } from "./cache/multi-namespace-store.ts";
import { trimAppSecret, trimSecret } from "./cache/transform.ts";

/** Waits of a key whose reconcile failed or must be retried, in milliseconds: doubling from the first to the second. */
const BACKOFF = { baseMs: 200, maxMs: 300_000 };

/**
 * Of the Secrets that do not matter, Helm's releases are the most and the largest, so the API server leaves them out. It
 * does not leave out the tokens of ServiceAccounts: since Kubernetes 1.24 they exist only where a person made them, and such
 * a one may be a source.
 */
const SECRETS_OF_INTEREST = "type!=helm.sh/release.v1";

export type ControllerOptions = {
  client: KubeClient;
  events: EventRecorder;
  /** Namespaces to watch; none means all. */
  namespaces: readonly string[];
  concurrency: number;
  /** Makes the live checks' scheduler; `wake` has an AppSecret reconciled. */
  createChecks: (hooks: Pick<SchedulerOptions, "wake" | "onKeysRotated">) => Scheduler;
  /** Throws once this replica may no longer write. Called when a write is about to leave, and before each retry of it. */
  assertMayWrite: () => void;
  log: Log;
  /** After each reconcile. `seconds` is how long it took. */
  onReconciled?: (key: string, result: Reconciled, seconds: number) => void;
  onFailed?: (key: string, error: unknown, seconds: number) => void;
  /** Every change of an AppSecret, for the metrics of its conditions. */
  onAppSecret?: (before: AppSecret | undefined, after: AppSecret | undefined) => void;
  queueMetrics?: QueueMetrics;
};

export type Controller = {
  /** Resolves when the caches are filled: the replica is warm and may take over at any time. */
  filled: Promise<void>;
  /** Begins to work. The replica that leads calls it, once. */
  work(): void;
  queue: Queue;
  appSecrets: Cache<AppSecret>;
  /** Ends the watches and finishes what has begun, within `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>;
};

/** What the watches fill, and what is derived from it. */
type Caches = {
  appSecrets: MultiNamespaceStore<AppSecret>;
  secrets: MultiNamespaceStore<PartialObject>;
  lookup: Lookup;
};

export function startController(options: ControllerOptions): Controller {
  const { client, events, namespaces, log } = options;
  const appSecrets = createMultiNamespaceStore<AppSecret>(namespaces, log);
  const secrets = createMultiNamespaceStore<PartialObject>(namespaces, log);
  const caches = { appSecrets, secrets, lookup: createLookup((namespace, name) => appSecrets.get(namespace, name)) };
  const checks = options.createChecks({
    wake: (key) => queue.add(key),
    onKeysRotated: (key) => {
      const appSecret = appSecrets.get(...splitKey(key));
      if (appSecret) events.record(keysRotated(appSecret));
    },
  });
  const parts = { ...caches, client: fenced(client, options.assertMayWrite), events, checks };
  const reconcile = createReconciler(parts, () => new Date());
  const queue = createQueue({
    concurrency: options.concurrency,
    backoff: BACKOFF,
    paused: true,
    log,
    ...(options.queueMetrics ? { metrics: options.queueMetrics } : {}),
    handle: (key) => handle(options, reconcile, queue, key),
  });
  enqueueChanges(caches, queue, checks, options.onAppSecret);
  const reflectors: Reflector[] = [];
  return {
    filled: fill(caches, client, log, reflectors),
    work() {
      queue.resume();
      for (const appSecret of appSecrets.values()) queue.add(keyOf(appSecret));
    },
    queue,
    appSecrets,
    async stop(timeoutMs) {
      checks.stop();
      await Promise.all([queue.drain(timeoutMs), ...reflectors.map((reflector) => reflector.stop())]);
    },
  };
}

/** One reconcile, measured. An expected retry is a result; only what was thrown counts as a failure. */
async function handle(
  { onReconciled, onFailed }: ControllerOptions,
  reconcile: (key: string) => Promise<Reconciled>,
  queue: Queue,
  key: string,
): Promise<Retry | undefined> {
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;
  try {
    const reconciled = await reconcile(key);
    if (reconciled.againMs !== undefined) queue.addAfter(key, reconciled.againMs);
    onReconciled?.(key, reconciled, seconds());
    return reconciled.result === "retry" ? { retry: true } : undefined;
  } catch (error) {
    onFailed?.(key, error, seconds());
    throw error;
  }
}

/** A change has the AppSecrets that it concerns reconciled, except the one whose own reconcile made it. */
function enqueueChanges(
  { appSecrets, secrets, lookup }: Caches,
  queue: Queue,
  checks: Scheduler,
  onAppSecret: ControllerOptions["onAppSecret"],
): void {
  appSecrets.onChange(({ before, after, by }) => {
    for (const waiting of lookup.updateAppSecret(before, after)) queue.add(waiting);
    onAppSecret?.(before, after);
    if (after) {
      if (keyOf(after) !== by) queue.add(keyOf(after));
    } else if (before) {
      queue.forget(keyOf(before));
      checks.forget(keyOf(before));
    }
  });
  secrets.onChange(({ before, after, by }) => {
    lookup.updateSecret(before?.metadata, after?.metadata);
    const secret = (after ?? before)?.metadata;
    if (!secret) return;
    for (const concerned of lookup.concerned(secret.namespace, secret.name)) if (concerned !== by) queue.add(concerned);
  });
}

/** Starts the watches, one per namespace and resource, and waits until they have filled the caches. */
async function fill(
  { appSecrets, secrets, lookup }: Caches,
  client: KubeClient,
  log: Log,
  reflectors: Reflector[],
): Promise<void> {
  const scope = (namespace: string | undefined) => (namespace === undefined ? "" : `/namespaces/${namespace}`);
  const begin = async (some: readonly Reflector[]): Promise<void> => {
    reflectors.push(...some);
    await Promise.all(some.map(({ synced }) => synced));
  };
  await begin(
    appSecrets.parts.map(({ namespace, store }) => {
      const path = `/apis/${GROUP}/${VERSION}${scope(namespace)}/${PLURAL}`;
      return startReflector({ client, path, store, keep: trimAppSecret, log });
    }),
  );
  await begin(
    secrets.parts.map(({ namespace, store }) =>
      startReflector({
        client,
        path: `/api/v1${scope(namespace)}/secrets`,
        query: { fieldSelector: SECRETS_OF_INTEREST },
        metadataOnly: true,
        store,
        keep: (secret) => (matters(secret, lookup) ? trimSecret(secret) : undefined),
        log,
      }),
    ),
  );
}

/** Published by an operator, or named by an AppSecret that is known now. One that is named later is read by its reconcile. */
export function matters({ metadata }: PartialObject, lookup: Pick<Lookup, "concerned">): boolean {
  return (
    metadata.annotations?.[OWNER_ANNOTATION] !== undefined ||
    lookup.concerned(metadata.namespace, metadata.name).size > 0
  );
}

/** Worth an Event, for a login provider that rotates its keys may do so a little before its users' caches notice. */
function keysRotated({ apiVersion, kind, metadata: { namespace, name, uid } }: AppSecret): EventInput {
  return {
    regarding: { apiVersion, kind, namespace, name, uid },
    type: "Normal",
    reason: "KeysRotated",
    action: "Verify",
    note: "The login provider changed its set of signing keys.",
  };
}
