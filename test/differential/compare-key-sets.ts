/** Each key set put to the libraries that verify tokens, and to our own check. */
import { createKeySets } from "../corpora/jwks/index.ts";
import { LIBRARIES, askLibraries } from "./clients/jwks-libraries.ts";
import type { Outcomes } from "./clients/jwks-libraries.ts";
import { ofKeySet } from "./ours.ts";
import type { Verdict } from "./ours.ts";

export type Row = {
  what: string;
  ours: Verdict["says"];
  /** How many of the libraries verify every token. */
  verify: "all" | "some" | "none";
  agrees: boolean;
  breaks: boolean;
  detail: string;
};

/** A No is for what no library verifies with; where only some do, the workload may have one of them. */
const AGREES: Readonly<Record<Row["verify"], readonly Verdict["says"][]>> = {
  all: ["Yes"],
  some: ["Yes", "Unverifiable"],
  none: ["No"],
};

/** @param python the interpreter that has PyJWT; without it PyJWT has no say */
export async function compareKeySets(python?: string): Promise<Row[]> {
  const cases = createKeySets();
  const providers = cases.map(({ body, tokens }) => ({
    tokens,
    respond: (response: Parameters<Parameters<typeof askLibraries>[0][number]["respond"]>[0]) =>
      response.writeHead(200, { "content-type": "application/json" }).end(body),
  }));
  const all = await askLibraries(providers, python);
  return Promise.all(
    cases.map(async ({ what, body }, index) => {
      const outcomes = all[index] ?? {};
      const verdict = await ofKeySet(Buffer.from(body));
      const verify = howMany(outcomes);
      const message = "message" in verdict ? `${verdict.reason}: ${verdict.message}` : "";
      return {
        what,
        ours: verdict.says,
        verify,
        agrees: AGREES[verify].includes(verdict.says),
        breaks: (verify === "all" && verdict.says === "No") || (verify === "none" && verdict.says === "Yes"),
        detail: `jose, jwks-rsa and PyJWT: ${signature(outcomes)} (${whys(outcomes)}). Ours: ${message}`,
      };
    }),
  );
}

function howMany(outcomes: Outcomes): Row["verify"] {
  const all = Object.values(outcomes);
  const verifying = all.filter(({ answer }) => answer === "Verifies").length;
  return verifying === all.length ? "all" : verifying === 0 ? "none" : "some";
}

/** One letter a library, in their order: VVR. */
export function signature(outcomes: Outcomes): string {
  return LIBRARIES.map((library) => outcomes[library]?.answer.slice(0, 1) ?? "-").join("");
}

function whys(outcomes: Outcomes): string {
  return LIBRARIES.flatMap((library) => {
    const outcome = outcomes[library];
    return outcome?.answer === "Refuses" ? [`${library}: ${outcome.why}`] : [];
  }).join(" | ");
}
