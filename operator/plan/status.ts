/** How a decision reads as `status`, and which Events a change of it deserves. */
import { isDeepStrictEqual } from "node:util";
import type { AppSecretStatus, Condition, ConditionType, PublishedSecret } from "#api/status";
import { Reason } from "#api/status";
import type { Note } from "./actions.ts";
import type { Unstamped } from "./conditions.ts";
import { stamp } from "./conditions.ts";
import type { Decision } from "./decision.ts";
import type { Facts } from "./facts.ts";
import { isChecked } from "./check-subject.ts";
import { isRecordedAsVerified } from "./verified.ts";

/** The same decision again gives an equal status, timestamps included, so that nothing is written in a steady state. */
export function statusFor({ observed, now, types }: Facts, decision: Decision): AppSecretStatus {
  const { appSecret } = observed;
  const generation = appSecret.metadata.generation ?? 0;
  const conditions: Partial<Record<ConditionType, Unstamped>> = {
    Ready: ready(decision),
    Accepted: decision.accepted,
    Verified: decision.verified ?? withoutVerdict(isChecked(appSecret.spec, types), decision),
    Published: decision.published,
  };
  if (decision.progress !== undefined) {
    conditions[decision.progress] = { ...ready(decision), status: "True" };
  }
  return {
    observedGeneration: generation,
    ...(decision.secret ? { secret: withVerified(decision.secret, observed, types) } : {}),
    ...(decision.verification ? { verification: decision.verification } : {}),
    ...(decision.sources ? { sources: decision.sources } : {}),
    ...(decision.secret && decision.bound ? { binding: { name: decision.secret.name } } : {}),
    conditions: stamp(conditions, appSecret.status?.conditions, generation, now),
  };
}

/** A record that does not say yet whether its content was verified says it from its next write on. */
function withVerified(
  secret: PublishedSecret,
  { appSecret: { spec, status } }: Facts["observed"],
  types: Facts["types"],
): PublishedSecret {
  const hasCheck = types.find(({ name }) => name === spec.type)?.check !== undefined;
  return hasCheck ? { ...secret, verified: secret.verified ?? isRecordedAsVerified(status) } : secret;
}

/**
 * Whether a status says nothing new. That its content was verified goes without saying in one that an older operator wrote: an
 * upgrade writes no status.
 */
export function isSameStatus(before: AppSecretStatus | undefined, after: AppSecretStatus): boolean {
  if (before?.secret === undefined || before.secret.verified !== undefined) return isDeepStrictEqual(before, after);
  const verified = after.secret?.verified;
  if (verified !== undefined && verified !== isRecordedAsVerified(before)) return false;
  return isDeepStrictEqual(
    { ...before, secret: { ...before.secret, verified } },
    { ...after, secret: { verified, ...after.secret } },
  );
}

/** `Verified` where there is no verdict. */
function withoutVerdict(needsCheck: boolean, { published }: Decision): Unstamped {
  if (!needsCheck) {
    return { status: "True", reason: Reason.NotRequired, message: "This AppSecret needs no live check." };
  }
  if (published.reason === Reason.Disabled) {
    return { status: "True", reason: Reason.NotRequired, message: "Nothing is published, so no live check is needed." };
  }
  return { status: "Unknown", reason: Reason.Pending, message: "This generation has not been checked yet." };
}

/** The summary: the first condition that stands in the way decides, and says what is still being served. */
function ready(decision: Decision): Unstamped {
  const { accepted, verified, published, satisfied, held } = decision;
  if (accepted.status === "False") return keeping(accepted, decision);
  if (verified && (held || (satisfied && verified.status === "False"))) return keeping(verified, decision);
  return satisfied ? { ...published, status: "True" } : published;
}

function keeping({ reason, message }: Unstamped, { secret, published }: Decision): Unstamped {
  return { status: "False", reason, message: secret ? `${message} ${published.message}` : message };
}

/**
 * The Event of a change: `Ready` has another status, reason or message; or it stays as it is while the live check came to another
 * verdict. Normal ones have a budget (kube/events.ts), so that ten thousand first publications are not ten thousand Events.
 */
export function notesFor(before: AppSecretStatus | undefined, after: AppSecretStatus): Note[] {
  const was = find(before?.conditions, "Ready");
  const is = find(after.conditions, "Ready");
  if (!is) return [];
  if (was && says(was) === says(is)) return verifiedNotes(before, after);
  if (is.status === "False") {
    return [{ type: "Warning", reason: is.reason, action: "Publish", message: is.message }];
  }
  if (is.reason === Reason.PublishedUnverified) {
    return [{ type: "Warning", reason: is.reason, action: "Publish", message: is.message }];
  }
  if (is.status !== "True") return [];
  return [{ type: "Normal", reason: is.reason, action: "Publish", message: is.message }];
}

function verifiedNotes(before: AppSecretStatus | undefined, after: AppSecretStatus): Note[] {
  const was = find(before?.conditions, "Verified");
  const is = find(after.conditions, "Verified");
  if (!was || !is || says(was) === says(is)) return [];
  // The set of keys may grow: news of its own, and no change of the verdict.
  if (was.status === "True" && is.status === "True") return [];
  if (was.reason === Reason.Pending || is.reason === Reason.Pending) return [];
  const type = is.status === "True" ? "Normal" : "Warning";
  return [{ type, reason: is.reason, action: "Verify", message: is.message }];
}

function says({ status, reason, message }: Condition): string {
  return JSON.stringify([status, reason, message]);
}

function find(conditions: readonly Condition[] | undefined, type: ConditionType): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
