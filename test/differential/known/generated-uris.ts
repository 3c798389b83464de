/** Why generated strings break a rule. Each reason is one of ./uris.ts or ./beyond-the-form.ts, here as the form that it takes. */
import type { Verdict } from "../ours.ts";

export type KnownForm = { kind: string; ours: Verdict["says"]; right: readonly Verdict["says"][]; matches: RegExp };

export const KNOWN_FORMS: readonly KnownForm[] = [
  { kind: "hosts that cannot exist", ours: "No", right: ["No"], matches: /[/@,]a b/ },
];
