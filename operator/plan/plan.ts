/**
 * The heart: an observation in, actions out. No I/O, no clock of its own, no memory. The same observation gives the same
 * plan, and a plan that was carried out is followed by an empty one.
 *
 * `rules.ts` decides, on the facts of `facts.ts`; `status.ts` says it for people; `plan` puts it into actions.
 */
import { HOLDS_LABEL } from "#api/names";
import { Reason } from "#api/status";
import type { TypeDefinition } from "#api/types/define";
import type { Action, Plan } from "./actions.ts";
import type { Decision } from "./decision.ts";
import { Facts } from "./facts.ts";
import type { Observed, SecretMeta } from "./observed.ts";
import { afterRefusal } from "./refusals.ts";
import { decide } from "./rules.ts";
import { isSameStatus, notesFor, statusFor } from "./status.ts";
import { phaseOf } from "./check-subject.ts";
import { settlesInMs } from "./verdict.ts";

/**
 * Decides what to do for one AppSecret.
 *
 * @param now written as `lastTransitionTime` of the conditions that change
 */
export function plan(observed: Observed, now: Date, types?: readonly TypeDefinition[]): Plan {
  if (observed.appSecret.metadata.deletionTimestamp !== undefined) return { actions: [], retry: false };
  const facts = new Facts(observed, now, types);
  const step = decide(facts);
  switch (step.kind) {
    case "ReadSources":
    case "ReadPublished":
      return { actions: [step], retry: false };
    case "Check":
      return { actions: [...claim(observed), step], retry: false };
    case "Wait":
      return { actions: claim(observed), retry: false, againMs: step.ms, check: { state: "Running" } };
    case "Decision":
      return carryOut(facts, afterRefusal(observed, step));
  }
}

function carryOut(facts: Facts, decision: Decision): Plan {
  const { observed, rival, types, now } = facts;
  const { status: before } = observed.appSecret;
  const actions: Action[] = claim(observed);
  if (decision.write) actions.push(decision.write);
  if (decision.restart) actions.push(decision.restart);
  for (const secret of decision.withdraw) actions.push(withdrawal(secret, rival));

  const status = statusFor(facts, decision);
  if (decision.write || !isSameStatus(before, status)) {
    actions.push({ kind: "WriteStatus", status, afterWrite: decision.write !== undefined });
    const notes = [...notesFor(before, status), ...(decision.notes ?? [])];
    for (const note of notes) actions.push({ kind: "RecordEvent", note });
  }
  const check = checkAfter(observed, decision, types);
  const againMs = stallsInMs(decision, now);
  return {
    actions,
    retry: decision.retry,
    ...(againMs > 0 ? { againMs } : {}),
    ...(check ? { check } : {}),
  };
}

function withdrawal({ name, uid, resourceVersion }: SecretMeta, holder: Facts["rival"]): Action {
  return { kind: "DeleteSecret", name, uid, resourceVersion, ...(holder ? { holder } : {}) };
}

/** The check goes on for as long as its verdict matters: to what is published, or to what is held back. */
function checkAfter(
  { appSecret, live }: Observed,
  { verified, verification, held, progress }: Decision,
  types: readonly TypeDefinition[],
): Plan["check"] {
  if (verification) {
    const phase = phaseOf(appSecret, types);
    // What cannot be checked is no trouble: nothing comes of asking sooner.
    if (!verified || verified.status === "True" || verified.reason === Reason.CannotBeChecked) {
      return { state: "Repeat", phase };
    }
    // The time is one that the API server let pass; this is for a status that another program wrote past it.
    const sinceMs = Date.parse(verification.failingSince ?? "") || 0;
    return {
      state: "Repeat",
      phase,
      trouble: { sinceMs, reason: verified.reason, waits: progress === "Reconciling" },
    };
  }
  return live.check?.state === "Pending" || held ? { state: "Running" } : undefined;
}

/** After so many ms, a no that has not repaired itself becomes a person's business. 0: it is, or there is none. */
function stallsInMs({ verified, verification }: Decision, now: Date): number {
  if (verified?.status !== "False" || !verification || verification.passing === true) return 0;
  return settlesInMs(verification, now);
}

/**
 * The holder of a type carries the label, and nobody else: the admission policy refuses a second AppSecret by it. A label
 * that the API server refused in the pass before is left alone, whichever rule decides: trying again at once would never end.
 */
function claim({ appSecret, holder, refusal }: Observed): Action[] {
  if (refusal?.kind === "HoldsForbidden") return [];
  const holds = holder?.uid === appSecret.metadata.uid ? appSecret.spec.type : undefined;
  if (appSecret.metadata.labels?.[HOLDS_LABEL] === holds) return [];
  return [{ kind: "SetHolds", holds: holds ?? null }];
}
