/** What a structural schema cannot hold stops the generator, and names the field. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { z } from "zod";

import { mapOf, SENSITIVE, structure, text, VALIDATIONS, withRules } from "#api/schema/rules";
import { structuralSchema } from "#manifests/structural-schema";

function problemOf(schema: z.ZodType): string {
  try {
    structuralSchema(schema, "x");
  } catch (error) {
    return (error as Error).message;
  }
  return "none: it was generated";
}

const described = (field: z.ZodType) => structure({ field: field.describe("A field.") }).describe("An object.");
const string = text({ max: 10 });
const rule = { cel: "self.field != ''", holds: () => true, message: "must not be empty" };

const REFUSED: [what: string, schema: z.ZodType, problem: RegExp][] = [
  ["a union", described(z.union([z.string(), z.boolean()])), /^x\.field has no single type/],
  ["null", described(string.nullable()), /^x\.field uses nullable/],
  ["a tuple", described(z.tuple([z.boolean()])), /^x\.field\[\] has no single type/],
  ["anything", described(z.any()), /^x\.field has no single type/],
  ["a float", described(z.number()), /^x\.field has no single type/],
  ["a date", described(z.date()), /Date/],
  ["a string without a bound", described(z.string()), /^x\.field has no maxLength/],
  ["a list without a bound", described(z.array(string.describe("An item."))), /^x\.field has no maxItems/],
  [
    "a map without a bound",
    described(z.record(z.string(), string.describe("A value."))),
    /^x\.field has no maxProperties/,
  ],
  [
    "a field without a description",
    structure({ field: string }).describe("An object."),
    /^x\.field has no description/,
  ],
  [
    "an item without a description",
    described(z.array(string).meta({ maxItems: 1 })),
    /^x\.field\[\] has no description/,
  ],
  ["a value without a description", described(mapOf(string, { max: 1 })), /^x\.field\.\* has no description/],
  ["unknown fields left open", described(z.object({})), /^x\.field leaves other fields open/],
  [
    "some unknown fields left open",
    described(z.object({ a: string.describe("A field.") })),
    /^x\.field leaves other fields open/,
  ],
  ["a refinement of zod's alone", described(string.refine(() => true)), /field has a check of zod \(custom\)/],
  ["a pattern", described(z.string().regex(/a/)), /field has a check of zod \(string_format\)/],
  ["a length in UTF-16 units", described(z.string().max(10)), /field has a check of zod \(max_length\)/],
  ["a minimal length above 1", described(string.min(2)), /field has a minimal length above 1/],
  [
    "a value that zod changes",
    described(z.string().trim().meta({ maxLength: 1 })),
    /field has a check of zod \(overwrite\)/,
  ],
  ["a transformation", described(string.transform((value) => value.length)), /is transformed by zod/],
  ["a preprocess step of zod's alone", described(z.preprocess((value) => value, string)), /is transformed by zod/],
  ["a coercion", described(z.coerce.boolean()), /field is coerced by zod/],
  ["a fallback", described(string.catch("")), /field replaces wrong input/],
  [
    "a default that z.toJSONSchema drops",
    described(structure({}).default({})),
    /field has a default that does not reach/,
  ],
  [
    "an annotation that z.toJSONSchema drops",
    described(structure({}).meta({ default: {} })),
    /field has a default that does not reach/,
  ],
  [
    "a rule on a secret",
    described(withRules(string.meta({ [SENSITIVE]: true }), [rule])),
    /^x\.field is sensitive and uses x-kub/,
  ],
  [
    "a not-empty on a secret",
    described(text({ min: 1, max: 5 }).meta({ [SENSITIVE]: true })),
    /sensitive and uses minLength/,
  ],
  ["an enum on a secret", described(z.enum(["a"]).meta({ [SENSITIVE]: true })), /sensitive and uses enum/],
  ["a format on a secret", described(string.meta({ [SENSITIVE]: true, format: "uri" })), /sensitive and uses format/],
  ["a default on a secret", described(string.meta({ [SENSITIVE]: true }).default("a")), /sensitive and uses default/],
];
for (const [what, schema, problem] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.match(problemOf(schema), problem);
  });
}

test("what it can hold is generated, and the marks for secrets stay out", () => {
  const schema = withRules(
    structure({
      secret: string.meta({ [SENSITIVE]: true }).describe("A secret."),
      count: z.int().min(0).describe("A count.").optional(),
      map: mapOf(z.boolean().describe("A value."), { min: 1, max: 2 }).describe("A map.").optional(),
      kind: z.enum(["a", "b"]).default("a").describe("A kind."),
      inner: structure({ on: z.boolean().default(true).describe("A switch.") })
        .prefault({})
        .describe("An object."),
    }).describe("All of it."),
    [{ cel: "self.secret != ''", holds: ({ secret }) => secret !== "", message: "must not be empty", at: "secret" }],
  );
  assert.equal(structuralSchema(schema, "x"), {
    type: "object",
    description: "All of it.",
    required: ["secret"],
    [VALIDATIONS]: [{ rule: "self.secret != ''", message: "must not be empty", fieldPath: ".secret" }],
    properties: {
      secret: { type: "string", maxLength: 10, description: "A secret." },
      count: { type: "integer", format: "int64", minimum: 0, description: "A count." },
      map: {
        type: "object",
        description: "A map.",
        minProperties: 1,
        maxProperties: 2,
        additionalProperties: { type: "boolean", description: "A value." },
      },
      kind: { type: "string", enum: ["a", "b"], default: "a", description: "A kind. Default: a." },
      inner: {
        type: "object",
        description: "An object.",
        default: {},
        properties: { on: { type: "boolean", default: true, description: "A switch. Default: true." } },
      },
    },
  });
});

test.run();
