/** The verdict where some libraries can use what the provider answers, and others cannot. */
import type { Facts, Verdict } from "#api/check";
import { unverifiable } from "../verdict.ts";

/** @param message what some libraries refuse, then what to do */
export function uncertain(message: string, facts?: Facts): Verdict {
  return unverifiable(message, facts);
}
