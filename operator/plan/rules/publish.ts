import {
  API_VERSION,
  CONTENT_VERSION_ANNOTATION,
  KIND,
  MANAGED_BY_LABEL,
  OPERATOR_NAME,
  OWNER_ANNOTATION,
  VERIFIED_ANNOTATION,
} from "#api/names";
import { Reason } from "#api/status";
import type { Action, DesiredSecret, Note } from "../actions.ts";
import type { Decision, Rule } from "../decision.ts";
import { ACCEPTED } from "../decision.ts";
import type { Facts } from "../facts.ts";
import { nextVersion, recordedVersion, restartFor } from "../restart.ts";
import type { Unstamped } from "../conditions.ts";
import { conditionOf, isPassing } from "../verdict.ts";

/**
 * The Secret that holds this generation still does, as far as metadata can tell: every input of its content is the one that
 * was recorded when it was written, and nobody wrote it since. All of that is in memory, also after a restart.
 */
export const upToDate: Rule = (facts) => {
  const { observed, isCheckDue, recorded, spec, targetName } = facts;
  if (isCheckDue || !recorded || !facts.wasPublished || !isAsRecorded(facts) || isNewlyVerified(facts))
    return undefined;
  const restart = restartFor(observed, spec, targetName);
  return {
    kind: "Decision",
    accepted: ACCEPTED,
    ...verified(facts),
    published: publishedCondition(facts, recorded.name, recorded.generation),
    satisfied: true,
    secret: { ...recorded, ...recordedVersion(restart?.version, recorded) },
    sources: observed.appSecret.status?.sources,
    bound: true,
    ...(restart ? { restart } : {}),
    withdraw: observed.owned.filter((secret) => secret.name !== recorded.name),
    retry: false,
  };
};

function isAsRecorded({ observed: { target }, recorded, ownershipProblem, hasSameHost }: Facts): boolean {
  if (!target || ownershipProblem !== undefined) return false;
  return target.uid === recorded?.uid && target.resourceVersion === recorded.resourceVersion && hasSameHost;
}

/** What was published without a yes has got one: its Secret must say so, for a later AppSecret may take the Secret over. */
function isNewlyVerified({ verdict, wasVerified }: Facts): boolean {
  return verdict?.answer === "Yes" && !wasVerified;
}

/** Where spec.restart counts the contents, the one that is about to be replaced must be known. */
export const ownSecretUnread: Rule = (facts) => {
  const counted = countedVersion(facts);
  return "read" in counted ? { kind: "ReadPublished", name: counted.read } : undefined;
};

/** Nothing stands in the way: write the Secret, then withdraw what was published under other names. */
export function publish(facts: Facts): Decision {
  const { observed, recorded, spec, targetName, data, sourceVersions } = facts;
  const { appSecret, target, owned } = observed;
  const counted = countedVersion(facts);
  const version = "read" in counted ? undefined : counted.version;
  const restart = version === undefined ? undefined : restartFor(observed, spec, targetName, version);
  const generation = appSecret.metadata.generation ?? 0;
  return {
    kind: "Decision",
    accepted: ACCEPTED,
    ...verified(facts),
    published: publishedCondition(facts, targetName, generation),
    satisfied: true,
    secret: {
      name: targetName,
      uid: target?.uid ?? "",
      resourceVersion: target?.resourceVersion ?? "",
      generation,
      ...recordedVersion(version, recorded),
      ...(facts.hasCheck ? { verified: facts.isContentVerified } : {}),
      keys: Object.keys(data).sort(),
    },
    sources: sourceVersions.length > 0 ? sourceVersions : undefined,
    bound: true,
    write: write(facts, desiredSecret(facts, version)),
    ...(restart ? { restart } : {}),
    withdraw: owned.filter((secret) => secret.name !== targetName),
    retry: false,
  };
}

function countedVersion({ observed, spec, data, wasPublished, hasSameHost }: Facts) {
  return nextVersion(observed, spec, data, wasPublished && hasSameHost);
}

/** What a check says of a Secret that is published. A no takes nothing away, but the AppSecret is no longer Ready. */
function verified({ verdict, verification, now }: Facts): Pick<Decision, "verified" | "verification" | "progress"> {
  if (!verdict || !verification) return {};
  return {
    verified: conditionOf(verdict),
    verification,
    ...(verdict.answer === "No" ? { progress: isPassing(verdict, verification, now) ? "Reconciling" : "Stalled" } : {}),
  };
}

/**
 * The Secret of a spec. Nothing of the AppSecret's own metadata is copied: Argo CD's tracking label or annotation on the
 * Secret would make it look like a resource of the application, to be pruned.
 *
 * @param version of the content, where it is counted (restart.ts)
 */
function desiredSecret(facts: Facts, version: number | undefined): DesiredSecret {
  const { observed, spec, targetName, data } = facts;
  const { name, uid } = observed.appSecret.metadata;
  return {
    name: targetName,
    labels: { ...spec.target.labels, [MANAGED_BY_LABEL]: OPERATOR_NAME },
    annotations: {
      ...spec.target.annotations,
      [OWNER_ANNOTATION]: name,
      ...(version === undefined ? {} : { [CONTENT_VERSION_ANNOTATION]: `${version}` }),
      ...(facts.isContentVerified ? { [VERIFIED_ANNOTATION]: "true" } : {}),
    },
    ...(spec.deletionPolicy === "Retain"
      ? {}
      : {
          ownerReference: {
            apiVersion: API_VERSION,
            kind: KIND,
            name,
            uid,
            controller: true,
            blockOwnerDeletion: false,
          },
        }),
    immutable: spec.target.immutable,
    data,
  };
}

function write(
  { observed: { appSecret, target }, recorded }: Facts,
  secret: DesiredSecret,
): Extract<Action, { kind: "CreateSecret" | "UpdateSecret" }> {
  const isRestored = recorded?.name === secret.name && recorded.generation === appSecret.metadata.generation;
  if (!target) {
    return {
      kind: "CreateSecret",
      secret,
      confirm: recorded !== undefined || secret.ownerReference === undefined,
      ...(isRestored ? { note: restored(`Secret "${secret.name}" was deleted and has been recreated.`) } : {}),
    };
  }
  const { uid, resourceVersion } = target;
  const isChanged = recorded?.resourceVersion !== resourceVersion;
  return {
    kind: "UpdateSecret",
    secret,
    uid,
    resourceVersion,
    confirm: isChanged,
    ...(isRestored && isChanged
      ? { note: restored(`Secret "${secret.name}" was modified by somebody else and has been restored.`) }
      : {}),
  };
}

function restored(message: string): Note {
  return { type: "Normal", reason: "Restored", action: "Publish", message };
}

function publishedCondition(
  { checkedSpec, isContentVerified, verdict }: Facts,
  name: string,
  generation: number,
): Unstamped {
  const holds = `Secret "${name}" holds generation ${generation}`;
  if (!checkedSpec || isContentVerified) return { status: "True", reason: Reason.Published, message: `${holds}.` };
  // A no stands in Ready itself.
  const obstacle = verdict && verdict.answer !== "No" ? ` ${verdict.message}` : "";
  return {
    status: "True",
    reason: Reason.PublishedUnverified,
    message: `${holds}, which was not verified.${obstacle}`,
  };
}
