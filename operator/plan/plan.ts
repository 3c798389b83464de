/**
 * The heart: what is observed in, what to do out. No I/O, no clock of its own, no memory. The same observation gives the
 * same plan, and a plan that was carried out is followed by an empty one.
 *
 * `plan` puts a decision into actions; `decide` goes down the list of what can stand in the way of publishing, the most
 * final first; `outcomes.ts` says what each of them writes and keeps, `status.ts` words it for people.
 */
import { isDeepStrictEqual } from "node:util";
import { HOLDS_LABEL, MAX_SECRET_BYTES } from "../api/names.ts";
import type { AppSecretSpec } from "../api/schema.ts";
import { parseSpec } from "../api/schema.ts";
import type { PublishedSecret } from "../api/status.ts";
import { Reason } from "../api/status.ts";
import type { Action, Plan } from "./actions.ts";
import { content, size } from "./content.ts";
import { desiredSecret } from "./desired.ts";
import type { Observed, Refusal } from "./observed.ts";
import type { Decision } from "./outcomes.ts";
import { disabled, duplicate, inPlace, notAccepted, notWithdrawn, notWritten, publish, suspended } from "./outcomes.ts";
import { notOwned } from "./ownership.ts";
import { resolveSources, sourceNames } from "./sources.ts";
import { notesFor, statusFor } from "./status.ts";

/**
 * Decides what to do for one AppSecret.
 *
 * @param now written as `lastTransitionTime` of the conditions that change
 */
export function plan(observed: Observed, now: Date): Plan {
  const { appSecret } = observed;
  if (appSecret.metadata.deletionTimestamp !== undefined) return { actions: [], retry: false };

  const decided = decide(observed);
  if ("read" in decided) return { actions: [{ kind: "ReadSources", names: decided.read }], retry: false };
  const decision =
    observed.refusal?.kind === "DeleteForbidden" ? notWithdrawn(observed, decided, observed.refusal.name) : decided;

  const actions: Action[] = claim(observed);
  if (decision.publish) actions.push(decision.publish);
  for (const secret of decision.withdraw) actions.push({ kind: "DeleteSecret", name: secret.name, uid: secret.uid });

  const status = statusFor(observed, decision, now);
  if (decision.publish || !isDeepStrictEqual(status, appSecret.status)) {
    actions.push({ kind: "WriteStatus", status, publishes: decision.publish !== undefined });
    for (const note of notesFor(appSecret.status, status)) actions.push({ kind: "RecordEvent", note });
  }
  return { actions, retry: decision.retry };
}

/** The holder of a type carries the label, and nobody else: the admission policy refuses a second one by it (design §3). */
function claim({ appSecret, holder }: Observed): Action[] {
  const holds = holder?.uid === appSecret.metadata.uid ? appSecret.spec.type : undefined;
  if (appSecret.metadata.labels?.[HOLDS_LABEL] === holds) return [];
  return [{ kind: "SetHolds", holds: holds ?? null }];
}

function decide(observed: Observed): Decision | { read: string[] } {
  const { appSecret, holder, target } = observed;
  const name = appSecret.metadata.name;

  const parsed = parseSpec(appSecret.spec);
  if (!parsed.ok) return notAccepted(observed, Reason.InvalidSpec, parsed.problems.join(" "), "Stalled");
  const spec = parsed.spec;

  if (holder !== undefined && holder.uid !== appSecret.metadata.uid) {
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
  const recorded = appSecret.status?.secret;
  if (recorded?.name === targetName && isInPlace(observed, spec, recorded)) return inPlace(observed, recorded);

  const sources = resolveSources(spec, observed.sources);
  if (sources.kind === "Unread") return { read: sources.names };
  if (sources.kind === "Missing") return notAccepted(observed, sources.reason, sources.message, "Reconciling");

  const made = content(spec, sources.read);
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
  if (observed.refusal && observed.refusal.kind !== "DeleteForbidden")
    return answerRefusal(observed, observed.refusal, targetName);

  return publish(observed, desiredSecret(appSecret, spec, targetName, made.data), sources.versions);
}

/**
 * Does the Secret hold what this generation asks, as far as metadata can tell? Every input of its content is the one that
 * was recorded when it was written, and nobody wrote it since. This makes a restart free of reads and writes.
 */
function isInPlace(
  { appSecret, target, sources }: Observed,
  spec: AppSecretSpec,
  { uid, resourceVersion, generation }: PublishedSecret,
): boolean {
  if (!target || notOwned(target, appSecret.metadata.name) !== undefined) return false;
  if (target.uid !== uid || target.resourceVersion !== resourceVersion) return false;
  if (generation !== appSecret.metadata.generation) return false;
  const versions = appSecret.status?.sources ?? [];
  return (
    versions.length === sourceNames(spec).length &&
    versions.every((version) => {
      const source = sources.get(version.name);
      return source?.found === true && source.uid === version.uid && source.resourceVersion === version.resourceVersion;
    })
  );
}

function answerRefusal(
  observed: Observed,
  refusal: Exclude<Refusal, { kind: "DeleteForbidden" }>,
  secret: string,
): Decision {
  switch (refusal.kind) {
    case "Forbidden": {
      const message =
        `The operator may not write Secret "${secret}": look at its Role, at admission policies and at the namespace's ` +
        `ResourceQuota. It tries again by itself.`;
      return notWritten(observed, Reason.Forbidden, message, "Reconciling");
    }
    case "Immutable": {
      const message = `Secret "${secret}" is immutable and its content would change. Delete it, or choose another spec.target.name.`;
      return notWritten(observed, Reason.KeptLastGood, message, "Stalled");
    }
    case "NotOpaque": {
      const message = `Secret "${secret}" is not of type Opaque. Delete it, or choose another spec.target.name.`;
      return notWritten(observed, Reason.SecretNotOwned, message, "Stalled");
    }
    case "Refused": {
      const message = `The API server refused to write Secret "${secret}" (${refusal.reason}). The operator tries again by itself.`;
      return notWritten(observed, Reason.Forbidden, message, "Reconciling");
    }
  }
}
