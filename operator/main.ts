/**
 * The composition root: reads the settings, puts the parts together and obeys signals. Everything with a decision in it is
 * elsewhere.
 */
import "#process/startup";
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { OPERATOR_NAME } from "#api/names";
import { OperatorError } from "#common/operator-error";
import type { Controller } from "#controller/controller";
import { startController } from "#controller/controller";
import { waitForCluster } from "#controller/preflight";
import { createTelemetry } from "#controller/telemetry";
import { createClient } from "#kube/client/client";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import { createEventRecorder } from "#kube/events";
import type { Election } from "#kube/lease";
import { startElection } from "#kube/lease";
import type { Health } from "#observe/health";
import { serveHealth } from "#observe/health";
import { createLogger } from "#observe/logger";
import { createMetrics } from "#observe/metrics";
import { settingsOrExit, version } from "#process/settings";
import { collectGarbage } from "#process/v8-flags";
import { createChecks, offlineChecks } from "#verify/checks";
import { createLimiter, LIMITS, UNLIMITED } from "#verify/schedule/limiter";
import { createScheduler } from "#verify/schedule/scheduler";
import { createVerdictCache } from "#verify/schedule/verdict-cache";

/** A Pod has 30 s from SIGTERM to SIGKILL: this for the work under way, then the Events, and up to 10 s for the Lease. */
const DRAIN_MS = 15_000;
/** Events are news: at the end they get this long. */
const EVENTS_MS = 2000;
/** A queue that has work and finishes none of it for this long is stuck: the kubelet should restart the operator. */
const STUCK_MS = 180_000;

/** This replica does not hold the Lease, or could not renew it in time: another one may be writing. */
class NotLeading extends OperatorError {
  constructor() {
    super("NotLeading", "this replica no longer holds the Lease");
  }
}

const settings = settingsOrExit(process.argv.slice(2), process.env);
const log = createLogger(settings.logLevel);

process.on("unhandledRejection", (error) => fail(error));
process.on("uncaughtException", (error) => fail(error));

const stopping = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stopping.abort(signal));

await run().catch(fail);

async function run(): Promise<void> {
  const parts = await assemble();
  await waitForCluster(parts.client, settings.namespaces, log, stopping.signal);
  const controller = isStopping() ? undefined : await warmUp(parts);
  if (controller && !isStopping()) lead(parts, controller);
  if (controller) await aborted(stopping.signal);
  await shutDown(parts, controller);
}

type Parts = Awaited<ReturnType<typeof assemble>>;

/** Everything but the controller: clients, checks, metrics, and the server for health and metrics. */
async function assemble() {
  const { kubeconfig, metricsAddress, namespaces, concurrency, offline, verifyInterval } = settings;
  const metrics = createMetrics();
  const kubeConfig = await loadKubeConfig(kubeconfig === undefined ? process.env : { KUBECONFIG: kubeconfig });
  const client = createClient(kubeConfig, {
    fieldManager: OPERATOR_NAME,
    onRequest: (verb, code) => metrics.apiRequest(verb, code),
  });
  const events = createEventRecorder(client, { reportingController: OPERATOR_NAME, instance: hostname() });
  const checks = offline ? offlineChecks() : createChecks({ ...settings, env: process.env, log });
  const cache = createVerdictCache({
    checks,
    limiter: createLimiter(offline ? UNLIMITED : LIMITS),
    keepMs: 2 * verifyInterval,
    onChecked: (kind, { answer }, took) => metrics.verified(kind, answer, took),
  });
  const probes: { live: () => Health; ready: Health } = { live: () => true, ready: "the caches are not filled yet" };
  const health =
    metricsAddress === "off"
      ? undefined
      : await serveHealth(metricsAddress, {
          isLive: () => probes.live(),
          isReady: () => probes.ready,
          metrics: () => metrics.page(),
        });
  const { server } = kubeConfig;
  log.info({ version: version(), server, namespaces, concurrency, metricsPort: health?.port }, "starting");
  const elects = settings.leaderElect ?? kubeConfig.inCluster;
  const leadership: { election?: Election } = {};
  const isLeading = (): boolean => !elects || leadership.election?.isLeading() === true;
  return { kubeConfig, client, events, checks, cache, metrics, probes, health, elects, leadership, isLeading };
}

/** Fills the caches. The controller is then ready to take over, and writes nothing yet. */
async function warmUp({ client, events, cache, metrics, probes, isLeading }: Parts): Promise<Controller> {
  const { namespaces, concurrency, verifyInterval } = settings;
  const controller = startController({
    client,
    events,
    namespaces,
    concurrency,
    createChecks: (hooks) => createScheduler({ ...hooks, cache, intervalMs: verifyInterval }),
    assertMayWrite: () => {
      if (!isLeading()) throw new NotLeading();
    },
    log,
    queueMetrics: metrics.queue("appsecret"),
    ...createTelemetry(log, metrics, { isLeading }),
  });
  metrics.watchQueue("appsecret", controller.queue);
  metrics.watchConditions(() => controller.appSecrets.values());
  probes.live = () => {
    const stuckMs = performance.now() - controller.queue.lastProgress;
    return stuckMs < STUCK_MS || `no reconcile has finished for ${Math.round(stuckMs / 1000)} s`;
  };
  await Promise.race([controller.filled, aborted(stopping.signal)]);
  if (isStopping()) return controller;
  collectGarbage();
  probes.ready = true;
  log.info({ appSecrets: controller.appSecrets.size, seconds: secondsSinceStart() }, "ready");
  return controller;
}

/** Starts the work, at once or when this replica holds the Lease. */
function lead({ client, kubeConfig, elects, leadership }: Parts, controller: Controller): void {
  if (!elects) return controller.work();
  leadership.election = startElection({
    client,
    namespace: settings.leaseNamespace ?? kubeConfig.namespace ?? "default",
    name: settings.leaseName,
    identity: `${hostname()}_${randomUUID()}`,
    onLeading: () => controller.work(),
    // What this replica has decided may be out of date by now. A new process starts, as a follower.
    onLost: () => stopping.abort("the Lease is lost"),
    log,
  });
}

async function shutDown(parts: Parts, controller: Controller | undefined): Promise<void> {
  const { client, events, checks, health, leadership } = parts;
  if (controller) {
    log.info({ reason: stopping.signal.reason as unknown }, "stopping");
    await controller.stop(DRAIN_MS);
    await events.close(EVENTS_MS);
    await leadership.election?.release();
  }
  await checks.close();
  await health?.close();
  await client.close();
  log.info({}, "stopped");
}

/** A function, because the answer changes between two lines that wait. */
function isStopping(): boolean {
  return stopping.signal.aborted;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function secondsSinceStart(): number {
  return Math.round(performance.now()) / 1000;
}

/** An error that a person can fix is one line; anything else is a bug, whose stack goes to the log. */
function fail(error: unknown): never {
  if (error instanceof OperatorError) process.stderr.write(`appsecret-operator: ${error.message}\n`);
  else log.error({ err: error }, "unexpected error, exiting");
  process.exit(1);
}
