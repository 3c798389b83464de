/**
 * CEL rules of the CRD in JSON Schema, where they have one of these shapes:
 *
 * - terms about one field, about each key or about each value of a map, joined by `||` and `&&`:
 *   `self.name.matches(r'…')`, `!self.name.matches(r'…')`, `self.name != ''`, `!has(self.name)`
 * - exactly one of several fields: `[has(self.a), has(self.b)].filter(given, given).size() == 1`
 * - a field that another one's value demands or forbids: `self.mode != 'A' || has(self.a)`, `self.mode == 'A' || !has(self.a)`
 */
import type { StructuralSchema } from "#manifests/structural-schema";

export type JsonSchema = { [keyword: string]: unknown };

/**
 * @param on the node that has the rule
 * @returns a schema that holds where the rule does; undefined for a rule of another shape
 */
export function translate(rule: string, message: string, on: StructuralSchema): JsonSchema | undefined {
  return exactlyOne(rule) ?? demanded(rule, on) ?? ofEach(rule, message) ?? ofField(rule, message);
}

function exactlyOne(rule: string): JsonSchema | undefined {
  const [, list] = /^\[(.*)\]\.filter\(given, given\)\.size\(\) == 1$/.exec(rule) ?? [];
  const names = list?.split(", ").map((each) => /^has\(self\.(\w+)\)$/.exec(each)?.[1]);
  return names?.every((name) => name !== undefined)
    ? { oneOf: names.map((name) => ({ required: [name] })) }
    : undefined;
}

function demanded(rule: string, { properties }: StructuralSchema): JsonSchema | undefined {
  const [, field = "", operator, value, absent, member = ""] =
    /^self\.(\w+) (==|!=) '(\w+)' \|\| (!?)has\(self\.(\w+)\)$/.exec(rule) ?? [];
  if (operator === undefined || (operator === "==") !== (absent === "!")) return undefined;
  const isPreset = properties?.[field]?.default === value;
  const has = { properties: { [field]: { const: value } }, ...(isPreset ? {} : { required: [field] }) };
  return operator === "!="
    ? { if: has, then: { required: [member] } }
    : { if: has, else: { properties: { [member]: false } } };
}

/** About each key of a map, or each value. */
function ofEach(rule: string, message: string): JsonSchema | undefined {
  const [, every] = /^self\.all\(key, (.*)\)$/.exec(rule) ?? [];
  const [, none] = /^!self\.exists\(key, (.*)\)$/.exec(rule) ?? [];
  const found = alternatives(every ?? none ?? "");
  if (found === undefined) return undefined;
  const schema = { ...(every === undefined ? { not: found.schema } : found.schema), errorMessage: message };
  if (found.about === "key") return { propertyNames: schema };
  return found.about === "self[key]" ? { additionalProperties: schema } : undefined;
}

function ofField(rule: string, message: string): JsonSchema | undefined {
  const { about, schema } = alternatives(rule) ?? {};
  const [, field] = /^self\.(\w+)$/.exec(about ?? "") ?? [];
  return field === undefined ? undefined : { properties: { [field]: { ...schema, errorMessage: message } } };
}

type Found = { about: string; schema: JsonSchema };

function alternatives(expression: string): Found | undefined {
  // That the field is absent needs no saying: JSON Schema judges only the fields that there are.
  return joined(
    expression.split(" || ").filter((part) => !/^!has\(self\.\w+\)$/.test(part)),
    (part) => joined(part.split(" && "), term, "allOf"),
    "anyOf",
  );
}

function joined(parts: string[], read: (part: string) => Found | undefined, by: "anyOf" | "allOf"): Found | undefined {
  const [first, ...others] = parts.map(read);
  if (first === undefined || others.some((other) => other?.about !== first.about)) return undefined;
  return others.length === 0
    ? first
    : { about: first.about, schema: { [by]: [first, ...others].map((found) => found?.schema) } };
}

function term(text: string): Found | undefined {
  const [, not, about, re2] = /^(!?)(key|self\[key\]|self\.\w+)\.matches\(r'([^']*)'\)$/.exec(text) ?? [];
  // RE2 writes a letter by its number in braces, ECMAScript without.
  const pattern = re2?.replaceAll(/\\x\{([0-9a-f]{4})\}/g, "\\u$1");
  if (about !== undefined) return { about, schema: not === "!" ? { not: { pattern } } : { pattern } };
  const [, filled] = /^(self\.\w+) != ''$/.exec(text) ?? [];
  return filled === undefined ? undefined : { about: filled, schema: { minLength: 1 } };
}
