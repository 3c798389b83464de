/** What a rule can answer, and how a decision that leaves the published Secret alone describes it. */
import type { CheckRequest } from "#api/check";
import type { PublishedSecret, SourceVersion, Verification } from "#api/status";
import { Reason } from "#api/status";
import type { Action, Note, RestartWorkloads } from "./actions.ts";
import type { Facts } from "./facts.ts";
import type { Observed, SecretMeta } from "./observed.ts";
import type { Unstamped } from "./conditions.ts";

/** Answers with the next step where it has something to say, else leaves it to the rules after it. */
export type Rule = (facts: Facts) => Step | undefined;

/** The next step: something that must be known before there can be a decision, or the decision. */
export type Step =
  | Extract<Action, { kind: "ReadSources" | "ReadPublished" }>
  | { kind: "Check"; request: CheckRequest }
  | { kind: "Wait"; ms: number }
  | Decision;

export type Decision = {
  kind: "Decision";
  accepted: Unstamped;
  /** Absent: nothing was checked, since `accepted` or `published` stands in the way. */
  verified?: Unstamped;
  verification?: Verification;
  /** The live check, and nothing else, keeps this generation from being published. */
  held?: boolean;
  published: Unstamped;
  /** Stalled: a person must act. Reconciling: the obstacle can go away without one. Absent: there is nothing to wait for. */
  progress?: "Stalled" | "Reconciling";
  /** The cluster is as the spec wants it. That includes no Secret, where the AppSecret is disabled or suspended. */
  satisfied: boolean;
  /** The next `status.secret`. uid and resourceVersion are those before `write`, and empty where it creates the Secret. */
  secret: PublishedSecret | undefined;
  sources: SourceVersion[] | undefined;
  /** `status.secret` exists, so workloads may bind to it. */
  bound: boolean;
  write?: Extract<Action, { kind: "CreateSecret" | "UpdateSecret" }>;
  /** After `write`. */
  restart?: RestartWorkloads;
  withdraw: readonly SecretMeta[];
  /** Come back after a backoff: no event tells when the obstacle goes away. */
  retry: boolean;
  /** Events beside that of `Ready`, recorded when the status changes. */
  notes?: Note[];
};

export const ACCEPTED: Unstamped = {
  status: "True",
  reason: Reason.Accepted,
  message: "The spec is valid and everything it refers to exists.",
};

/** The spec, or something that it refers to, is not good: what is published stays as it is (last known good). */
export function notAccepted(
  { observed }: Pick<Facts, "observed">,
  reason: Reason,
  message: string,
  progress: "Stalled" | "Reconciling",
): Decision {
  return {
    ...keep(observed),
    accepted: { status: "False", reason, message },
    progress,
    satisfied: false,
    // No event tells when a Role is corrected.
    retry: reason === Reason.Forbidden,
  };
}

/**
 * The spec is good but its Secret cannot be written: what is published stays as it is.
 *
 * @param verified what the live check said, where there was one
 */
export function notWritten(
  { observed }: Pick<Facts, "observed">,
  reason: Reason,
  message: string,
  progress: "Stalled" | "Reconciling",
  verified?: Unstamped,
): Decision {
  const kept = keep(observed);
  const served = kept.secret ? ` ${kept.published.message}` : "";
  return {
    ...kept,
    accepted: ACCEPTED,
    ...(verified ? { verified } : {}),
    published: { status: "False", reason, message: message + served },
    progress,
    satisfied: false,
    retry: progress === "Reconciling",
  };
}

/** Nothing is written: the record stays, and so does the Secret if it still exists. */
export function keep({ appSecret, owned }: Observed): Omit<Decision, "accepted" | "satisfied"> {
  const recorded = appSecret.status?.secret;
  const kept = recorded && owned.find(({ uid }) => uid === recorded.uid);
  return {
    kind: "Decision",
    published: keptCondition(recorded, kept),
    secret: recorded,
    sources: appSecret.status?.sources,
    bound: kept !== undefined,
    withdraw: [],
    retry: false,
  };
}

function keptCondition(recorded: PublishedSecret | undefined, kept: SecretMeta | undefined): Unstamped {
  if (!recorded) {
    return { status: "False", reason: Reason.NotPublished, message: "Nothing has been published yet." };
  }
  const { name, generation, resourceVersion } = recorded;
  if (!kept) {
    const message = `Secret "${name}" (generation ${generation}) was deleted and cannot be restored until this error is fixed.`;
    return { status: "False", reason: Reason.NotPublished, message };
  }
  const message =
    kept.resourceVersion === resourceVersion
      ? `Secret "${name}" still holds generation ${generation}.`
      : `Secret "${name}" (generation ${generation}) was modified after it was published and will be restored once this error is fixed.`;
  return { status: "False", reason: Reason.KeptLastGood, message };
}

/** Everything that this AppSecret published is deleted. */
export function withdrawAll({ owned }: Observed): Omit<Decision, "accepted" | "published" | "satisfied"> {
  return { kind: "Decision", secret: undefined, sources: undefined, bound: false, withdraw: owned, retry: false };
}
