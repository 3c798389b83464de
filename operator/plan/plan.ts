/**
 * The heart: what is observed in, what to do out. No I/O, no clock of its own, no memory. The same observation gives the
 * same plan, and a plan that was carried out is followed by an empty one.
 *
 * `plan` puts a decision into actions; `decide` goes down the list of what can stand in the way of publishing, the most
 * final first; `outcomes.ts` says what each of them writes and keeps, `status.ts` words it for people.
 */
import { isDeepStrictEqual } from "node:util";
import type { CheckRequest } from "#api/check";
import type { ObjectMeta } from "#common/object-meta";
import { CHECK_NOW_ANNOTATION, HOLDS_LABEL, MAX_SECRET_BYTES } from "#api/names";
import type { AppSecretSpec, SecretValue } from "#api/schema/spec";
import { parseSpec } from "#api/schema/spec";
import type { PublishedSecret } from "#api/status";
import { Reason } from "#api/status";
import type { Action, Plan } from "./actions.ts";
import { content, size } from "./content.ts";
import { desiredSecret } from "./desired.ts";
import type { Holder, Observed, Refusal } from "./observed.ts";
import type { Decision } from "./outcomes.ts";
import {
  beingVerified,
  disabled,
  duplicate,
  inPlace,
  notAllRestarted,
  notAccepted,
  notVerified,
  notWithdrawn,
  notWritten,
  publish,
  suspended,
} from "./outcomes.ts";
import { notOwned } from "./ownership.ts";
import { nextVersion, restartFor } from "./restart.ts";
import { resolveSources, sourceNames, sourceVersions } from "./sources.ts";
import { notesFor, statusFor } from "./status.ts";
import type { CheckedSpec, Judgement } from "./verification.ts";
import { isChecked, judgementOf, phaseOf, rememberedVerdict, checkSubjectOf } from "./verification.ts";

/**
 * A live check usually answers sooner than this, and then its answer is the first thing that the status says: one write
 * instead of two. At least so long, and up to three times as long by what is checked: a hundred checks that hang together
 * shall not have a hundred statuses written together, for which others would wait.
 */
const PATIENCE_MS = 2000;

/**
 * Decides what to do for one AppSecret.
 *
 * @param now written as `lastTransitionTime` of the conditions that change
 */
export function plan(observed: Observed, now: Date): Plan {
  const { appSecret } = observed;
  if (appSecret.metadata.deletionTimestamp !== undefined) return { actions: [], retry: false };

  const decided = decide(observed, now);
  if ("read" in decided) return { actions: [{ kind: "ReadSources", names: decided.read }], retry: false };
  if ("readPublished" in decided) {
    return { actions: [{ kind: "ReadPublished", name: decided.readPublished }], retry: false };
  }
  if ("check" in decided) {
    return { actions: [...claim(observed), { kind: "Check", request: decided.check }], retry: false };
  }
  if ("waitMs" in decided) {
    return { actions: claim(observed), retry: false, againMs: decided.waitMs, check: { state: "Running" } };
  }
  const decision = afterRefusal(observed, decided);

  const actions: Action[] = claim(observed);
  if (decision.publish) actions.push(decision.publish);
  if (decision.restart) actions.push(decision.restart);
  for (const secret of decision.withdraw) actions.push(withdrawal(observed, secret));

  const status = statusFor(observed, decision, now);
  if (decision.publish || !isDeepStrictEqual(status, appSecret.status)) {
    actions.push({ kind: "WriteStatus", status, publishes: decision.publish !== undefined });
    const notes = [...notesFor(appSecret.status, status), ...(decision.notes ?? [])];
    for (const note of notes) actions.push({ kind: "RecordEvent", note });
  }
  const check = checkAfter(observed, decision);
  return { actions, retry: decision.retry, ...(check ? { check } : {}) };
}

function withdrawal(observed: Observed, { name, uid, resourceVersion }: ObjectMeta): Action {
  const holder = otherHolder(observed);
  return { kind: "DeleteSecret", name, uid, resourceVersion, ...(holder ? { holder } : {}) };
}

/** Who makes this AppSecret a duplicate. */
function otherHolder({ appSecret, holder }: Observed): Holder | undefined {
  return holder?.uid === appSecret.metadata.uid ? undefined : holder;
}

