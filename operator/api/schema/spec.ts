/**
 * The spec of an AppSecret: the only source of its TypeScript types, of the rules at `kubectl apply` and of the rules here.
 *
 * The API server applies the same rules before it stores an object. `parseSpec` therefore fails only for objects that were
 * stored under other rules (an older CRD), and for files that have not been applied yet.
 */
import { z } from "zod";

import type { AppSecretSpec, SpecOf } from "../spec.ts";
import type { TypeDefinition } from "../types/define.ts";
import { TYPES } from "../types/index.ts";
import { COMMON_FIELDS } from "./common.ts";
import { problemsOf } from "./problems.ts";
import { renameRules, type SpecFields } from "./renames.ts";
import { type Rule, structure, VALIDATIONS, withRules } from "./rules.ts";
import { isSameJson } from "./same-json.ts";

export type { SecretValue } from "../secret-value.ts";
export type { AppSecret, AppSecretSpec, AppSecretType } from "../spec.ts";

/** The schema of a spec that is of one of these types. */
export function specSchemaOf<const Types extends readonly TypeDefinition[]>(
  types: Types,
): z.ZodType<SpecOf<Types[number]>> {
  const members = types.map(({ member, schema }) => [member, schema.optional()] as const);
  const fields = structure({
    type: typeSchema(types),
    ...Object.fromEntries(members),
    ...COMMON_FIELDS,
  }).describe("What to publish, and how.");
  const rules = [...types.flatMap(memberRules), ...renameRules(types)];
  return withRules(fields as unknown as z.ZodType<SpecFields>, rules) as unknown as z.ZodType<SpecOf<Types[number]>>;
}

function typeSchema(types: readonly TypeDefinition[]): z.ZodType<string> {
  const named = (few: boolean): string[] =>
    types.filter((type) => type.onePerNamespace === few).map(({ name }) => name);
  const counts = [...named(true).map((name) => `one ${name}`), `any number of ${named(false).join(" and ")}`];
  return z
    .enum(types.map(({ name }) => name))
    .meta({
      [VALIDATIONS]: [
        { rule: "self == oldSelf", message: "cannot be changed: delete the AppSecret and create a new one" },
      ],
    })
    .describe(
      `What the AppSecret publishes. The field of the same name holds the content. A namespace can have ${listed(counts)}. You cannot change the type.`,
    );
}

/** "a, b, and c". */
function listed(parts: readonly string[]): string {
  return [...parts.slice(0, -1), `and ${parts.at(-1) ?? ""}`].join(", ");
}

/** The member of a type is required in it, and forbidden in the others. */
function memberRules({ name, member }: TypeDefinition): Rule<SpecFields>[] {
  return [
    {
      cel: `self.type != '${name}' || has(self.${member})`,
      holds: (self) => self.type !== name || self[member] !== undefined,
      message: `must be set when spec.type is ${name}`,
      at: member,
      reason: "FieldValueRequired",
    },
    {
      cel: `self.type == '${name}' || !has(self.${member})`,
      holds: (self) => self.type === name || self[member] === undefined,
      message: `must not be set unless spec.type is ${name}`,
      at: member,
      reason: "FieldValueForbidden",
    },
  ];
}

type Parsed<Spec> = { ok: true; spec: Spec } | { ok: false; problems: string[] };
type Parser<Spec> = (spec: unknown) => Parsed<Spec>;

/** By the list of types: there is one parser for each list, which remembers what it has parsed. */
const parsers = new WeakMap<readonly TypeDefinition[], Parser<unknown>>();

/**
 * Makes a reader of specs.
 *
 * @returns a function that reads a spec as a person wrote it or as the API server stored it. The same object is read once:
 *   it must not be changed afterwards. It gives the spec with its defaults, or what is wrong with it: sentences that begin
 *   with the field's path ("spec.database.mongodbUri.value must begin with …") and never quote a value.
 */
export function specParser<const Types extends readonly TypeDefinition[]>(types: Types): Parser<SpecOf<Types[number]>> {
  type Spec = SpecOf<Types[number]>;
  const known = parsers.get(types);
  if (known) return known as Parser<Spec>;
  const schema = specSchemaOf(types);
  /** By the spec itself: an object in memory is never changed in place, and is parsed several times per change. */
  const parsedBefore = new WeakMap<object, Parsed<Spec>>();

  function parse(spec: unknown): Parsed<Spec> {
    const result = schema.safeParse(spec);
    if (!result.success) return { ok: false, problems: problemsOf(result.error, "spec") };
    // The API server has filled in the defaults, so usually the two are equal and one is enough to keep in memory.
    return { ok: true, spec: isSameJson(result.data, spec) ? (spec as Spec) : result.data };
  }

  const parser: Parser<Spec> = (spec) => {
    if (typeof spec !== "object" || spec === null) return parse(spec);
    const before = parsedBefore.get(spec);
    if (before !== undefined) return before;
    const parsed = parse(spec);
    parsedBefore.set(spec, parsed);
    return parsed;
  };
  parsers.set(types, parser);
  return parser;
}

/** Reads a spec of one of the product's types. */
export const parseSpec: Parser<AppSecretSpec> = specParser(TYPES);
