import type { AppSecret } from "#api/schema/spec";
import type { Condition, ConditionType } from "#api/status";
import type { Logger } from "#observe/logger";
import type { Metrics } from "#observe/metrics";
import type { ControllerOptions } from "./controller.ts";
import { keyOf } from "./lookup.ts";

type Telemetry = Required<Pick<ControllerOptions, "onReconciled" | "onFailed" | "onAppSecret">>;

type TelemetryOptions = {
  /** Whether this replica is the one that works. */
  isLeading: () => boolean;
  /** A monotonic clock, in milliseconds. */
  now?: () => number;
};

/**
 * Tells what the controller does, in metrics and in the log: one line for each change of state, and one for each failure.
 * A follower sees the same changes, as the leader's work: it tells them at debug level, or each would be logged by all.
 */
export function createTelemetry(log: Logger, metrics: Metrics, options: TelemetryOptions): Telemetry {
  const { isLeading, now = () => performance.now() } = options;
  const debug: Logger["debug"] = (fields, message) => log.debug(fields, message);
  const quiet: Logger = { ...log, info: debug, warn: debug };
  /** Since when a change waits to be published, by key: for the latency from the change to its Secret. */
  const waiting = new Map<string, number>();
  return {
    onAppSecret(before, after) {
      if (!after) {
        if (before) waiting.delete(keyOf(before));
        return;
      }
      const { generation } = after.metadata;
      if (before?.metadata.generation !== generation) waiting.set(keyOf(after), now());
      // Answered by the leader.
      if (!isLeading() && after.status?.observedGeneration === generation) waiting.delete(keyOf(after));
      logTransition(isLeading() ? log : quiet, before, after);
    },
    onReconciled(key, { result, published }, seconds) {
      metrics.reconciled(result, seconds);
      const since = waiting.get(key);
      waiting.delete(key);
      if (published && since !== undefined) metrics.published((now() - since) / 1000);
    },
    onFailed(key, error, seconds) {
      metrics.reconciled("error", seconds);
      const [namespace, name] = key.split("/");
      log.warn({ namespace, name, err: error }, "reconcile failed, it is tried again");
    },
  };
}

/** The first sight of an AppSecret is no change of state, unless it shows one that we have just made. */
function logTransition(log: Logger, before: AppSecret | undefined, after: AppSecret): void {
  const was = find(before, "Ready");
  const is = find(after, "Ready");
  if (before) logVerified(log, before, after);
  if (!before || !is || (was?.status === is.status && was.reason === is.reason && isSameSecret(before, after))) return;
  const { namespace, name, generation } = after.metadata;
  const secret = after.status?.secret?.name;
  const fields = { namespace, name, generation, type: after.spec.type, ready: is.status, reason: is.reason, secret };
  if (is.status === "False") log.warn({ ...fields, detail: is.message }, "not ready");
  else log.info(fields, is.reason === "Published" ? "published" : "ready");
}

/** Of an answer that leaves Ready as it is. */
function logVerified(log: Logger, before: AppSecret, after: AppSecret): void {
  const was = find(before, "Verified");
  const is = find(after, "Verified");
  const unchanged = find(before, "Ready")?.reason === find(after, "Ready")?.reason;
  if (!was || !is || was.status === is.status || !unchanged) return;
  const { namespace, name, generation } = after.metadata;
  const fields = { namespace, name, generation, type: after.spec.type, verified: is.status, reason: is.reason };
  if (is.status === "True") log.info(fields, "verified");
  else log.warn({ ...fields, detail: is.message }, "not verified");
}

function find(appSecret: AppSecret | undefined, type: ConditionType): Condition | undefined {
  return appSecret?.status?.conditions?.find((condition) => condition.type === type);
}

function isSameSecret(before: AppSecret, after: AppSecret): boolean {
  const was = before.status?.secret;
  const is = after.status?.secret;
  return was?.uid === is?.uid && was?.resourceVersion === is?.resourceVersion;
}
