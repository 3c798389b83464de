/**
 * When a verdict on a connection string agrees with the official drivers.
 *
 * A No is for what every driver refuses, a Yes for what each of them starts with and reads alike. Between the two lies what
 * one application can use and another cannot: nobody knows which driver the workload has, so that is Unverifiable.
 */
import { isDeepStrictEqual } from "node:util";
import { DRIVERS } from "./clients/mongodb-drivers.ts";
import type { Outcome, Outcomes } from "./clients/mongodb-drivers.ts";
import type { Verdict } from "./ours.ts";

type Says = Verdict["says"];

/** `Apart`: some start and some do not, or they read different things in the string. */
export type Class = (typeof CLASSES)[number];
export const CLASSES = [
  "All take",
  "All start, one leaves an option out",
  "Apart",
  "None takes, one starts",
  "All refuse",
] as const;

/** What agrees with each class, the best first. */
const AGREES: Readonly<Record<Class, readonly Says[]>> = {
  "All take": ["Yes", "Unverifiable"],
  "All start, one leaves an option out": ["Yes", "Unverifiable"],
  Apart: ["Unverifiable"],
  "None takes, one starts": ["No", "Unverifiable"],
  "All refuse": ["No"],
};

/** @param takenBy an official driver that is not among those asked, and takes it */
export function classOf(outcomes: Outcomes, takenBy?: string): Class {
  const all = Object.values(outcomes);
  const takes = all.some(({ answer }) => answer === "Takes") || takenBy !== undefined;
  const starting = all.filter((one) => one.answer !== "Refuses");
  if (starting.length === 0 && !takes) return "All refuse";
  if (!takes) return "None takes, one starts";
  if (starting.length < all.length || !starting.every(({ reads }) => isDeepStrictEqual(reads, starting[0]?.reads)))
    return "Apart";
  return all.every(({ answer }) => answer === "Takes") ? "All take" : "All start, one leaves an option out";
}

/** Whether our verdict agrees. A Yes agrees only if it is about the same server and the same login. */
export function agrees(verdict: Verdict, outcomes: Outcomes, takenBy?: string): boolean {
  return AGREES[classOf(outcomes, takenBy)].includes(verdict.says) && !readsDifferently(verdict, outcomes);
}

/** Whether a Yes is about another server or another login than each driver's. */
export function readsDifferently(verdict: Verdict, outcomes: Outcomes): boolean {
  if (verdict.says !== "Yes" || verdict.reads === undefined) return false;
  const { reads } = verdict;
  const starting = Object.values(outcomes).filter((one) => one.answer !== "Refuses");
  return starting.length > 0 && starting.every((one) => !isDeepStrictEqual(one.reads, reads));
}

/** The two rules that have no exception: what all take is never a No, what all refuse is never a Yes. */
export function breaksRule(says: Says, outcomes: Outcomes, takenBy?: string): boolean {
  const found = classOf(outcomes, takenBy);
  return (found === "All take" && says === "No") || (found === "All refuse" && says === "Yes");
}

/** One letter a driver, in their order: TTTW. */
export function signature(outcomes: Outcomes): string {
  return DRIVERS.map((driver) => outcomes[driver]?.answer.slice(0, 1) ?? "-").join("");
}

export function whys(outcomes: Outcomes): string {
  const why = (outcome: Outcome | undefined) => (outcome !== undefined && "why" in outcome ? [outcome.why] : []);
  return [...new Set(DRIVERS.flatMap((driver) => why(outcomes[driver])))].join(" | ");
}
