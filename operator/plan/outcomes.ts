/** The ways in which a decision can end, each with what it writes, what stays published and what it tells people. */
import type { ObjectMeta } from "#common/object-meta";
import type { Workload } from "#api/schema/restart";
import type { AppSecretSpec } from "#api/schema/spec";
import type { PublishedSecret, SourceVersion, Verification } from "#api/status";
import { Reason } from "#api/status";
import type { Action, DesiredSecret, Note, RestartWorkloads } from "./actions.ts";
import type { Statement } from "./conditions.ts";
import type { Observed } from "./observed.ts";
import { notRestarted, recordedVersion } from "./restart.ts";
import type { Judgement } from "./verification.ts";
import { isChecked } from "./verification.ts";

export type Decision = {
  accepted: Statement;
  /** Absent: nothing was asked, for what is said about the rest stands in the way. */
  verified?: Statement;
  verification?: Verification;
  /** The live check, and nothing else, keeps this generation from being published. */
  held?: boolean;
  published: Statement;
  /** Stalled: only a person can change it. Reconciling: it may come by itself. Neither: there is nothing to wait for. */
  progress?: "Stalled" | "Reconciling";
  /** Nothing that was asked for is missing, although the Secret may be: disabled and suspended are what was asked for. */
  satisfied: boolean;
  /** What `status.secret` says from now on; uid and resourceVersion are empty where `publish` is still to give them. */
  secret: PublishedSecret | undefined;
  sources: SourceVersion[] | undefined;
  /** `status.secret` exists, so workloads may bind to it. */
  bound: boolean;
  publish?: Extract<Action, { kind: "CreateSecret" | "UpdateSecret" }>;
  /** After `publish`. */
  restart?: RestartWorkloads;
  withdraw: readonly ObjectMeta[];
  retry: boolean;
  /** Events beside that of `Ready`, recorded when the status changes. */
  notes?: Note[];
};

const ACCEPTED: Statement = {
  status: "True",
  reason: Reason.Accepted,
  message: "The spec is valid and everything that it refers to exists.",
};

/** The spec, or something that it refers to, is not good: what is published stays as it is (last known good). */
export function notAccepted(
  observed: Observed,
  reason: Reason,
  message: string,
  progress: "Stalled" | "Reconciling",
): Decision {
  return {
    ...unchanged(observed),
    accepted: { status: "False", reason, message },
    progress,
    satisfied: false,
    // A Role that is mended gives no event.
    retry: reason === Reason.Forbidden,
  };
}

/** The spec is good but its Secret cannot be written: what is published stays as it is. */
export function notWritten(
  observed: Observed,
  reason: Reason,
  message: string,
  progress: "Stalled" | "Reconciling",
  judgement?: Judgement,
): Decision {
  const before = unchanged(observed);
  const note = before.secret ? ` ${before.published.message}` : "";
  return {
    ...before,
    accepted: ACCEPTED,
    ...(judgement ? { verified: judgement.verified } : {}),
    published: { status: "False", reason, message: message + note },
    progress,
    satisfied: false,
    retry: progress === "Reconciling",
  };
}

/** The live check does not allow it, or not yet: what is published stays as it is. */
export function notVerified(observed: Observed, { verified, passing, verification }: Judgement): Decision {
  return {
    ...unchanged(observed),
    accepted: ACCEPTED,
    verified,
    verification,
    held: true,
    progress: passing ? "Reconciling" : "Stalled",
    satisfied: false,
  };
}

/** The first check of these inputs takes its time. */
export function beingVerified(observed: Observed): Decision {
  return {
    ...unchanged(observed),
    accepted: ACCEPTED,
    verified: { status: "Unknown", reason: Reason.Pending, message: "The live check is under way." },
    held: true,
    progress: "Reconciling",
    satisfied: false,
  };
}

/**
 * A Secret that is to go may not be deleted. The one to take its place has been written by now, but the status goes on
 * recording the old one: a Retained Secret is ours by that record alone, and would be forgotten.
 *
 * @param decision what was decided, as if the delete were allowed
 * @param name of the Secret that is still there
 */
export function notWithdrawn(observed: Observed, decision: Decision, name: string): Decision {
  const { publish: _written, restart: _restarted, ...rest } = decision;
  const recorded = observed.appSecret.status?.secret;
  const message =
    `The operator may not delete Secret "${name}", which is to go: look at its Role and at admission policies. ` +
    `It tries again by itself.`;
  return {
    ...rest,
    published: { status: "False", reason: Reason.Forbidden, message },
    progress: decision.progress ?? "Reconciling",
    satisfied: false,
    ...(recorded ? { secret: recorded, sources: observed.appSecret.status?.sources } : {}),
    withdraw: [],
    retry: true,
  };
}

/**
 * Some workloads may not be restarted. What is published is as it is to be, so the AppSecret is as ready as before; that the
 * status does not count this content yet has the restart tried again.
 */
