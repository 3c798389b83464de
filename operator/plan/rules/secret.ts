import { Reason } from "#api/status";
import type { Rule } from "../decision.ts";
import { notWritten } from "../decision.ts";
import type { Facts } from "../facts.ts";
import type { Refusal, SecretRefusal } from "../observed.ts";
import { conditionOf } from "../verdict.ts";

/** A Secret of the target's name exists that this AppSecret does not own. It is checked before the values are sent anywhere. */
export const secretNotOwned: Rule = (facts) =>
  facts.ownershipProblem === undefined
    ? undefined
    : notWritten(facts, Reason.SecretNotOwned, facts.ownershipProblem, "Stalled");

/** The API server refused the Secret. Refusals of what comes after it are no reason not to publish: see refusals.ts. */
export const writeRefused: Rule = (facts) => {
  const { refusal } = facts.observed;
  return refusal && concernsSecret(refusal) ? answer(facts, refusal) : undefined;
};

function concernsSecret(refusal: Refusal): refusal is SecretRefusal {
  return !(refusal.kind === "HoldsForbidden" || refusal.kind === "DeleteForbidden" || refusal.kind === "NotRestarted");
}

function answer(facts: Facts, refusal: SecretRefusal) {
  const { targetName, verdict } = facts;
  const verified = verdict && conditionOf(verdict);
  switch (refusal.kind) {
    case "Forbidden": {
      const message =
        `The operator is not allowed to write Secret "${targetName}". Check its Role, any admission policies and the ` +
        `namespace's ResourceQuota. It retries automatically.`;
      return notWritten(facts, Reason.Forbidden, message, "Reconciling", verified);
    }
    case "Immutable": {
      const message = `Secret "${targetName}" is immutable, but its content must change. Delete it, or choose another spec.target.name.`;
      return notWritten(facts, Reason.KeptLastGood, message, "Stalled", verified);
    }
    case "NotOpaque": {
      const message = `Secret "${targetName}" is not of type Opaque. Delete it, or choose another spec.target.name.`;
      return notWritten(facts, Reason.SecretNotOwned, message, "Stalled", verified);
    }
    case "Refused": {
      const message = `The API server rejected the write of Secret "${targetName}" (${refusal.reason}). The operator retries automatically.`;
      return notWritten(facts, Reason.Forbidden, message, "Reconciling", verified);
    }
  }
}
