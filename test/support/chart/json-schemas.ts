/** JSON schemas for kubeconform, made from what a real kube-apiserver publishes: nothing is downloaded. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Api } from "../operator/api.ts";

type Schema = {
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  "x-kubernetes-preserve-unknown-fields"?: boolean;
  "x-kubernetes-group-version-kind"?: { group: string; version: string; kind: string }[];
};
type Index = { paths: Record<string, { serverRelativeURL: string }> };

/** kubeconform's name for a file of `writeSchemas`. */
export const LOCATION = "{{ .ResourceKind }}-{{ .ResourceAPIVersion }}.json";

/**
 * Writes a schema for each kind of these API groups ("api/v1", "apis/apps/v1"). Unknown fields are refused, as
 * `kubectl apply` does.
 */
export async function writeSchemas(api: Api, groups: readonly string[], folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const { paths } = await api.get<Index>("/openapi/v3");
  for (const group of groups) {
    const url = paths[group]?.serverRelativeURL;
    if (url === undefined) throw new Error(`the API server does not know ${group}`);
    const { components } = await api.get<{ components: { schemas: Record<string, Schema> } }>(url);
    for (const schema of Object.values(components.schemas)) close(schema);
    for (const [name, { "x-kubernetes-group-version-kind": kinds = [] }] of Object.entries(components.schemas)) {
      const [own] = kinds;
      if (own === undefined || kinds.length > 1) continue;
      const file = `${own.kind.toLowerCase()}-${own.version}.json`;
      writeFileSync(join(folder, file), JSON.stringify({ $ref: `#/components/schemas/${name}`, components }));
    }
  }
}

/** An object with fields has these and no others. */
function close(schema: Schema): void {
  const { properties, additionalProperties, items } = schema;
  const open = additionalProperties !== undefined || schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (properties !== undefined && !open) schema.additionalProperties = false;
  for (const one of Object.values(properties ?? {})) close(one);
  if (typeof additionalProperties === "object") close(additionalProperties);
  if (items !== undefined) close(items);
}
