/**
 * Refusals of what follows the write of the Secret. They are no rules: the Secret is published all the same, and whatever
 * was decided stands, except for what it says about the part that was refused.
 */
import type { Workload } from "#api/schema/restart";
import type { PublishedSecret } from "#api/status";
import { Reason } from "#api/status";
import type { Decision } from "./decision.ts";
import type { Observed } from "./observed.ts";
import { notRestarted, recordedVersion } from "./restart.ts";

/** The same decision, with what the API server refused after the Secret was written. */
export function afterRefusal(observed: Observed, decided: Decision): Decision {
  const { refusal } = observed;
  if (refusal?.kind === "DeleteForbidden") return notWithdrawn(observed, decided, refusal.name);
  if (refusal?.kind === "NotRestarted" && decided.restart) return notAllRestarted(observed, decided, refusal.workloads);
  return decided;
}

/**
 * The operator is not allowed to delete an old Secret. The one to take its place has been written by now, but the status
 * goes on recording the old one: under Retain the Secret is known by that record alone, and would be forgotten.
 *
 * @param decision as if the delete were allowed
 * @param name of the Secret that is still there
 */
function notWithdrawn({ appSecret: { status } }: Observed, decision: Decision, name: string): Decision {
  const { write: _written, restart: _restarted, ...rest } = decision;
  const message =
    `The operator is not allowed to delete the old Secret "${name}". Check its Role and any admission policies. ` +
    `It retries automatically.`;
  return {
    ...rest,
    published: { status: "False", reason: Reason.Forbidden, message },
    progress: decision.progress ?? "Reconciling",
    satisfied: false,
    ...(status?.secret ? { secret: status.secret, sources: status.sources } : {}),
    withdraw: [],
    retry: true,
  };
}

/**
 * The API server refused to restart some workloads. The Secret is as it should be, so the AppSecret is as ready as before;
 * the status does not count this content yet, so the restart is tried again.
 */
function notAllRestarted(
  { appSecret }: Observed,
  { restart: _refused, published, secret, ...rest }: Decision,
  workloads: readonly Workload[],
): Decision {
  const { message, note } = notRestarted(workloads);
  return {
    ...rest,
    published: { ...published, message: `${published.message} ${message}` },
    secret: secret && withVersionOf(secret, appSecret.status?.secret),
    retry: true,
    notes: [note],
  };
}

function withVersionOf(
  { contentVersion: _, ...secret }: PublishedSecret,
  recorded: PublishedSecret | undefined,
): PublishedSecret {
  return { ...secret, ...recordedVersion(undefined, recorded) };
}
