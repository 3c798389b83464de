/** Content that was verified is not replaced by content that the live check did not confirm. */
import type { Verdict } from "#api/check";
import { Reason } from "#api/status";
import type { Rule } from "../decision.ts";
import { ACCEPTED, keep } from "../decision.ts";
import type { SecretMeta } from "../observed.ts";
import { contentOf } from "../observed.ts";
import { conditionOf, isPassing } from "../verdict.ts";

/** Whether an update changes what was verified is known by comparing it with the Secret: no hash of a value is kept anywhere. */
export const verifiedUnread: Rule = ({ observed, replacedUnconfirmed }) => {
  const unread = replacedUnconfirmed.find((secret) => !contentOf(observed, secret));
  return unread && { kind: "ReadPublished", name: unread.name };
};

/** Without a verdict `spec.verify` is "Off": the user who writes that wants the update unchecked. */
export const keptVerified: Rule = (facts) => {
  const { observed, verdict, verification, replacedUnconfirmed } = facts;
  const [kept] = replacedUnconfirmed;
  if (!verdict || !verification || !kept || facts.leavesVerified) return undefined;
  return {
    ...keep(observed),
    accepted: ACCEPTED,
    verified: conditionOf(verdict),
    verification,
    published: { status: "False", reason: Reason.KeptLastGood, message: keeping(kept, verdict) },
    progress: isPassing(verdict) ? "Reconciling" : "Stalled",
    satisfied: false,
  };
};

function keeping({ name }: SecretMeta, verdict: Verdict): string {
  const whenItAnswers = isPassing(verdict) ? "The update is published as soon as the check succeeds. " : "";
  return (
    `${verdict.message} Secret "${name}" was verified and stays as it is. ${whenItAnswers}` +
    `To publish the update without a check, set spec.verify to "Off" (with the quotes).`
  );
}
