import { Reason } from "#api/status";
import type { Rule } from "../decision.ts";
import { notAccepted } from "../decision.ts";
import { sourceNames } from "../sources.ts";

/** Publishing makes the Secret's content exact, so it would remove the very key that the AppSecret reads. */
export const ownSecretAsSource: Rule = (facts) => {
  const { spec, targetName } = facts;
  if (!sourceNames(spec).includes(targetName)) return undefined;
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
