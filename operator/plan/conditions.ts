import type { Condition, ConditionStatus, ConditionType, Reason } from "#api/status";

/** A condition before its generation and time are stamped on it, which happens in one place: `stamp`. */
export type Unstamped = { status: ConditionStatus; reason: Reason; message: string };

/** The order in which people read them in `kubectl describe`. */
const ORDER: readonly ConditionType[] = ["Ready", "Accepted", "Verified", "Published", "Reconciling", "Stalled"];

/**
 * `lastTransitionTime` moves only when the status of a condition changes (Kubernetes API conventions).
 *
 * @param now the time of a transition; written in whole seconds of UTC
 */
export function stamp(
  conditions: Partial<Record<ConditionType, Unstamped>>,
  previous: readonly Condition[] | undefined,
  generation: number,
  now: Date,
): Condition[] {
  return ORDER.flatMap((type) => {
    const condition = conditions[type];
    if (condition === undefined) return [];
    const before = previous?.find((candidate) => candidate.type === type);
    const { status, reason, message } = condition;
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : inSeconds(now);
    return [{ type, status, reason, message, observedGeneration: generation, lastTransitionTime }];
  });
}

/** RFC 3339 in UTC, whole seconds, as the API server stores times. */
export function inSeconds(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}
