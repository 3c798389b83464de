/** docs/api.md: every field of an AppSecret with its type, default, bounds and rules, and the keys that are published. */
import { API_VERSION, KIND } from "#api/names";
import { TYPES } from "#api/types/index";
import type { TypeDefinition } from "#api/types/define";
import type { StructuralSchema } from "#manifests/structural-schema";
import { validationsOf, version } from "./schema.ts";
import { table } from "./table.ts";

type Node = StructuralSchema;

/** The page. */
export function apiPage(): string {
  const { additionalPrinterColumns, schema } = version();
  const { spec, status } = schema.openAPIV3Schema.properties;
  if (!spec || !status) throw new TypeError("the CRD has no spec or no status");
  const described = new Map<string, string>();
  return `<!-- Generated from operator/api by hack/generate.ts: change it there. -->

# The API

Every field of \`kind: ${KIND}\`, \`apiVersion: ${API_VERSION}\`. The API server applies the rules on this page when you create or
change an AppSecret, and refuses one that breaks them. \`kubectl explain appsecret.spec --recursive\` shows the same fields.

Lengths are in Unicode characters. A field without a default is absent if you leave it out.
[The AppSecret](appsecret.md) explains how the fields work together, and [troubleshooting](troubleshooting.md) what a refusal means.

## In an editor

[schemas/appsecret.schema.json](../schemas/appsecret.schema.json) is a JSON schema of AppSecrets: editors that use
[yaml-language-server](https://github.com/redhat-developer/yaml-language-server) (VS Code, Neovim, and many others) complete and
describe fields with it, and underline mistakes while you type. Copy it into your repository, and name it in the first line of each
YAML document that is an AppSecret, by its path from that file or by its URL:

\`\`\`yaml
# yaml-language-server: $schema=../schemas/appsecret.schema.json
apiVersion: ${API_VERSION}
kind: ${KIND}
metadata:
  name: orders-login
spec:
  type: Authentication
  authentication:
    jwksUri: https://id.example.com/.well-known/jwks.json
    audience: orders-api
\`\`\`

The schema has all rules except a few that compare fields with each other; the API server has the last word:
\`kubectl apply --server-side --dry-run=server -f FILE\`.

## Published keys

${table(["spec.type", "if", "keys, before \`spec.target.keys\` renames them"], TYPES.flatMap(publishedKeys))}
${sections("spec", spec, described).join("\n")}
${sections("status", status, described).join("\n")}
## Columns of kubectl get

${table(
  ["column", "from", "meaning"],
  additionalPrinterColumns.map(({ name, jsonPath, description, priority }) => [
    name.toUpperCase(),
    `\`${jsonPath}\``,
    `${description}${priority === undefined ? "" : " Only with `-o wide`."}`,
  ]),
)}`;
}

function publishedKeys({ name, member, variants }: TypeDefinition): string[][] {
  return variants.map(({ when, keys }) => [
    `\`${name}\``,
    when === undefined ? "always" : `\`${when(`spec.${member}`)}\``,
    keys.named,
  ]);
}

/**
 * A section for a node and for every object below it. Where an object has the same fields as an earlier one, its row leads
 * there instead.
 *
 * @param described the path of each object that has a section, by its fields
 */
function sections(path: string, node: Node, described: Map<string, string>): string[] {
  const inner: string[] = [];
  const rows = Object.entries(node.properties ?? {}).map(([name, field]) => {
    const { at, object } = innermost(`${path}.${name}`, field);
    if (object.properties) {
      const fields = fieldsOf(object);
      if (!described.has(fields)) {
        described.set(fields, at);
        inner.push(...sections(at, object, described));
      }
      return row(name, field, `See [${described.get(fields) ?? at}](#${anchor(described.get(fields) ?? at)}).`, node);
    }
    return row(name, field, "", node);
  });
  const rules = rulesOf(path, node);
  const text = [
    `${"#".repeat(path.includes(".") ? 3 : 2)} ${path}\n`,
    `${node.description ?? ""}\n`,
    table(["field", "type", "default", "bounds", "meaning"], rows),
    ...(rules.length > 0 ? [`Rules:\n\n${rules.map((rule) => `- ${rule}\n`).join("")}`] : []),
  ].join("\n");
  return [text, ...inner];
}

/** The object that a list or a map holds. */
function innermost(path: string, node: Node): { at: string; object: Node } {
  if (node.items) return innermost(`${path}[]`, node.items);
  if (node.additionalProperties) return innermost(`${path}.*`, node.additionalProperties);
  return { at: path, object: node };
}

/** The same for two objects that differ in their description only. */
function fieldsOf({ description: _, ...fields }: Node): string {
  return JSON.stringify(fields);
}

function anchor(heading: string): string {
  return heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "");
}

function row(name: string, field: Node, more: string, { required = [] }: Node): string[] {
  const { description = "", default: preset } = field;
  // An object's default is that of its fields.
  const shown = preset === undefined || typeof preset === "object" ? "" : `\`${JSON.stringify(preset)}\``;
  const meaning = description.replace(/ Default: \w+\.$/, "");
  return [
    `\`${name}\``,
    typeName(field),
    required.includes(name) ? "required" : shown,
    bounds(field),
    more === "" ? meaning : `${meaning} ${more}`,
  ];
}

function typeName(node: Node): string {
  if (node.items) return `list: ${typeName(node.items)}`;
  if (node.additionalProperties) return `map: ${typeName(node.additionalProperties)}`;
  return node["format"] === "date-time" ? "time" : node.type;
}

function bounds(node: Node): string {
  const { enum: values, items, additionalProperties } = node;
  const own = Array.isArray(values)
    ? `one of ${values.map((value) => `\`${JSON.stringify(value)}\``).join(", ")}`
    : (range(node, "minLength", "maxLength", "characters") ??
      range(node, "minProperties", "maxProperties", "entries") ??
      range(node, "minItems", "maxItems", "entries") ??
      range(node, "minimum", "maximum", ""));
  const of = items ?? additionalProperties;
  const each = of === undefined || of.properties ? "" : bounds(of);
  const keys = node["x-kubernetes-list-map-keys"] as string[] | undefined;
  return [
    ...(own === undefined ? [] : [own]),
    ...(each === "" ? [] : [`each ${each}`]),
    ...(keys === undefined ? [] : [`no two with the same ${keys.join(" and ")}`]),
  ].join("; ");
}

function range(node: Node, min: string, max: string, unit: string): string | undefined {
  const [least, most] = [node[min], node[max]].map((bound) => (typeof bound === "number" ? bound : undefined));
  if (least === undefined && most === undefined) return undefined;
  if (most === undefined) return `at least ${least} ${unit}`.trim();
  return (least === undefined ? `at most ${most} ${unit}` : `${least} to ${most} ${unit}`).trim();
}

/** The rules of a node, and of the fields and values in it that have no section of their own. */
function rulesOf(path: string, node: Node): string[] {
  const own = validationsOf(node).map(({ message, fieldPath = "" }) => `\`${path}${fieldPath}\` ${message}.`);
  const inner: [path: string, node: Node | undefined][] = [
    ...Object.entries(node.properties ?? {}).map(([name, field]): [string, Node] => [`${path}.${name}`, field]),
    [`${path}[]`, node.items],
    [`${path}.*`, node.additionalProperties],
  ];
  const below = inner.flatMap(([at, each]) => (each === undefined || each.properties ? [] : rulesOf(at, each)));
  return [...new Set([...own, ...below])];
}
