/**
 * The controller: two watches fill two caches, their changes put keys into a queue, and the queue's hands reconcile.
 *
 * It starts in this order, for each step reads what the one before has filled: AppSecrets (so that it is known which
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
import type { Queue, QueueMetrics } from "#kube/queue/queue";
import { createQueue } from "#kube/queue/queue";
import type { Reflector } from "#kube/cache/reflector";
import { startReflector } from "#kube/cache/reflector";
import type { Scheduler, SchedulerOptions } from "#verify/schedule/scheduler";
import { createIndex, keyOf, splitKey } from "./lookup.ts";
import type { Reconciled } from "./reconcile.ts";
import { createReconciler } from "./reconcile.ts";
import type { Cache } from "./cache/multi-namespace-store.ts";
import { createScopedStore } from "./cache/multi-namespace-store.ts";
import { trimAppSecret, trimSecret } from "./cache/transform.ts";

/** Waits of a key whose reconcile failed, in milliseconds: doubling from the first to the second. */
const BACKOFF = { baseMs: 200, maxMs: 300_000 };

/**
 * Of the Secrets that are none of our business Helm's releases are the most and the largest: the API server leaves them
 * out for us. Not so the tokens of ServiceAccounts: since Kubernetes 1.24 they exist only where a person made them, and
 * such a one may be a source.
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
  /** Throws once this replica may not write any more. Asked when a write is about to leave, and before each retry of it. */
  assertMayWrite: () => void;
  log: Log;
  /** After each reconcile. `seconds` is how long it took. */
  onReconciled?: (key: string, result: Reconciled, seconds: number) => void;
  onFailed?: (key: string, error: unknown, seconds: number) => void;
  /** Every change of an AppSecret, for the metrics of its conditions. */
  onAppSecret?: (before: AppSecret | undefined, after: AppSecret | undefined) => void;
  queueMetrics?: QueueMetrics;
  now?: () => Date;
};

export type Controller = {
  /** Resolves when the caches are filled: the replica is warm and may take over at any time. */
  filled: Promise<void>;
  /** Begins to work. To be called once, by the replica that leads. */
  work(): void;
  queue: Queue;
  appSecrets: Cache<AppSecret>;
  /** Ends the watches and finishes what has been begun, in `timeoutMs` at most. */
  stop(timeoutMs: number): Promise<void>;
};

export function startController(options: ControllerOptions): Controller {
  const { client, events, namespaces, log, now = () => new Date() } = options;
  const appSecrets = createScopedStore<AppSecret>(namespaces, log);
  const secrets = createScopedStore<PartialObject>(namespaces, log);
  const index = createIndex((namespace, name) => appSecrets.get(namespace, name));
  const checks = options.createChecks({
    wake: (item) => queue.add(item),
    onKeysRotated: (item) => {
      const appSecret = appSecrets.get(...splitKey(item));
      if (appSecret) events.record(keysRotated(appSecret));
    },
  });
  const reconcile = createReconciler(
    { client: fenced(client, options.assertMayWrite), appSecrets, secrets, events, index, checks },
    now,
  );
  const queue = createQueue({
    concurrency: options.concurrency,
    backoff: BACKOFF,
    paused: true,
    log,
    ...(options.queueMetrics ? { metrics: options.queueMetrics } : {}),
    handle: async (item) => {
      const begun = performance.now();
      const seconds = () => (performance.now() - begun) / 1000;
      try {
        const result = await reconcile(item);
        if (result.againMs !== undefined) queue.addAfter(item, result.againMs);
        options.onReconciled?.(item, result, seconds());
      } catch (error) {
        options.onFailed?.(item, error, seconds());
        throw error;
      }
    },
  });

  appSecrets.onChange(({ before, after, by }) => {
    for (const waiting of index.updateAppSecret(before, after)) queue.add(waiting);
    options.onAppSecret?.(before, after);
    if (after) {
      if (keyOf(after) !== by) queue.add(keyOf(after));
    } else if (before) {
      queue.forget(keyOf(before));
      checks.forget(keyOf(before));
    }
  });
  secrets.onChange(({ before, after, by }) => {
    index.updateSecret(before?.metadata, after?.metadata);
    const secret = (after ?? before)?.metadata;
    if (!secret) return;
    for (const concerned of index.concerned(secret.namespace, secret.name)) if (concerned !== by) queue.add(concerned);
  });

  const reflectors: Reflector[] = [];
  const watched = (namespace: string | undefined) => (namespace === undefined ? "" : `/namespaces/${namespace}`);

  async function fill(): Promise<void> {
    await begin(
      appSecrets.parts.map(({ namespace, store }) =>
        startReflector({
          client,
          path: `/apis/${GROUP}/${VERSION}${watched(namespace)}/${PLURAL}`,
          store,
          keep: trimAppSecret,
          log,
        }),
      ),
    );
    await begin(
      secrets.parts.map(({ namespace, store }) =>
        startReflector({
          client,
          path: `/api/v1${watched(namespace)}/secrets`,
          query: { fieldSelector: SECRETS_OF_INTEREST },
          metadataOnly: true,
          store,
          keep: (secret) => (matters(secret) ? trimSecret(secret) : undefined),
          log,
        }),
      ),
    );
  }

  async function begin(some: readonly Reflector[]): Promise<void> {
    reflectors.push(...some);
    await Promise.all(some.map(({ synced }) => synced));
  }

  /** Ours, or named by an AppSecret that is known now. One that is named later is read when its AppSecret is reconciled. */
  function matters({ metadata }: PartialObject): boolean {
    return (
      metadata.annotations?.[OWNER_ANNOTATION] !== undefined ||
      index.concerned(metadata.namespace, metadata.name).size > 0
    );
  }

  return {
    filled: fill(),
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

/** Worth an Event, for a login provider that rotates its keys may do so a little before its users' caches notice. */
function keysRotated({ apiVersion, kind, metadata: { namespace, name, uid } }: AppSecret): EventInput {
  return {
    regarding: { apiVersion, kind, namespace, name, uid },
    type: "Normal",
    reason: "KeysRotated",
    action: "Verify",
    note: "The login provider's set of signing keys has changed.",
  };
}
