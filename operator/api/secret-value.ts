/** How a spec gives a secret value: literally, or as a reference to a Secret of the same namespace. */
import type { z } from "zod";

import type { Demand } from "./schema/demands.ts";
import { DNS_SUBDOMAIN, isDataKey, isDataKeyCel, matches } from "./schema/formats.ts";
import { type Rule, SENSITIVE, structure, text, withRules } from "./schema/rules.ts";

/** One key of a Secret in the AppSecret's namespace. */
export type SecretKeyRef = { name: string; key: string };

/** Gives the text under a key of a Secret that has been read. */
export type ReadKey = (ref: SecretKeyRef) => string;

/** One way to give a secret value. */
type Form<Given> = {
  /** `max`: the bound of a literal, in characters. */
  schema: (max: number) => z.ZodType<Given>;
  /** Whether what is given is the text itself, so that the schema can apply the demands. */
  literal: boolean;
  /** The keys of Secrets that have to be read first. The first one that is missing is reported. */
  needs: (given: Given) => readonly SecretKeyRef[];
  /** The value's text; or the one key whose bytes, which may be no text, are the value. */
  resolve: (given: Given, read: ReadKey) => string | SecretKeyRef;
};

/** Infers what is given from the schema. */
function form<Given>(one: Form<Given>): Form<Given> {
  return one;
}

const secretKeyRefSchema = withRules(
  structure({
    name: text({ max: 253 }).describe("The Secret's name. The Secret is in the AppSecret's namespace."),
    key: text({ max: 253 }).describe("The key in the Secret's data."),
  }).describe("A key of a Secret in the AppSecret's namespace. You cannot refer to a Secret in another namespace."),
  [
    {
      cel: matches("self.name", DNS_SUBDOMAIN),
      holds: ({ name }) => DNS_SUBDOMAIN.test(name),
      message:
        "must be a valid Secret name: lowercase letters, digits, '-' and '.', beginning and ending with a letter or digit",
      at: "name",
    },
    {
      cel: isDataKeyCel("self.key"),
      holds: ({ key }) => isDataKey(key),
      message: "must be a valid Secret key: letters, digits, '-', '_' and '.'",
      at: "key",
    },
  ],
);

/**
 * The forms of a SecretValue, by the name of their member. A SecretValue has exactly one. The type, the schema and its
 * rules, `needs` and `resolve` are all derived from this list.
 */
const FORMS = {
  value: form({
    schema: (max) =>
      text({ max })
        .meta({ [SENSITIVE]: true })
        .describe(
          "The value itself. Anyone who can read this AppSecret can read it. To keep the value in a Secret, use valueFrom.",
        ),
    literal: true,
    needs: () => [],
    resolve: (value) => value,
  }),
  valueFrom: form({
    schema: () => structure({ secretKeyRef: secretKeyRefSchema }).describe("Where to read the value from."),
    literal: false,
    needs: ({ secretKeyRef }) => [secretKeyRef],
    resolve: ({ secretKeyRef }) => secretKeyRef,
  }),
};

type FormName = keyof typeof FORMS;
type GivenBy<Name extends FormName> = z.output<ReturnType<(typeof FORMS)[Name]["schema"]>>;

/** Exactly one form. The other members are `undefined`, so that code can read each without narrowing the type first. */
export type SecretValue = {
  [Name in FormName]: { [Member in Name]: GivenBy<Name> } & { [Other in Exclude<FormName, Name>]?: undefined };
}[FormName];

const FORM_NAMES = Object.keys(FORMS) as FormName[];

/** The form of a value, and what is given in it. */
function givenIn(value: SecretValue): [Form<unknown>, unknown] {
  for (const name of FORM_NAMES) {
    // The value under a form's name has passed that form's schema.
    if (value[name] !== undefined) return [FORMS[name] as Form<unknown>, value[name]];
  }
  throw new TypeError("a SecretValue that no schema has let pass");
}

/** The keys of Secrets that a value is made of. */
export function needs(value: SecretValue): readonly SecretKeyRef[] {
  const [of, given] = givenIn(value);
  return of.needs(given);
}

/**
 * @param read gives the text of any key that the value needs
 * @returns the value's text, or the key whose bytes it is
 */
export function resolve(value: SecretValue, read: ReadKey): string | SecretKeyRef {
  const [of, given] = givenIn(value);
  return of.resolve(given, read);
}

/** The largest literal value, in characters. */
const MAX_VALUE_LENGTH = 262_144;

/**
 * The schema of a SecretValue whose literal has at most `max` characters and meets the demands. The rules see the whole
 * object and not the string: a rule on the string itself would have the API server quote the value in its refusal.
 */
export function secretValue(options: {
  description: string;
  max?: number;
  demands?: readonly Demand[];
}): z.ZodType<SecretValue> {
  const { description, max = MAX_VALUE_LENGTH, demands = [] } = options;
  const members = FORM_NAMES.map((name) => [name, FORMS[name].schema(max).optional()] as const);
  const schema = structure(Object.fromEntries(members)).describe(description);
  const exactlyOne: Rule<Members> = {
    cel: `[${FORM_NAMES.map((name) => `has(self.${name})`).join(", ")}].filter(given, given).size() == 1`,
    holds: (self) => FORM_NAMES.filter((name) => self[name] !== undefined).length === 1,
    message: `must have exactly one of ${FORM_NAMES.join(" and ")}`,
  };
  const literals = FORM_NAMES.filter((name) => FORMS[name].literal);
  const rules = [exactlyOne, ...literals.flatMap((name) => demands.map((demand) => onLiteral(name, demand)))];
  return withRules(schema as z.ZodType<Members>, rules) as z.ZodType as z.ZodType<SecretValue>;
}

/** A SecretValue before the rule that it has exactly one form. */
type Members = Partial<Record<FormName, unknown>>;

function onLiteral(name: FormName, { cel, holds, message }: Demand): Rule<Members> {
  return {
    cel: `!has(self.${name}) || ${cel(`self.${name}`)}`,
    holds: ({ [name]: given }) => typeof given !== "string" || holds(given),
    message,
    at: name,
  };
}

/** A field of a type's content that holds a SecretValue. Its demands apply to every form, literal or read. */
export type SecretField = { path: string; value: SecretValue; demands: readonly Demand[] };

/** One such field: its schema, and the field of a given content, with one list of demands. `path`: within the content. */
export function secretField(path: string, options: { description: string; max: number; demands: readonly Demand[] }) {
  return {
    schema: secretValue(options),
    of: (value: SecretValue): SecretField => ({ path, value, demands: options.demands }),
  };
}
