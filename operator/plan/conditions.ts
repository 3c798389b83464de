import type { Condition, ConditionStatus, ConditionType, Reason } from "#api/status";

/** What a condition says. When it was said, and of which generation, is stamped in one place: below. */
export type Statement = { status: ConditionStatus; reason: Reason; message: string };

export type Statements = Partial<Record<ConditionType, Statement>>;

/** The order in which people read them in `kubectl describe`. */
const ORDER: readonly ConditionType[] = ["Ready", "Accepted", "Verified", "Published", "Reconciling", "Stalled"];

/**
 * Makes the list of conditions. `lastTransitionTime` moves only when the status of a condition changes (Kubernetes API
 * conventions), so that saying the same again gives the same list and nothing is written.
 *
 * @param now the time of a transition; written in whole seconds of UTC
 */
export function stamp(
  statements: Statements,
  previous: readonly Condition[] | undefined,
  generation: number,
  now: Date,
): Condition[] {
  const conditions: Condition[] = [];
  for (const type of ORDER) {
    const statement = statements[type];
    if (statement === undefined) continue;
    const before = previous?.find((condition) => condition.type === type);
    conditions.push({
      type,
      status: statement.status,
      reason: statement.reason,
      message: statement.message,
      observedGeneration: generation,
      lastTransitionTime:
        before?.status === statement.status ? before.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`,
    });
  }
  return conditions;
}
