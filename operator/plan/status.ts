import type { AppSecretSpec } from "../api/schema.ts";
import type { AppSecretStatus, Condition, ConditionType } from "../api/status.ts";
import { Reason } from "../api/status.ts";
import type { Note } from "./actions.ts";
import type { Statement, Statements } from "./conditions.ts";
import { stamp } from "./conditions.ts";
import type { Observed } from "./observed.ts";
import type { Decision } from "./outcomes.ts";

/** Words a decision as `status` (design §2). Saying the same again gives an equal status, timestamps included. */
export function statusFor({ appSecret }: Observed, decision: Decision, now: Date): AppSecretStatus {
  const generation = appSecret.metadata.generation ?? 0;
  const statements: Statements = {
    Ready: ready(decision),
    Accepted: decision.accepted,
    Verified: verified(appSecret.spec, decision),
    Published: decision.published,
  };
  if (decision.progress !== undefined) {
    statements[decision.progress] = { ...ready(decision), status: "True" };
  }
  return {
    observedGeneration: generation,
    ...(decision.secret ? { secret: decision.secret } : {}),
    ...(decision.sources ? { sources: decision.sources } : {}),
    ...(decision.secret && decision.bound ? { binding: { name: decision.secret.name } } : {}),
    conditions: stamp(statements, appSecret.status?.conditions, generation, now),
  };
}

/** The summary: the first condition that stands in the way decides, and says what is still being served. */
function ready({ accepted, published, satisfied }: Decision): Statement {
  if (satisfied) return { ...published, status: "True" };
  if (accepted.status !== "False") return published;
  const kept = published.reason === Reason.KeptLastGood ? ` ${published.message}` : "";
  return { ...accepted, message: accepted.message + kept };
}

/** Live checks are not made yet, and what has not been checked holds nothing back. */
function verified(spec: AppSecretSpec, { published }: Decision): Statement {
  if (spec.type === "Custom" || spec.verify === "Off") {
    return { status: "True", reason: Reason.NotRequired, message: "Nothing is to be checked." };
  }
  if (published.reason === Reason.Disabled) {
    return {
      status: "True",
      reason: Reason.NotRequired,
      message: "Nothing is published, so nothing is to be checked.",
    };
  }
  return { status: "Unknown", reason: Reason.Pending, message: "No live check has been made yet." };
}

/**
 * The Event of a transition: `Ready` went to another status, or stays False for another reason. The first publication is
 * none, for the status says it already and each Event is one more write.
 */
export function notesFor(before: AppSecretStatus | undefined, after: AppSecretStatus): Note[] {
  const was = find(before?.conditions, "Ready");
  const is = find(after.conditions, "Ready");
  if (!is || (was?.status === is.status && was.reason === is.reason)) return [];
  if (is.status === "False") {
    return [{ type: "Warning", reason: is.reason, action: "Publish", message: is.message }];
  }
  if (was === undefined || is.status !== "True") return [];
  return [{ type: "Normal", reason: is.reason, action: "Publish", message: is.message }];
}

function find(conditions: readonly Condition[] | undefined, type: ConditionType): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}
