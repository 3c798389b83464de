import type { SecretValue } from "#api/schema/spec";
import type { SourceVersion } from "#api/status";
import { Reason } from "#api/status";
import { needs, resolve, type SecretKeyRef } from "#api/secret-value";
import type { TypeDefinition } from "#api/types/define";
import type { TypedSpec } from "#api/types/of-spec";
import { base64, secretFields, text } from "./content.ts";
import type { Source } from "./observed.ts";

/** The names of the Secrets that a spec refers to, sorted, each once. */
export function sourceNames(spec: TypedSpec, types?: readonly TypeDefinition[]): string[] {
  const names = new Set<string>();
  for (const { value } of secretFields(spec, types)) {
    for (const { ref } of needs(value)) names.add(ref.name);
  }
  return [...names].sort();
}

export type Resolved =
  | { kind: "Resolved"; versions: SourceVersion[]; read: (value: SecretValue) => string }
  /** These have to be read first. */
  | { kind: "Unread"; names: string[] }
  | { kind: "Missing"; reason: Reason; message: string };

/**
 * Looks up every key of a Secret that a spec refers to in what has been read.
 *
 * @returns `read` gives any value of this spec as base64. A missing Secret or key is named together with the field that
 *   refers to it, the first one in the order of the spec.
 */
export function resolveSources(
  spec: TypedSpec,
  sources: ReadonlyMap<string, Source>,
  types?: readonly TypeDefinition[],
): Resolved {
  const names = sourceNames(spec, types);
  const unread = names.filter((name) => {
    const source = sources.get(name);
    return source === undefined || (source.found && source.data === undefined);
  });
  if (unread.length > 0) return { kind: "Unread", names: unread };

  for (const { path, value } of secretFields(spec, types)) {
    for (const { path: within, ref } of needs(value)) {
      const missing = whyMissing(`${path}${within}`, ref, sources);
      if (missing) return { kind: "Missing", ...missing };
    }
  }
  const bytesOf = ({ name, key }: SecretKeyRef): string => {
    const source = sources.get(name);
    return (source?.found ? source.data?.[key] : undefined) ?? "";
  };
  return {
    kind: "Resolved",
    versions: sourceVersions(spec, sources, types),
    read: (value) => {
      const resolved = resolve(value, (ref) => text(bytesOf(ref)));
      return typeof resolved === "string" ? base64(resolved) : bytesOf(resolved);
    },
  };
}

/** Why a key that the field at `path` refers to has no value; undefined when it has one. */
function whyMissing(
  path: string,
  { name, key }: SecretKeyRef,
  sources: ReadonlyMap<string, Source>,
): { reason: Reason; message: string } | undefined {
  const source = sources.get(name);
  if (source?.found === false && source.forbidden) {
    const message = `${path} refers to Secret "${name}", which the operator is not allowed to read. Check its Role. It retries automatically.`;
    return { reason: Reason.Forbidden, message };
  }
  if (!source?.found) {
    const message = `${path} refers to Secret "${name}", which does not exist in this namespace.`;
    return { reason: Reason.SourceNotFound, message };
  }
  if (source.data?.[key] === undefined) {
    const message = `${path} refers to key "${key}" of Secret "${name}", which has no such key.`;
    return { reason: Reason.SourceKeyNotFound, message };
  }
  return undefined;
}

/** The versions of a spec's sources as they are known, sorted by name; those of a missing one are empty. */
export function sourceVersions(
  spec: TypedSpec,
  sources: ReadonlyMap<string, Source>,
  types?: readonly TypeDefinition[],
): SourceVersion[] {
  return sourceNames(spec, types).map((name) => versionOf(name, sources));
}

function versionOf(name: string, sources: ReadonlyMap<string, Source>): SourceVersion {
  const source = sources.get(name);
  return source?.found
    ? { name, uid: source.uid, resourceVersion: source.resourceVersion }
    : { name, uid: "", resourceVersion: "" };
}
