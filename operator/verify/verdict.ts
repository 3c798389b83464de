/**
 * The verdicts of live checks: each kind is made here and nowhere else. A message says what is wrong, then what to do, ends in a
 * full stop, and quotes neither a secret value nor what a server said.
 */
import type { Facts, Verdict } from "#api/check";
import { Reason } from "#api/status";

/** It works. */
export function yes(message: string, facts?: Facts): Verdict {
  return { answer: "Yes", message, ...(facts && { facts }) };
}

/** The check cannot look at all of it. `message` says what could be checked, and what could not. */
export function unverifiable(message: string, facts?: Facts): Verdict {
  return { answer: "Unverifiable", reason: Reason.CannotBeChecked, message, ...(facts && { facts }) };
}

/** A definite no, which only a person can change. */
export function no(reason: Reason, message: string): Verdict {
  return { answer: "No", reason, message, passing: false };
}

/** A no that may become a yes without anybody's doing: the operator tries again soon. */
export function notYet(reason: Reason, message: string): Verdict {
  return { answer: "No", reason, message, passing: true };
}

/**
 * Nothing is known. It proves nothing, so it does not overrule an earlier no.
 *
 * @param more `retryAfterMs`: the pause that the other side wants. `facts`: of a part that did answer
 */
export function silence(
  reason: Reason,
  message: string,
  { retryAfterMs, facts }: { retryAfterMs?: number | undefined; facts?: Facts } = {},
): Verdict {
  return {
    answer: "Silence",
    reason,
    message,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(facts && { facts }),
  };
}