/** What was refused after the Secret was written changes what the rest of the plan says. */
function afterRefusal(observed: Observed, decided: Decision): Decision {
  const { refusal } = observed;
  if (refusal?.kind === "DeleteForbidden") return notWithdrawn(observed, decided, refusal.name);
  if (refusal?.kind === "NotRestarted" && decided.restart) return notAllRestarted(observed, decided, refusal.workloads);
  return decided;
}

/** Goes on as long as its answer matters: to what is published, or to what is held back. */
function checkAfter(
  { appSecret, live }: Observed,
  { verified, verification, held, progress }: Decision,
): Plan["check"] {
  if (verification) {
    const settled = verified?.status === "True" || (verified?.status === "False" && progress === "Stalled");
    return { state: "Repeat", phase: phaseOf(appSecret), settled };
  }
  return live.check?.state === "Pending" || held ? { state: "Running" } : undefined;
}

/** The holder of a type carries the label, and nobody else: the admission policy refuses a second one by it (design §3). */
function claim({ appSecret, holder, refusal }: Observed): Action[] {
  if (refusal?.kind === "HoldsForbidden") return [];
  const holds = holder?.uid === appSecret.metadata.uid ? appSecret.spec.type : undefined;
  if (appSecret.metadata.labels?.[HOLDS_LABEL] === holds) return [];
  return [{ kind: "SetHolds", holds: holds ?? null }];
}

/** A decision, or what has to be known for one: Secrets to read, a check to make, or a little time. */
type Undecided = { read: string[] } | { readPublished: string } | { check: CheckRequest } | { waitMs: number };

function decide(observed: Observed, now: Date): Decision | Undecided {
  const { appSecret, target, live } = observed;
  const name = appSecret.metadata.name;

  const parsed = parseSpec(appSecret.spec);
  if (!parsed.ok) return notAccepted(observed, Reason.InvalidSpec, parsed.problems.join(" "), "Stalled");
  const spec = parsed.spec;

  if (observed.refusal?.kind === "HoldsForbidden") {
    const message = `The operator may not label AppSecrets: look at its Role and at admission policies. It tries again by itself.`;
    return notWritten(observed, Reason.Forbidden, message, "Reconciling");
  }
  const holder = otherHolder(observed);
  if (holder) {
    const message =
      `AppSecret "${holder.name}" already holds the ${spec.type} of this namespace, and there can be only one. ` +
      `Delete one of the two.`;
    return duplicate(observed, message);
  }
  if (spec.suspend) return suspended(observed);
  if (spec.type === "Authentication" && !spec.authentication.enabled) return disabled(observed);

  const targetName = spec.target.name ?? name;
  if (sourceNames(spec).includes(targetName)) {
    const message = `Secret "${targetName}" is what this AppSecret publishes, so it cannot also be one of its sources.`;
    return notAccepted(observed, Reason.InvalidSpec, message, "Stalled");
  }
  const checked = isChecked(spec) ? spec : undefined;
  const judgement = checked && judgementOf(observed, checked);
  const mustAsk = checked && (live.due !== undefined || (!judgement && live.check === undefined));
  const recorded = appSecret.status?.secret;
  const isPublished = recorded?.name === targetName && isLatest(observed, spec, recorded);
  if (!mustAsk) {
    // All that these need is in memory, also after a restart.
    if (isPublished && isInPlace(observed, recorded, judgement)) {
      return inPlace(observed, recorded, judgement, restartFor(observed, spec, targetName));
    }
    // What has been published before is put back when somebody changed it, whatever the check says by now.
    if (judgement && !judgement.allows && !isPublished) return notVerified(observed, judgement);
  }

  const sources = resolveSources(spec, observed.sources);
  if (sources.kind === "Unread") return { read: sources.names };
  if (sources.kind === "Missing") return notAccepted(observed, sources.reason, sources.message, "Reconciling");

  const made = content(spec, sources.read, judgement?.verification.host);
  if (!made.ok) return notAccepted(observed, Reason.InvalidSpec, made.problem, "Stalled");
  const bytes = size(made.data);
  if (bytes > MAX_SECRET_BYTES) {
    const message =
      `The values add up to ${bytes} bytes, and a Secret holds at most ${MAX_SECRET_BYTES}. ` +
      `Divide them among several AppSecrets.`;
    return notAccepted(observed, Reason.InvalidSpec, message, "Stalled");
  }

  const foreign = target && notOwned(target, name);
  if (foreign !== undefined) return notWritten(observed, Reason.SecretNotOwned, foreign, "Stalled");

  if (mustAsk) return { check: checkRequest(observed, checked, sources.read) };
  if (checked && !judgement) {
    const waited = live.check?.state === "Pending" ? now.getTime() - live.check.since.getTime() : 0;
    const patienceMs = PATIENCE_MS * (1 + 2 * phaseOf(appSecret));
    return waited < patienceMs ? { waitMs: patienceMs - waited } : beingVerified(observed);
  }
  const { refusal } = observed;
  if (refusal && refusal.kind !== "DeleteForbidden" && refusal.kind !== "NotRestarted") {
    return answerRefusal(observed, refusal, targetName, judgement);
  }

  const counted = nextVersion(observed, spec, made.data, isPublished && hasSameHost(observed, judgement));
  if ("read" in counted) return { readPublished: counted.read };
  const { version } = counted;
  const secret = desiredSecret(appSecret, spec, targetName, made.data, version);
  const restart = version === undefined ? undefined : restartFor(observed, spec, targetName, version);
  return publish(observed, secret, sources.versions, judgement, version, restart);
}

