import type { AppSecretSpec, SecretValue } from "#api/schema/spec";
import type { SourceVersion } from "#api/status";
import { Reason } from "#api/status";
import { secretFields } from "./content.ts";
import type { Source } from "./observed.ts";

/** The names of the Secrets that a spec refers to, sorted, each once. */
export function sourceNames(spec: AppSecretSpec): string[] {
  const names = new Set<string>();
  for (const { value } of secretFields(spec)) {
    if (value.valueFrom) names.add(value.valueFrom.secretKeyRef.name);
  }
  return [...names].sort();
}

export type Resolved =
  | { kind: "Resolved"; versions: SourceVersion[]; read: (value: SecretValue) => string }
  /** These have to be read first. */
  | { kind: "Unread"; names: string[] }
  | { kind: "Missing"; reason: Reason; message: string };

/**
 * Looks up every `secretKeyRef` of a spec in what has been read.
 *
 * @returns `read` gives any value of this spec as base64. A missing Secret or key is named together with the field that
 *   refers to it, the first one in the order of the spec.
 */
export function resolveSources(spec: AppSecretSpec, sources: ReadonlyMap<string, Source>): Resolved {
  const names = sourceNames(spec);
  const unread = names.filter((name) => {
    const source = sources.get(name);
    return source === undefined || (source.found && source.data === undefined);
  });
  if (unread.length > 0) return { kind: "Unread", names: unread };

  for (const { path, value } of secretFields(spec)) {
    if (!value.valueFrom) continue;
    const { name, key } = value.valueFrom.secretKeyRef;
    const source = sources.get(name);
    if (source?.found === false && source.forbidden) {
      const message = `${path} refers to Secret "${name}", which the operator may not read: look at its Role. It tries again by itself.`;
      return { kind: "Missing", reason: Reason.Forbidden, message };
    }
    if (!source?.found) {
      const message = `${path} refers to Secret "${name}", which does not exist in this namespace.`;
      return { kind: "Missing", reason: Reason.SourceNotFound, message };
    }
    if (source.data?.[key] === undefined) {
      const message = `${path} refers to key "${key}" of Secret "${name}", which has no such key.`;
      return { kind: "Missing", reason: Reason.SourceKeyNotFound, message };
    }
  }
  return {
    kind: "Resolved",
    versions: sourceVersions(spec, sources),
    read: (value) => {
      if (!value.valueFrom) return Buffer.from(value.value, "utf8").toString("base64");
      const { name, key } = value.valueFrom.secretKeyRef;
      const source = sources.get(name);
      return (source?.found ? source.data?.[key] : undefined) ?? "";
    },
  };
}

/** The versions of a spec's sources as they are known, sorted by name; those of a missing one are empty. */
export function sourceVersions(spec: AppSecretSpec, sources: ReadonlyMap<string, Source>): SourceVersion[] {
  return sourceNames(spec).map((name) => versionOf(name, sources));
}

function versionOf(name: string, sources: ReadonlyMap<string, Source>): SourceVersion {
  const source = sources.get(name);
  return source?.found
    ? { name, uid: source.uid, resourceVersion: source.resourceVersion }
    : { name, uid: "", resourceVersion: "" };
}
