import { MAX_SECRET_BYTES } from "#api/names";
import { Reason } from "#api/status";
import { size } from "../content.ts";
import type { Rule } from "../decision.ts";
import { notAccepted } from "../decision.ts";

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
