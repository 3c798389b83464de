import type { Verdict } from "../ours.ts";

/** Cases of a corpus that differ from real clients for one reason. */
export type KnownDifference = {
  /** Unique together with `ours`. */
  kind: string;
  ours: Verdict["says"];
  /** The verdicts that are right, the best first. */
  right: readonly Verdict["says"][];
  why: string;
  /** `what` of each case. */
  cases: readonly string[];
};

export type Difference = { what: string; ours: Verdict["says"]; detail: string };

/** A difference that stays, because our verdict is right for the reason that the list gives. */
export function stays({ ours, right }: KnownDifference): boolean {
  return right.includes(ours);
}

/**
 * What is wrong with a list, one line each: differences that it lacks, and cases that it names and that differ no longer, or
 * differently.
 */
export function compareWithList(found: readonly Difference[], list: readonly KnownDifference[]): string[] {
  const listed = new Map(list.flatMap(({ cases, ours }) => cases.map((what) => [what, ours] as const)));
  const left = new Map(listed);
  const wrong: string[] = [];
  for (const { what, ours, detail } of found) {
    left.delete(what);
    const expected = listed.get(what);
    if (expected === undefined) wrong.push(`not listed: "${what}": we say ${ours}. ${detail}`);
    else if (expected !== ours) wrong.push(`listed with ${expected}: "${what}": we say ${ours}. ${detail}`);
  }
  return [...wrong, ...[...left.keys()].map((what) => `listed, but it agrees now: "${what}"`)];
}
