import type { CheckKind, Verdict } from "#api/check";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { conditionLines, type Observed } from "./condition-metric.ts";

/**
 * The metrics, in a registry of their own. Names and labels are an interface: dashboards and alerts in the chart read them.
 * Times are in seconds.
 */
export type Metrics = {
  reconciled(result: ReconcileResult, seconds: number): void;
  /** From the moment that a change was seen until the Secret was published. */
  published(seconds: number): void;
  apiRequest(verb: string, code: string): void;
  /** A live check: its kind, and its answer. */
  verified(kind: CheckKind, answer: Verdict["answer"], seconds: number): void;
  /** The hooks of a work queue, for the metrics that client-go keeps under the same names. */
  queue(name: string): QueueHooks;
  /** What a queue knows itself, read at each scrape. */
  watchQueue(name: string, queue: QueueState): void;
  /** Where the AppSecrets are read from at each scrape. */
  watchConditions(appSecrets: () => Iterable<Observed>): void;
  /** The page in Prometheus' text format, in pieces. */
  page(): Promise<{ contentType: string; text: Iterable<string> }>;
};

export type ReconcileResult = "unchanged" | "written" | "gone" | "retry" | "error";

export type QueueHooks = {
  depth(depth: number): void;
  added(): void;
  retried(): void;
  queued(seconds: number): void;
  worked(seconds: number): void;
};

export type QueueState = { readonly unfinishedSeconds: number; readonly longestRunningSeconds: number };

/** A write to the API server takes some milliseconds, a reconcile two of them; a wait for a source may take hours. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const LATENCY_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** client-go's, without those under a tenth of a millisecond: a queue in JavaScript is not that fast. */
const QUEUE_BUCKETS = [0.0001, 0.001, 0.01, 0.1, 1, 10, 100, 1000];

/** @param processMetrics also the metrics of the process and of Node (CPU, memory, event loop) */
export function createMetrics({ processMetrics = true }: { processMetrics?: boolean } = {}): Metrics {
  const registers = [new Registry()];
  const [registry] = registers as [Registry];
  if (processMetrics) collectDefaultMetrics({ register: registry });

  const reconciles = new Counter({
    name: "appsecret_reconcile_total",
    help: "Reconciles, by result.",
    labelNames: ["result"],
    registers,
  });
  // A counter that appears with its first event has no rate for Prometheus, which then misses that event.
  reconciles.inc({ result: "error" satisfies ReconcileResult }, 0);
  const reconcileDuration = new Histogram({
    name: "appsecret_reconcile_duration_seconds",
    help: "Duration of a reconcile.",
    buckets: DURATION_BUCKETS,
    registers,
  });
  const publishLatency = new Histogram({
    name: "appsecret_publish_latency_seconds",
    help: "Time from seeing a change to publishing it in the Secret.",
    buckets: LATENCY_BUCKETS,
    registers,
  });
  const apiRequests = new Counter({
    name: "appsecret_api_requests_total",
    help: "Requests to the API server, by verb and HTTP status code.",
    labelNames: ["verb", "code"],
    registers,
  });

  const verifications = new Counter({
    name: "appsecret_verification_total",
    help: "Live checks, by kind (JWKS, MongoDB, Atlas) and answer (yes, unverifiable, no, silence).",
    labelNames: ["kind", "result"],
    registers,
  });
  const verificationDuration = new Histogram({
    name: "appsecret_verification_duration_seconds",
    help: "Duration of a live check.",
    labelNames: ["kind"],
    buckets: DURATION_BUCKETS,
    registers,
  });

  const labelNames = ["name"] as const;
  const depth = new Gauge({ name: "workqueue_depth", help: "Keys waiting in the queue.", labelNames, registers });
  const adds = new Counter({ name: "workqueue_adds_total", help: "Keys added to the queue.", labelNames, registers });
  const retries = new Counter({
    name: "workqueue_retries_total",
    help: "Keys added again because their reconcile failed.",
    labelNames,
    registers,
  });
  const queueDuration = new Histogram({
    name: "workqueue_queue_duration_seconds",
    help: "Time that a key waits in the queue before a worker takes it.",
    labelNames,
    buckets: QUEUE_BUCKETS,
    registers,
  });
  const workDuration = new Histogram({
    name: "workqueue_work_duration_seconds",
    help: "Time that a worker needs for a key.",
    labelNames,
    buckets: QUEUE_BUCKETS,
    registers,
  });
  const queues = new Map<string, QueueState>();
  new Gauge({
    name: "workqueue_unfinished_work_seconds",
    help: "Sum of the time that all running workers have been at their keys. If it keeps growing, a worker is stuck.",
    labelNames,
    registers,
    collect() {
      for (const [name, queue] of queues) this.set({ name }, queue.unfinishedSeconds);
    },
  });
  new Gauge({
    name: "workqueue_longest_running_processor_seconds",
    help: "Time that the longest running worker has been at its key.",
    labelNames,
    registers,
    collect() {
      for (const [name, queue] of queues) this.set({ name }, queue.longestRunningSeconds);
    },
  });

  let appSecrets: () => Iterable<Observed> = () => [];
  return {
    reconciled(result, seconds) {
      reconciles.inc({ result });
      reconcileDuration.observe(seconds);
    },
    published: (seconds) => publishLatency.observe(seconds),
    apiRequest: (verb, code) => apiRequests.inc({ verb, code }),
    verified(kind, answer, seconds) {
      verifications.inc({ kind, result: answer.toLowerCase() });
      verificationDuration.observe({ kind }, seconds);
    },
    queue(name) {
      // Bound to the name once: these run for every key.
      const bound = { name };
      depth.set(bound, 0);
      adds.inc(bound, 0);
      retries.inc(bound, 0);
      return {
        depth: (keys) => depth.set(bound, keys),
        added: () => adds.inc(bound),
        retried: () => retries.inc(bound),
        queued: (seconds) => queueDuration.observe(bound, seconds),
        worked: (seconds) => workDuration.observe(bound, seconds),
      };
    },
    watchQueue: (name, queue) => void queues.set(name, queue),
    watchConditions: (source) => void (appSecrets = source),
    async page() {
      return { contentType: registry.contentType, text: inPieces(await registry.metrics(), appSecrets) };
    },
  };
}

function* inPieces(own: string, appSecrets: () => Iterable<Observed>): Generator<string> {
  yield own;
  yield* conditionLines(appSecrets);
}
