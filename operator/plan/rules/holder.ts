import { Reason } from "#api/status";
import type { Rule } from "../decision.ts";
import { notWritten, withdrawAll } from "../decision.ts";

/** Without its label the holder's type would look free to the admission policy, so nothing is published. */
export const labelForbidden: Rule = (facts) => {
  if (facts.observed.refusal?.kind !== "HoldsForbidden") return undefined;
  const message =
    "The operator is not allowed to label AppSecrets. Check its Role and any admission policies. It retries automatically.";
  return notWritten(facts, Reason.Forbidden, message, "Reconciling");
};

/** Another AppSecret holds the type: this one publishes nothing, and what it published before is deleted. */
export const duplicate: Rule = ({ observed, rival, spec }) => {
  if (!rival) return undefined;
  const message =
    `AppSecret "${rival.name}" already holds the ${spec.type} of this namespace, and there can be only one. ` +
    `Delete one of the two.`;
  return {
    ...withdrawAll(observed),
    accepted: { status: "False", reason: Reason.Duplicate, message },
    published: { status: "False", reason: Reason.NotPublished, message: "A duplicate publishes nothing." },
    progress: "Stalled",
    satisfied: false,
  };
};
