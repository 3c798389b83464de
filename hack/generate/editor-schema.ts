/**
 * A JSON schema (draft 7) of AppSecrets for editors: completion, descriptions, and most mistakes while one types.
 *
 * It is made from the CRD. JSON Schema has no CEL, so rules of a few shapes are translated (cel.ts) and the others are left
 * to the API server: the schema may let through what `kubectl apply` refuses, and never the other way round.
 */
import { API_VERSION, KIND } from "#api/names";
import type { StructuralSchema } from "#manifests/structural-schema";
import { type JsonSchema, translate } from "./cel.ts";
import { validationsOf, version } from "./schema.ts";

/** Keywords that mean the same in both kinds of schema. */
const SHARED = [
  ...["type", "description", "default", "enum", "required"],
  ...["minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "minProperties", "maxProperties"],
];

/** The content of the file. */
export function editorSchema(): string {
  const { description, properties } = version().schema.openAPIV3Schema;
  const { spec, status } = properties;
  if (!spec || !status) throw new TypeError("the CRD has no spec or no status");
  const schema = {
    $schema: "http://json-schema.org/draft-07/schema#",
    $comment: "Generated from operator/api by hack/generate.ts: change it there.",
    title: KIND,
    description,
    type: "object",
    required: ["apiVersion", "kind", "metadata", "spec"],
    properties: {
      apiVersion: { const: API_VERSION, description: properties["apiVersion"]?.description },
      kind: { const: KIND, description: properties["kind"]?.description },
      metadata: { type: "object", description: "The AppSecret's name, namespace, labels and annotations." },
      spec: node(spec),
      status: { type: "object", description: status.description },
    },
    additionalProperties: false,
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

function node(from: StructuralSchema): JsonSchema {
  const to: JsonSchema = {};
  for (const keyword of SHARED) if (from[keyword] !== undefined) to[keyword] = from[keyword];
  if (from.properties) {
    to["properties"] = Object.fromEntries(Object.entries(from.properties).map(([name, field]) => [name, node(field)]));
    to["additionalProperties"] = false;
  }
  if (from.additionalProperties) to["additionalProperties"] = node(from.additionalProperties);
  if (from.items) to["items"] = node(from.items);
  const rules = validationsOf(from).flatMap(({ rule, message }) => translate(rule, message, from) ?? []);
  return rules.length > 0 ? { ...to, allOf: rules } : to;
}
