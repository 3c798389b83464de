/** What the spec says of itself. */
import { Reason } from "#api/status";
import type { Rule } from "../decision.ts";
import { ACCEPTED, keep, notAccepted, withdrawAll } from "../decision.ts";

/** The API server applies the same rules at `kubectl apply`, so this is an object that was stored under an older CRD. */
export const invalidSpec: Rule = (facts) =>
  facts.problems.length > 0 ? notAccepted(facts, Reason.InvalidSpec, facts.problems.join(" "), "Stalled") : undefined;

/** `suspend: true`: what is published stays, and nothing is read or written. */
export const suspended: Rule = ({ observed, spec }) => {
  if (!spec.suspend) return undefined;
  const message =
    "Reconciliation is suspended and any published Secret stays as it is. To resume, set spec.suspend to false.";
  return {
    ...keep(observed),
    accepted: { status: "Unknown", reason: Reason.Suspended, message },
    published: { status: "False", reason: Reason.Suspended, message },
    satisfied: true,
  };
};

/** Such as `authentication.enabled: false`: a published Secret is withdrawn. */
export const disabled: Rule = ({ observed, disabledBecause }) => {
  if (disabledBecause === undefined) return undefined;
  return {
    ...withdrawAll(observed),
    accepted: { ...ACCEPTED, message: "The spec is valid." },
    published: { status: "False", reason: Reason.Disabled, message: disabledBecause },
    satisfied: true,
  };
};
