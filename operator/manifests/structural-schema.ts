/**
 * zod schema → structural OpenAPI schema of a CRD.
 *
 * `z.toJSONSchema` is lenient: it drops refinements, and writes keywords that an API server refuses or ignores. Here nothing
 * is dropped. Whatever a structural schema cannot hold, lacks a description or a bound, or would make the API server quote
 * a secret value is an error that names the field.
 */
import { z } from "zod";

import { OperatorError } from "#common/operator-error";
import { isCarriedByCrd, SENSITIVE, VALIDATIONS } from "#api/schema/rules";

/** A node of a structural schema (apiextensions.k8s.io/v1 JSONSchemaProps, the part of it that is in use here). */
export type StructuralSchema = {
  type: "object" | "array" | "string" | "integer" | "boolean";
  description?: string;
  default?: unknown;
  properties?: Record<string, StructuralSchema>;
  required?: string[];
  additionalProperties?: StructuralSchema;
  items?: StructuralSchema;
  [keyword: string]: unknown;
};

type Node = Record<string, unknown>;

/** Keywords of every node, and those of each type. A structural schema has no others. */
const COMMON = ["type", "description", "default", VALIDATIONS];
const BY_TYPE: Record<StructuralSchema["type"], string[]> = {
  object: ["properties", "required", "additionalProperties", "minProperties", "maxProperties"],
  array: ["items", "minItems", "maxItems", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"],
  string: ["enum", "format", "minLength", "maxLength", SENSITIVE],
  integer: ["format", "minimum", "maximum"],
  boolean: [],
};
/** On a sensitive string, each of these makes the API server quote the value in its refusal (measured). */
const QUOTES_THE_VALUE = ["enum", "format", "pattern", "minLength", "default", VALIDATIONS];

/** Checks that zod and the API server read alike. Of the length checks only "not empty": they count characters differently. */
const SHARED_CHECKS = new Set(["min_length", "number_format", "greater_than"]);

/**
 * Generates the schema of one node and everything below it.
 *
 * @param path where the schema sits in the resource, for the error's message
 * @throws OperatorError with code ERR_NOT_STRUCTURAL, naming the first field that cannot be expressed
 */
export function structuralSchema(schema: z.ZodType, path: string): StructuralSchema {
  const generated = z.toJSONSchema(schema, {
    target: "openapi-3.0",
    io: "input",
    reused: "inline",
    cycles: "throw",
    unrepresentable: "throw",
    override: ({ zodSchema, jsonSchema, path: at }) => {
      refuseWhatZodAloneDoes(zodSchema, jsonSchema, [path, ...at].join("."));
    },
  });
  return node(generated, path);
}

function refuseWhatZodAloneDoes(schema: z.core.$ZodTypes, generated: z.core.JSONSchema.BaseSchema, path: string): void {
  for (const check of schema._zod.def.checks ?? []) {
    const kind = check._zod.def.check;
    if (kind === "min_length" && (check._zod.def as z.core.$ZodCheckMinLengthDef).minimum !== 1) {
      refuse(path, "has a minimal length above 1, which zod and the API server count differently");
    }
    if (!SHARED_CHECKS.has(kind) && !isCarriedByCrd(check)) {
      refuse(path, `has a check of zod (${kind}) that the API server would not make: write it with withRules or text`);
    }
  }
  const { def } = schema._zod;
  if (def.type === "pipe" && !isCarriedByCrd(def.in))
    refuse(path, "is transformed by zod, which the API server cannot do");
  const annotations = Object.keys(z.globalRegistry.get(schema) ?? {});
  if (def.type === "default" || def.type === "prefault") annotations.push("default");
  // If an object has a preprocess step, z.toJSONSchema silently drops its default, but keeps a prefault.
  const lost = annotations.find((keyword) => !(keyword in generated));
  if (lost !== undefined) refuse(path, `has a ${lost} that does not reach the CRD (write a default with prefault)`);
  if ("coerce" in def && def.coerce) refuse(path, "is coerced by zod, which the API server does not do");
  if (def.type === "catch") refuse(path, "replaces wrong input, which the API server does not do");
}

function node(from: Node, path: string): StructuralSchema {
  const type = from["type"];
  if (typeof type !== "string" || !(type in BY_TYPE)) refuse(path, "has no single type");
  const known = type as StructuralSchema["type"];
  const to: StructuralSchema = { type: known };
  for (const [keyword, value] of Object.entries(from)) {
    if (keyword === "properties" || keyword === "items" || keyword === "additionalProperties") continue;
    if (![...COMMON, ...BY_TYPE[known]].includes(keyword))
      refuse(path, `uses ${keyword}, which a ${known} cannot have`);
    if (keyword !== SENSITIVE) to[keyword] = value;
  }
  if (typeof to.description !== "string" || to.description === "") refuse(path, "has no description");
  // `kubectl explain` shows a default nowhere else.
  const preset = to.default;
  if (typeof preset === "string" || typeof preset === "number" || typeof preset === "boolean") {
    to.description += ` Default: ${String(preset)}.`;
  }
  if (known === "object") content(from, to, path);
  if (known === "array") to.items = node(from["items"] as Node, `${path}[]`);
  if (known === "integer") wholeNumber(to);
  bounded(to, path);
  if (from[SENSITIVE] === true) silent(from, path);
  return to;
}

/** Either fixed fields (and no others: a stored unknown field is pruned, and zod refuses it), or a map. */
function content(from: Node, to: StructuralSchema, path: string): void {
  const { properties, additionalProperties } = from;
  if (properties !== undefined) {
    if (additionalProperties !== false) refuse(path, "leaves other fields open: write it with structure");
    to.properties = Object.fromEntries(
      Object.entries(properties as Record<string, Node>).map(([name, field]) => [name, node(field, `${path}.${name}`)]),
    );
  } else if (typeof additionalProperties === "object") {
    to.additionalProperties = node(additionalProperties as Node, `${path}.*`);
  } else {
    refuse(path, "has neither fields nor values");
  }
}

/** zod bounds every integer by what a double can hold; Kubernetes says int64. */
function wholeNumber(to: StructuralSchema): void {
  if (to["minimum"] === Number.MIN_SAFE_INTEGER) delete to["minimum"];
  if (to["maximum"] === Number.MAX_SAFE_INTEGER) delete to["maximum"];
  to["format"] ??= "int64";
}

/** The API server estimates the cost of rules from these bounds, and refuses a CRD whose rules could be too expensive. */
function bounded(to: StructuralSchema, path: string): void {
  const has = (keyword: string): boolean => to[keyword] !== undefined;
  if (to.type === "string" && !has("maxLength") && !has("enum") && !has("format")) refuse(path, "has no maxLength");
  if (to.type === "array" && !has("maxItems")) refuse(path, "has no maxItems");
  if (to.additionalProperties && !has("maxProperties")) refuse(path, "has no maxProperties");
}

function silent(from: Node, path: string): void {
  const loud = QUOTES_THE_VALUE.find((keyword) => keyword in from);
  if (loud !== undefined) refuse(path, `is sensitive and uses ${loud}: put a rule on its parent instead`);
}

function refuse(path: string, problem: string): never {
  throw new OperatorError("ERR_NOT_STRUCTURAL", `${path} ${problem}`);
}
