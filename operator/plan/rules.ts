import type { Rule, Step } from "./decision.ts";
import type { Facts } from "./facts.ts";
import { duplicate, labelForbidden } from "./rules/holder.ts";
import { checkDue, checkPending, heldBack } from "./rules/live-check.ts";
import { keptVerified, verifiedUnread } from "./rules/keep-verified.ts";
import { ownSecretUnread, publish, upToDate } from "./rules/publish.ts";
import { secretNotOwned, writeRefused } from "./rules/secret.ts";
import { disabled, invalidSpec, suspended } from "./rules/spec.ts";
import { invalidContent, ownSecretAsSource, sourceMissing, sourcesUnread, tooLarge } from "./rules/values.ts";

/** What can keep a Secret from being published, the most final first. The first rule that answers decides. */
export const RULES: readonly Rule[] = [
  invalidSpec, // the API server stored it under other rules
  labelForbidden, // the label that keeps others from the type cannot be set
  duplicate, // another AppSecret holds the type
  suspended,
  disabled,
  ownSecretAsSource, // publishing would overwrite its own source
  upToDate, // a steady state ends here: no read, no write
  heldBack, // the live check said no
  sourcesUnread,
  sourceMissing,
  invalidContent, // a value from a source is none for its field
  tooLarge, // more than a Secret holds
  secretNotOwned, // the name is taken
  checkDue,
  checkPending,
  verifiedUnread, // to tell whether an unconfirmed update changes what was verified
  keptVerified, // it does
  writeRefused, // by the API server, in the pass before this one
  ownSecretUnread, // to tell whether a value changes, for spec.restart
];

/** @returns the step of the first rule that answers; where none does, nothing keeps the Secret from being published */
export function decide(facts: Facts): Step {
  for (const rule of RULES) {
    const step = rule(facts);
    if (step) return step;
  }
  return publish(facts);
}
