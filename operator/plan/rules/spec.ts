import { Reason } from "#api/status";
import type { Rule } from "../decision.ts";
import { notAccepted } from "../decision.ts";

/** The API server applies the same rules at `kubectl apply`, so this is an object that was stored under an older CRD. */
export const invalidSpec: Rule = (facts) =>
  facts.problems.length > 0 ? notAccepted(facts, Reason.InvalidSpec, facts.problems.join(" "), "Stalled") : undefined;
