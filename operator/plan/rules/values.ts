/** The values to publish: where they are read from, and whether they are good. */
import { MAX_SECRET_BYTES } from "#api/names";
import { Reason } from "#api/status";
import { size } from "../content.ts";
import type { Rule } from "../decision.ts";
import { notAccepted } from "../decision.ts";
import { sourceNames } from "../sources.ts";

/** Publishing makes the Secret's content exact, so it would remove the very key that the AppSecret reads. */
export const ownSecretAsSource: Rule = (facts) => {
  const { spec, targetName, types } = facts;
  if (!sourceNames(spec, types).includes(targetName)) return undefined;
  const message =
    `This AppSecret publishes Secret "${targetName}", so it cannot also read values from it. ` +
    `Choose another spec.target.name or another source.`;
  return notAccepted(facts, Reason.InvalidSpec, message, "Stalled");
};

export const sourcesUnread: Rule = ({ sources }) =>
  sources.kind === "Unread" ? { kind: "ReadSources", names: sources.names } : undefined;

/** A Secret or a key that does not exist yet, or that the operator is not allowed to read. */
export const sourceMissing: Rule = (facts) => {
  const { sources } = facts;
  return sources.kind === "Missing" ? notAccepted(facts, sources.reason, sources.message, "Reconciling") : undefined;
};

/** A value from a source that the CRD would refuse as a literal. */
export const invalidContent: Rule = (facts) =>
  facts.content.ok ? undefined : notAccepted(facts, Reason.InvalidSpec, facts.content.problem, "Stalled");

export const tooLarge: Rule = (facts) => {
  const bytes = size(facts.data);
  if (bytes <= MAX_SECRET_BYTES) return undefined;
  const message =
    `The values add up to ${bytes} bytes, and a Secret holds at most ${MAX_SECRET_BYTES}. ` +
    `Split them across several AppSecrets.`;
  return notAccepted(facts, Reason.InvalidSpec, message, "Stalled");
};
