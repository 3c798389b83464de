import type { AppSecret } from "#api/schema/spec";
import type { Condition, ConditionType } from "#api/status";
import type { Logger } from "#observe/logger";
import type { Metrics } from "#observe/metrics";
import type { ControllerOptions } from "./controller.ts";
import { keyOf, splitKey } from "./lookup.ts";

type Telemetry = Required<Pick<ControllerOptions, "onReconciled" | "onFailed" | "onAppSecret">>;

type TelemetryOptions = {
  /** Whether this replica is the one that works. */
  isLeading: () => boolean;
  monotonicMs?: () => number;
};

/**
 * Records what the controller does, in metrics and in the log: one line for each change of state, and one for each failure.
 * A follower sees the same changes, as the leader's work: it logs them at debug level, or every replica would log each.
 */
export function createTelemetry(log: Logger, metrics: Metrics, options: TelemetryOptions): Telemetry {
  const { isLeading, monotonicMs = () => performance.now() } = options;
  const debug: Logger["debug"] = (fields, message) => log.debug(fields, message);
  const quiet: Logger = { ...log, info: debug, warn: debug };
  /** When a change that is not published yet was seen, by key: for the latency from the change to its Secret. */
  const waiting = new Map<string, number>();
  return {
    onAppSecret(before, after) {
      if (!after) {
        if (before) waiting.delete(keyOf(before));
        return;
      }
      const { generation } = after.metadata;
      if (before?.metadata.generation !== generation) waiting.set(keyOf(after), monotonicMs());
      // The leader has dealt with it.
      if (!isLeading() && after.status?.observedGeneration === generation) waiting.delete(keyOf(after));
      logTransition(isLeading() ? log : quiet, before, after);
    },
    onReconciled(key, { result, cause, written }, seconds) {
      metrics.reconciled(result, seconds);
      if (result === "retry") log.debug({ ...namesOf(key), cause }, "reconcile will be retried");
      const since = waiting.get(key);
      // A change that is not published yet goes on waiting.
      if (result !== "retry" || written) waiting.delete(key);
      if (written && since !== undefined) metrics.published((monotonicMs() - since) / 1000);
    },
    onFailed(key, error, seconds) {
      metrics.reconciled("error", seconds);
      log.warn({ ...namesOf(key), err: error }, "reconcile failed, retrying");
    },
  };
}

/** An AppSecret that is seen for the first time has not changed. */
function logTransition(log: Logger, before: AppSecret | undefined, after: AppSecret): void {
  const was = find(before, "Ready");
  const is = find(after, "Ready");
  if (before) logVerified(log, before, after);
  if (!before || !is || (was?.status === is.status && was.reason === is.reason && isSameSecret(before, after))) return;
  const { namespace, name, generation } = after.metadata;
  const secret = after.status?.secret?.name;
  const fields = { namespace, name, generation, type: after.spec.type, ready: is.status, reason: is.reason, secret };
  if (is.status === "False") log.warn({ ...fields, detail: is.message }, "not ready");
  else if (is.reason === "PublishedUnverified") {
    log.warn({ ...fields, detail: is.message }, "published without being verified");
  } else log.info(fields, is.reason === "Published" ? "published" : "ready");
}

/** A verdict that leaves Ready as it is. */
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

function namesOf(key: string): { namespace: string; name: string } {
  const [namespace, name] = splitKey(key);
  return { namespace, name };
}

function find(appSecret: AppSecret | undefined, type: ConditionType): Condition | undefined {
  return appSecret?.status?.conditions?.find((condition) => condition.type === type);
}

function isSameSecret(before: AppSecret, after: AppSecret): boolean {
  const was = before.status?.secret;
  const is = after.status?.secret;
  return was?.uid === is?.uid && was?.resourceVersion === is?.resourceVersion;
}
