/** Each connection string put to the official drivers and to our own check. */
import type { UriCase } from "../corpora/mongodb-uris/index.ts";
import { agrees, breaksRule, classOf, readsDifferently, signature, whys } from "./agreement.ts";
import type { Class } from "./agreement.ts";
import { askDrivers } from "./clients/mongodb-drivers.ts";
import { ofConnectionString } from "./ours.ts";
import type { Verdict } from "./ours.ts";
import { BEYOND_THE_FORM } from "./known/beyond-the-form.ts";

export type Row = UriCase & {
  class: Class;
  ours: Verdict["says"];
  /** Of a verdict that is no Yes. */
  reason?: string;
  agrees: boolean;
  /** It breaks one of the rules that have no exception. */
  breaks: boolean;
  /** For a person: which drivers take it, what they say, what we say. */
  detail: string;
};

/** What a server or the DNS says of a string for which every driver, or one of them, constructs a client. */
const BEYOND = new Map(BEYOND_THE_FORM.map(({ what, right }) => [what, right]));

/** @param python the interpreter that has PyMongo; without it PyMongo has no say */
export async function compareUris(cases: readonly UriCase[], python?: string): Promise<Row[]> {
  const all = await askDrivers(
    cases.map(({ uri }) => uri),
    python,
  );
  return cases.map((one, index) => {
    const outcomes = all[index] ?? {};
    const verdict = ofConnectionString(one.uri);
    const isBeyond = BEYOND.get(one.what) === verdict.says;
    const message = "message" in verdict ? verdict.message : "";
    return {
      ...one,
      class: classOf(outcomes, one.takenBy),
      ours: verdict.says,
      ...(verdict.says !== "Yes" && { reason: verdict.reason }),
      agrees: agrees(verdict, outcomes, one.takenBy) || isBeyond,
      breaks: (breaksRule(verdict.says, outcomes, one.takenBy) && !isBeyond) || readsDifferently(verdict, outcomes),
      detail: `Drivers 5, 6, 7 and PyMongo: ${signature(outcomes)} (${whys(outcomes)}). Ours: ${message}`,
    };
  });
}
