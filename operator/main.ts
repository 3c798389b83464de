/**
 * The composition root: settings in, parts put together, signals obeyed. Everything with a decision in it is elsewhere.
 */
import { collectGarbage } from "#process/v8-flags";
import "#process/thread-pool";
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { OperatorError } from "#common/operator-error";
import { configOrExit, version } from "#process/settings";
import { startController } from "#controller/controller";
import { waitForCluster } from "#controller/preflight";
import { createTelemetry } from "#controller/telemetry";
import { createClient } from "#kube/client/client";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import { createEventRecorder } from "#kube/events";
import type { Election } from "#kube/lease";
import { startElection } from "#kube/lease";
import { serveHealth } from "#observe/health";
import { createLogger } from "#observe/logger";
import { createMetrics } from "#observe/metrics";
import { createChecks, offlineChecks } from "#verify/checks";
import { createLimiter, LIMITS, UNLIMITED } from "#verify/schedule/limiter";
import { createScheduler } from "#verify/schedule/scheduler";
import { createVerdictCache } from "#verify/schedule/verdict-cache";

/** A Pod has 30 s from SIGTERM to SIGKILL: this for what has begun, then the Events, and up to 10 s for the Lease. */
const DRAIN_MS = 15_000;
/** Events are news: at the end they get this long. */
const EVENTS_MS = 2000;
/** A queue that has work and finishes none of it for this long is stuck: the kubelet should restart us. */
const STUCK_MS = 180_000;

/** This replica does not hold the Lease, or could not renew it in time: another one may be writing. */
class NotLeading extends OperatorError {
  constructor() {
    super("NotLeading", "this replica does not hold the Lease any more");
  }
}

const config = configOrExit(process.argv.slice(2), process.env);
const log = createLogger(config.logLevel);

process.on("unhandledRejection", (error) => fail(error));
process.on("uncaughtException", (error) => fail(error));

const stopping = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopping.abort(signal));

await run().catch(fail);

async function run(): Promise<void> {
  const { namespaces, concurrency } = config;
  const metrics = createMetrics();
  const kubeConfig = loadKubeConfig(config.kubeconfig === undefined ? process.env : { KUBECONFIG: config.kubeconfig });
  const client = createClient(kubeConfig, { onRequest: (verb, code) => metrics.apiRequest(verb, code) });
  const events = createEventRecorder(client, { instance: hostname() });
  const checks = config.offline ? offlineChecks() : createChecks({ ...config, env: process.env, log });
  const cache = createVerdictCache({
    checks,
    limiter: createLimiter(config.offline ? UNLIMITED : LIMITS),
    keepMs: 2 * config.verifyInterval,
    onChecked: (kind, { answer }, took) => metrics.verified(kind, answer, took),
  });
  let filled = false;
  let isLive: () => string | true = () => true;
  const { metricsAddress } = config;
  const health =
    metricsAddress === "off"
      ? undefined
      : await serveHealth(metricsAddress, {
          isLive: () => isLive(),
          isReady: () => filled || "the caches are not filled yet",
          metrics: () => metrics.page(),
        });
  log.info(
    { version: version(), server: kubeConfig.server, namespaces, concurrency, metricsPort: health?.port },
    "starting",
  );

  await waitForCluster(client, namespaces, log, stopping.signal);
  if (!isStopping()) {
    const elect = config.leaderElect ?? kubeConfig.inCluster;
    let election: Election | undefined;
    const isLeading = (): boolean => !elect || election?.isLeading() === true;
    const controller = startController({
      client,
      events,
      namespaces,
      concurrency,
      createChecks: (hooks) => createScheduler({ ...hooks, cache, intervalMs: config.verifyInterval }),
      assertMayWrite: () => {
        if (!isLeading()) throw new NotLeading();
      },
      log,
      queueMetrics: metrics.queue("appsecret"),
      ...createTelemetry(log, metrics, { isLeading }),
    });
    metrics.watchQueue("appsecret", controller.queue);
    metrics.watchConditions(() => controller.appSecrets.values());
    isLive = () => {
      const stuckMs = performance.now() - controller.queue.lastProgress;
      return stuckMs < STUCK_MS || `no reconcile has ended for ${Math.round(stuckMs / 1000)} s`;
    };
    await Promise.race([controller.filled, aborted(stopping.signal)]);
    if (!isStopping()) {
      collectGarbage();
      filled = true;
      log.info({ appSecrets: controller.appSecrets.size, seconds: seconds() }, "ready");
      if (elect) {
        election = startElection({
          client,
          namespace: config.leaseNamespace ?? kubeConfig.namespace ?? "default",
          name: config.leaseName,
          identity: `${hostname()}_${randomUUID()}`,
          onLeading: () => controller.work(),
          // What this replica decided may be overtaken by now. It starts anew, as a follower.
          onLost: () => stopping.abort("the Lease is lost"),
          log,
        });
      } else {
        controller.work();
      }
      await aborted(stopping.signal);
    }
    log.info({ reason: stopping.signal.reason as unknown }, "stopping");
    await controller.stop(DRAIN_MS);
    await events.close(EVENTS_MS);
    await election?.release();
  }
  await checks.close();
  await health?.close();
  await client.close();
  log.info({}, "stopped");
}

/** Asked anew each time, for it changes between two lines that wait. */
function isStopping(): boolean {
  return stopping.signal.aborted;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Since the process began. */
function seconds(): number {
  return Math.round(performance.now()) / 1000;
}

/** What a person can mend is one line; anything else is a bug, whose stack the log has. */
function fail(error: unknown): never {
  if (error instanceof OperatorError) process.stderr.write(`appsecret-operator: ${error.message}\n`);
  else log.error({ err: error }, "a bug ended the operator");
  process.exit(1);
}
