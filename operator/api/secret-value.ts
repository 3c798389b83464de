/**
 * How a spec gives a secret value: literally, as a reference to a Secret of the same namespace, or composed of such values.
 */
import type { z } from "zod";

import { compose, COMPOSED_RULES, MAX_FORMAT_LENGTH, MAX_NAMES } from "./composed-text.ts";
import type { Demand } from "./schema/demands.ts";
import { DNS_SUBDOMAIN, isDataKey, isDataKeyCel, matches } from "./schema/formats.ts";
import { mapOf, type Rule, SENSITIVE, structure, text, withRules } from "./schema/rules.ts";

/** One key of a Secret in the AppSecret's namespace. */
export type SecretKeyRef = { name: string; key: string };

/** A key that a value is made of. `path`: where the value says so, behind its own path: "" or ".with.password". */
export type Need = { path: string; ref: SecretKeyRef };

/** Gives the text under a key of a Secret that has been read. */
export type ReadKey = (ref: SecretKeyRef) => string;

/** What is demanded of a value's text, at apply where the form shows it, and of the resolved text in any case. */
type Demands = {
  demands: readonly Demand[];
  /** Demanded of a format whose placeholders are still in it: what is wrong whatever takes their places. */
  formatDemands: readonly Demand[];
};

/** The members that a value has, whatever its form. */
type Members = Readonly<Partial<Record<string, unknown>>>;

/** One way to give a secret value: with the members of `Given`. */
type Form<Given> = {
  /** The schemas of the members; the one with the form's name comes first. `max`: the bound of a literal, in characters. */
  members: (max: number) => { [Member in keyof Given]: z.ZodType<Given[Member]> };
  /** What the schema can demand of the text that the user writes under the form's name. */
  atApply: (demands: Demands) => readonly Demand[];
  /** Rules of its own on the value. They pass where the form is absent or incomplete. */
  rules: readonly Rule<Members>[];
  /** The keys of Secrets that have to be read first. The first one that is missing is reported. */
  needs: (given: Given) => readonly Need[];
  /** The value's text; or the one key whose bytes, which may be no text, are the value. */
  resolve: (given: Given, read: ReadKey) => string | SecretKeyRef;
};

