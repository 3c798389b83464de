import type { CheckRequest } from "#api/check";
import { inNamespace } from "#api/check-namespace";
import { CHECK_NOW_ANNOTATION } from "#api/names";
import { Reason } from "#api/status";
import type { Decision, Rule } from "../decision.ts";
import { ACCEPTED, keep } from "../decision.ts";
import type { Facts } from "../facts.ts";
import type { Observed } from "../observed.ts";
import { heldConditionOf, isPassing, rememberedVerdict } from "../verdict.ts";
import type { CheckedSpec } from "../check-subject.ts";
import { checkSubjectOf, phaseOf } from "../check-subject.ts";

/**
 * A live check usually answers within this time, and then its verdict is the first thing that the status says: one write
 * instead of two. The wait is this long at least and up to three times as long, depending on what is checked: a hundred
 * checks that hang together must not have a hundred statuses written at the same moment.
 */
const PATIENCE_MS = 2000;

/** The verdict keeps this generation back. One that was published is put back when somebody changed it, whatever the verdict is by now. */
export const heldBack: Rule = ({ observed, spec, isCheckDue, verdict, isAllowed, verification, wasPublished, now }) => {
  if (isCheckDue || !verdict || !verification || isAllowed || wasPublished) return undefined;
  return {
    ...keep(observed),
    accepted: ACCEPTED,
    verified: heldConditionOf(spec, verdict),
    verification,
    held: true,
    progress: isPassing(verdict, verification, now) ? "Reconciling" : "Stalled",
    satisfied: false,
  };
};

export const checkDue: Rule = (facts) =>
  facts.checkedSpec && facts.isCheckDue ? { kind: "Check", request: request(facts, facts.checkedSpec) } : undefined;

/** Waits a moment for the first verdict, and then says that the check is in progress. */
export const checkPending: Rule = ({ observed, now, checkedSpec, verdict, types }) => {
  if (!checkedSpec || verdict) return undefined;
  const { check } = observed.live;
  const waitedMs = check?.state === "Pending" ? now.getTime() - check.since.getTime() : 0;
  const patienceMs = PATIENCE_MS * (1 + 2 * phaseOf(observed.appSecret, types));
  return waitedMs < patienceMs ? { kind: "Wait", ms: patienceMs - waitedMs } : inProgress(observed);
};

function inProgress(observed: Observed): Decision {
  return {
    ...keep(observed),
    accepted: ACCEPTED,
    verified: { status: "Unknown", reason: Reason.Pending, message: "The live check is in progress." },
    held: true,
    progress: "Reconciling",
    satisfied: false,
  };
}

function request({ observed, read, inputVersions, types }: Facts, spec: CheckedSpec): CheckRequest {
  const { appSecret, live } = observed;
  const stands = rememberedVerdict(observed, inputVersions);
  const checkNow = appSecret.metadata.annotations?.[CHECK_NOW_ANNOTATION];
  const fresh = live.due?.fresh ?? false;
  return {
    subject: inNamespace(checkSubjectOf(spec, read, types), appSecret.metadata.namespace),
    inputs: live.inputs,
    phase: phaseOf(appSecret, types),
    ...(stands ? { stands } : {}),
    fresh,
    ...(fresh && checkNow !== undefined ? { checkNow } : {}),
  };
}
