/** How a spec gives a secret value: literally, or as a reference to a Secret of the same namespace. */
import type { z } from "zod";

import { DNS_SUBDOMAIN, isDataKey, isDataKeyCel, matches } from "./schema/formats.ts";
import { type Rule, SENSITIVE, structure, text, withRules } from "./schema/rules.ts";

type SecretKeyRef = { name: string; key: string };

/** Exactly one form. The others are there as `undefined` so that `value.valueFrom` may be asked for without a narrowing. */
export type SecretValue =
  { value: string; valueFrom?: undefined } | { value?: undefined; valueFrom: { secretKeyRef: SecretKeyRef } };

/** The largest literal value, in characters. */
const MAX_VALUE_LENGTH = 262_144;

const secretKeyRefSchema = withRules(
  structure({
    name: text({ max: 253 }).describe("Name of the Secret, in the AppSecret's own namespace."),
    key: text({ max: 253 }).describe("Key in the Secret's data whose value is taken."),
  }).describe("One key of a Secret in the same namespace. References to other namespaces do not exist."),
  [
    {
      cel: matches("self.name", DNS_SUBDOMAIN),
      holds: ({ name }) => DNS_SUBDOMAIN.test(name),
      message:
        "must be the name of a Secret: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit",
      at: "name",
    },
    {
      cel: isDataKeyCel("self.key"),
      holds: ({ key }) => isDataKey(key),
      message: "must be a key of a Secret: letters, digits, '-', '_' and '.'",
      at: "key",
    },
  ],
);

const valueFromSchema = structure({ secretKeyRef: secretKeyRefSchema }).describe("Where the value is read from.");

/** The members of a SecretValue, of which exactly one is given. A new form is one more name here and one more field below. */
const FORMS = ["value", "valueFrom"] as const;
const GIVEN = FORMS.map((form) => `has(self.${form})`).join(", ");

/**
 * A SecretValue whose literal has at most `max` characters. Further rules see the whole object and not the string: a rule
 * on the string itself would have the API server quote the value in its refusal.
 */
export function secretValue(options: {
  description: string;
  max?: number;
  rules?: Rule<{ value?: string | undefined; valueFrom?: unknown }>[];
}): z.ZodType<SecretValue> {
  const { description, max = MAX_VALUE_LENGTH, rules = [] } = options;
  const form = structure({
    value: text({ max })
      .meta({ [SENSITIVE]: true })
      .describe("The value itself. Whoever may read this AppSecret can read it; prefer valueFrom where that matters.")
      .optional(),
    valueFrom: valueFromSchema.optional(),
  }).describe(description);
  const exactlyOne: Rule<z.output<typeof form>> = {
    cel: `[${GIVEN}].filter(given, given).size() == 1`,
    holds: (self) => FORMS.filter((name) => self[name] !== undefined).length === 1,
    message: `must have exactly one of ${FORMS.join(" and ")}`,
  };
  return withRules(form, [exactlyOne, ...rules]) as unknown as z.ZodType<SecretValue>;
}