/** Holds a form against what it is given. */
function form<Given extends object>(one: Form<Given>): Form<Given> {
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

/** The forms that need no other value. */
const SIMPLE_FORMS = {
  value: form<{ value: string }>({
    members: (max) => ({
      value: text({ max })
        .meta({ [SENSITIVE]: true })
        .describe(
          "The value itself. Anyone who can read this AppSecret can read it. To keep the value in a Secret, use valueFrom.",
        ),
    }),
    atApply: ({ demands }) => demands,
    rules: [],
    needs: () => [],
    resolve: ({ value }) => value,
  }),
  valueFrom: form<{ valueFrom: { secretKeyRef: SecretKeyRef } }>({
    members: () => ({
      valueFrom: structure({ secretKeyRef: secretKeyRefSchema }).describe("Where to read the value from."),
    }),
    atApply: () => [],
    rules: [],
    needs: ({ valueFrom }) => [{ path: "", ref: valueFrom.secretKeyRef }],
    resolve: ({ valueFrom }) => valueFrom.secretKeyRef,
  }),
};
const simple = oneOf(SIMPLE_FORMS);

/**
 * The forms of a SecretValue, by the name of the member that tells them apart. A SecretValue has exactly one. The type, the
 * schema and its rules, `needs` and `resolve` are all derived from this list.
 */
const FORMS = {
  ...SIMPLE_FORMS,
  format: form<{ format: string; with: Record<string, OneOf<typeof SIMPLE_FORMS>> }>({
    members: (max) => ({
      format: text({ max: MAX_FORMAT_LENGTH })
        .meta({ [SENSITIVE]: true })
        .describe(
          "A text with placeholders: $(NAME) stands for the value of NAME in with. Write $$( for the two characters $(. Before the @ of a MongoDB connection string, values are percent-encoded. Everywhere else they are inserted unchanged.",
        ),
      with: mapOf(simple.schema({ description: "The value of this placeholder.", max }), {
        min: 1,
        max: MAX_NAMES,
      }).describe("The values for the placeholders in format, by name. Names have letters, digits and '_'."),
    }),
    atApply: ({ formatDemands }) => formatDemands,
    rules: COMPOSED_RULES,
    needs: ({ with: values }) =>
      Object.entries(values).flatMap(([name, value]) =>
        simple.needs(value).map(({ path, ref }) => ({ path: `.with.${name}${path}`, ref })),
      ),
    resolve: ({ format, with: values }, read) =>
      compose(format, (name) => {
        const value = values[name];
        const resolved = value === undefined ? "" : simple.resolve(value, read);
        return typeof resolved === "string" ? resolved : read(resolved);
      }),
  }),
};
const any = oneOf(FORMS);

type GivenIn<One> = One extends Form<infer Given> ? Given : never;
type MemberOf<Given> = Given extends unknown ? keyof Given : never;

/** What is given in exactly one of the forms. The other members are `undefined`, so that code can read each at any time. */
type OneOf<Forms> = {
  [Name in keyof Forms]: GivenIn<Forms[Name]> & {
    [Other in Exclude<MemberOf<GivenIn<Forms[keyof Forms]>>, keyof GivenIn<Forms[Name]>>]?: undefined;
  };
}[keyof Forms];

export type SecretValue = OneOf<typeof FORMS>;

/** The keys of Secrets that a value is made of. */
export const needs: (value: SecretValue) => readonly Need[] = any.needs;

/**
 * @param read gives the text of any key that the value needs
 * @returns the value's text, or the key whose bytes it is
 */
export const resolve: (value: SecretValue, read: ReadKey) => string | SecretKeyRef = any.resolve;

/** The largest literal value, in characters. */
const MAX_VALUE_LENGTH = 262_144;

type Options = { description: string; max?: number } & Partial<Demands>;

/**
 * The schema of a SecretValue whose literal has at most `max` characters and meets the demands. The rules see the whole
 * object and not the string: a rule on the string itself would have the API server quote the value in its refusal.
 */
export const secretValue: (options: Options) => z.ZodType<SecretValue> = any.schema;

/** A value in exactly one of these forms: its schema, and what it needs and is. */
function oneOf<Forms extends object>(forms: Forms) {
  const byName = Object.entries(forms) as [name: string, Form<Members>][];

  /** The form of a value that has passed the schema. */
  function formOf(value: OneOf<Forms>): Form<Members> {
    const found = byName.find(([name]) => (value as Members)[name] !== undefined);
    if (found === undefined) throw new TypeError("a SecretValue that no schema has let pass");
    return found[1];
  }

  function schema(options: Options): z.ZodType<OneOf<Forms>> {
    const { description, max = MAX_VALUE_LENGTH, demands = [], formatDemands = [] } = options;
    const members = byName.map(([name, of]) => ({ name, of, schemas: of.members(max) }));
    const fields = Object.fromEntries(
      members.flatMap(({ schemas }) => Object.entries(schemas).map(([name, member]) => [name, member.optional()])),
    );
    const written = members.map(
      ({ schemas }) =>
        `{ ${Object.keys(schemas)
          .map((name) => `${name}: …`)
          .join(", ")} }`,
    );
    const rules = [
      exactlyOneOf(byName.map(([name]) => name)),
      ...members.flatMap(({ name, of, schemas }) => [
        ...Object.keys(schemas).flatMap((member) => (member === name ? [] : belongsTo(name, member))),
        ...of.atApply({ demands, formatDemands }).map((demand) => onText(name, demand)),
        ...of.rules,
      ]),
    ];
    const described = structure(fields).describe(`${description} Write ${written.join(" or ")}.`);
    return withRules(described as z.ZodType<Members>, rules) as z.ZodType as z.ZodType<OneOf<Forms>>;
  }

  return {
    schema,
    needs: (value: OneOf<Forms>) => formOf(value).needs(value),
    resolve: (value: OneOf<Forms>, read: ReadKey) => formOf(value).resolve(value, read),
  };
}

function exactlyOneOf(names: readonly string[]): Rule<Members> {
  return {
    cel: `[${names.map((name) => `has(self.${name})`).join(", ")}].filter(given, given).size() == 1`,
    holds: (self) => names.filter((name) => self[name] !== undefined).length === 1,
    message: `must have exactly one of ${names.slice(0, -1).join(", ")} and ${names.at(-1)}`,
  };
}

/** A further member of a form is required with the form's own, and forbidden without it. */
function belongsTo(name: string, member: string): Rule<Members>[] {
  return [
    {
      cel: `!has(self.${name}) || has(self.${member})`,
      holds: (self) => self[name] === undefined || self[member] !== undefined,
      message: `must be set when ${name} is set`,
      at: member,
      reason: "FieldValueRequired",
    },
    {
      cel: `has(self.${name}) || !has(self.${member})`,
      holds: (self) => self[name] !== undefined || self[member] === undefined,
      message: `must not be set unless ${name} is set`,
      at: member,
      reason: "FieldValueForbidden",
    },
  ];
}

function onText(name: string, { cel, holds, message }: Demand): Rule<Members> {
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
export function secretField(
  path: string,
  options: { description: string; max: number; demands: readonly Demand[]; formatDemands?: readonly Demand[] },
) {
  return {
    schema: secretValue(options),
    of: (value: SecretValue): SecretField => ({ path, value, demands: options.demands }),
  };
}