function checkRequest(observed: Observed, spec: CheckedSpec, read: (value: SecretValue) => string): CheckRequest {
  const { appSecret, live } = observed;
  const stands = rememberedVerdict(observed, spec);
  const checkNow = appSecret.metadata.annotations?.[CHECK_NOW_ANNOTATION];
  const fresh = live.due?.fresh ?? false;
  return {
    subject: checkSubjectOf(spec, read),
    inputs: live.inputs,
    phase: phaseOf(appSecret),
    ...(stands ? { stands } : {}),
    fresh,
    ...(fresh && checkNow !== undefined ? { checkNow } : {}),
  };
}

/** Was this generation published, with its sources as they are now? */
function isLatest({ appSecret, sources }: Observed, spec: AppSecretSpec, { generation }: PublishedSecret): boolean {
  return (
    generation === appSecret.metadata.generation &&
    isDeepStrictEqual(appSecret.status?.sources ?? [], sourceVersions(spec, sources))
  );
}

/**
 * Does the Secret that holds this generation still do so, as far as metadata can tell? Every input of its content is the
 * one that was recorded when it was written, and nobody wrote it since. This makes a restart free of reads and writes.
 */
function isInPlace(
  { appSecret, target }: Observed,
  { uid, resourceVersion }: PublishedSecret,
  judgement: Judgement | undefined,
): boolean {
  if (!target || notOwned(target, appSecret.metadata.name) !== undefined) return false;
  if (target.uid !== uid || target.resourceVersion !== resourceVersion) return false;
  return hasSameHost({ appSecret }, judgement);
}

/** What is published of an Atlas cluster, beside what the spec and its sources say. */
function hasSameHost({ appSecret }: Pick<Observed, "appSecret">, judgement: Judgement | undefined): boolean {
  return judgement === undefined || judgement.verification.host === appSecret.status?.verification?.host;
}

function answerRefusal(
  observed: Observed,
  refusal: Exclude<Refusal, { kind: "DeleteForbidden" | "HoldsForbidden" | "NotRestarted" }>,
  secret: string,
  judgement: Judgement | undefined,
): Decision {
  switch (refusal.kind) {
    case "Forbidden": {
      const message =
        `The operator may not write Secret "${secret}": look at its Role, at admission policies and at the namespace's ` +
        `ResourceQuota. It tries again by itself.`;
      return notWritten(observed, Reason.Forbidden, message, "Reconciling", judgement);
    }
    case "Immutable": {
      const message = `Secret "${secret}" is immutable and its content would change. Delete it, or choose another spec.target.name.`;
      return notWritten(observed, Reason.KeptLastGood, message, "Stalled", judgement);
    }
    case "NotOpaque": {
      const message = `Secret "${secret}" is not of type Opaque. Delete it, or choose another spec.target.name.`;
      return notWritten(observed, Reason.SecretNotOwned, message, "Stalled", judgement);
    }
    case "Refused": {
      const message = `The API server refused to write Secret "${secret}" (${refusal.reason}). The operator tries again by itself.`;
      return notWritten(observed, Reason.Forbidden, message, "Reconciling", judgement);
    }
  }
}