export function notAllRestarted(
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

/** Another one holds the type: nothing of this AppSecret's may be published (design §3). */
export function duplicate(observed: Observed, message: string): Decision {
  return {
    ...nothing(observed),
    accepted: { status: "False", reason: Reason.Duplicate, message },
    published: { status: "False", reason: Reason.NotPublished, message: "A duplicate publishes nothing." },
    progress: "Stalled",
    satisfied: false,
  };
}

/** `authentication.enabled: false`: a published Secret is withdrawn. */
export function disabled(observed: Observed): Decision {
  return {
    ...nothing(observed),
    accepted: { ...ACCEPTED, message: "The spec is valid." },
    published: {
      status: "False",
      reason: Reason.Disabled,
      message: "Nothing is published while spec.authentication.enabled is false.",
    },
    satisfied: true,
  };
}

/** `suspend: true`: whatever is published stays, and nothing is read or written. */
export function suspended(observed: Observed): Decision {
  const message = "Nothing is read or written until spec.suspend is false; what is published stays as it is.";
  return {
    ...unchanged(observed),
    accepted: { status: "Unknown", reason: Reason.Suspended, message },
    published: { status: "False", reason: Reason.Suspended, message },
    satisfied: true,
  };
}

/** The Secret holds what this generation asks: nothing to write. */
export function inPlace(
  observed: Observed,
  recorded: PublishedSecret,
  judgement: Judgement | undefined,
  restart: RestartWorkloads | undefined,
): Decision {
  return {
    accepted: ACCEPTED,
    ...judged(judgement),
    published: publishedStatement(recorded.name, recorded.generation),
    satisfied: true,
    secret: { ...recorded, ...recordedVersion(restart?.version, recorded) },
    sources: observed.appSecret.status?.sources,
    bound: true,
    ...(restart ? { restart } : {}),
    withdraw: observed.owned.filter((secret) => secret.name !== recorded.name),
    retry: false,
  };
}

/** Write the Secret, then withdraw what was published under other names. */
export function publish(
  observed: Observed,
  secret: DesiredSecret,
  sources: SourceVersion[],
  judgement: Judgement | undefined,
  version: number | undefined,
  restart: RestartWorkloads | undefined,
): Decision {
  const { appSecret, target } = observed;
  const recorded = appSecret.status?.secret;
  const generation = appSecret.metadata.generation ?? 0;
  const same = recorded?.name === secret.name && recorded.generation === generation;
  return {
    accepted: ACCEPTED,
    ...judged(judgement),
    published: publishedStatement(secret.name, generation),
    satisfied: true,
    secret: {
      name: secret.name,
      uid: target?.uid ?? "",
      resourceVersion: target?.resourceVersion ?? "",
      generation,
      ...recordedVersion(version, recorded),
      keys: Object.keys(secret.data).sort(),
    },
    sources: sources.length > 0 ? sources : undefined,
    bound: true,
    publish: target
      ? {
          kind: "UpdateSecret",
          secret,
          uid: target.uid,
          resourceVersion: target.resourceVersion,
          confirm: recorded?.resourceVersion !== target.resourceVersion,
          ...(same && recorded.resourceVersion !== target.resourceVersion
            ? { note: restored(`Secret "${secret.name}" was changed by somebody else and has been put right.`) }
            : {}),
        }
      : {
          kind: "CreateSecret",
          secret,
          confirm: recorded !== undefined || secret.ownerReference === undefined,
          ...(same ? { note: restored(`Secret "${secret.name}" was deleted and has been made again.`) } : {}),
        },
    ...(restart ? { restart } : {}),
    withdraw: observed.owned.filter((owned) => owned.name !== secret.name),
    retry: false,
  };
}

/** What a check says of what is published. A no takes nothing away (design §5), and is for a person to see. */
function judged(judgement: Judgement | undefined): Pick<Decision, "verified" | "verification" | "progress"> {
  if (!judgement) return {};
  const { verified, verification, passing } = judgement;
  return {
    verified,
    verification,
    ...(verified.status === "False" ? { progress: passing ? "Reconciling" : "Stalled" } : {}),
  };
}

function restored(message: string): Note {
  return { type: "Normal", reason: "Restored", action: "Publish", message };
}

function publishedStatement(name: string, generation: number): Statement {
  return {
    status: "True",
    reason: Reason.Published,
    message: `Secret "${name}" holds generation ${generation}.`,
  };
}

/** Nothing is written: the record stays, and so does the Secret if it still exists. */
function unchanged({ appSecret, owned }: Observed): Omit<Decision, "accepted" | "satisfied"> {
  const recorded = appSecret.status?.secret;
  const kept = recorded && owned.find(({ uid }) => uid === recorded.uid);
  return {
    published: keptStatement(recorded, kept),
    secret: recorded,
    sources: appSecret.status?.sources,
    bound: kept !== undefined,
    withdraw: [],
    retry: false,
  };
}

function keptStatement(recorded: PublishedSecret | undefined, kept: ObjectMeta | undefined): Statement {
  if (!recorded) {
    return { status: "False", reason: Reason.NotPublished, message: "Nothing has been published yet." };
  }
  const secret = `Secret "${recorded.name}"`;
  const held = `held generation ${recorded.generation}`;
  if (!kept) {
    const message = `${secret}, which ${held}, is gone and cannot be restored until this is repaired.`;
    return { status: "False", reason: Reason.NotPublished, message };
  }
  const message =
    kept.resourceVersion === recorded.resourceVersion
      ? `${secret} still holds generation ${recorded.generation}.`
      : `${secret} ${held} and was changed since; it is put right once this is repaired.`;
  return { status: "False", reason: Reason.KeptLastGood, message };
}

/** Everything that this AppSecret published goes. */
function nothing({ owned }: Observed): Omit<Decision, "accepted" | "published" | "satisfied"> {
  return { secret: undefined, sources: undefined, bound: false, withdraw: owned, retry: false };
}

/** What `Verified` says where nothing was asked. */
export function unverified(spec: AppSecretSpec, { published }: Decision): Statement {
  if (!isChecked(spec)) return { status: "True", reason: Reason.NotRequired, message: "Nothing is to be checked." };
  if (published.reason === Reason.Disabled) {
    return {
      status: "True",
      reason: Reason.NotRequired,
      message: "Nothing is published, so nothing is to be checked.",
    };
  }
  return { status: "Unknown", reason: Reason.Pending, message: "No live check has been made of this version." };
}
