import { problemOf } from "#api/schema/demands";
import type { SecretValue } from "#api/schema/spec";
import { secretKey, type Target } from "#api/schema/target";
import { needs } from "#api/secret-value";
import type { TypeDefinition } from "#api/types/define";
import { secretFields, typeOf } from "#api/types/of-spec";

export { secretFields };

/**
 * The data of the Secret that a spec asks for, keys renamed and sorted.
 *
 * @param read gives a value of the spec as base64, its source resolved
 * @param host of the Atlas cluster; without it MONGODB_URI of an Atlas database is left out
 * @returns base64 by key, or what is wrong with a value that only its source could tell; never the value itself
 */
export function content(
  spec: { type: string; target: Target },
  read: (value: SecretValue) => string,
  host?: string,
  types?: readonly TypeDefinition[],
): { ok: true; data: Record<string, string> } | { ok: false; problem: string } {
  const readText = (value: SecretValue): string => text(read(value));
  for (const { path, value, demands } of secretFields(spec, types)) {
    const problem = demands.length === 0 ? undefined : problemOf(demands, readText(value));
    if (problem !== undefined) return { ok: false, problem: `${path}: ${textOf(value)} ${problem}.` };
  }
  const { type, content: given } = typeOf(spec, types);
  const learned = host === undefined ? {} : { host };
  const renamed = Object.entries(type.data(given, readText, learned)).map(([key, value]): [string, string] => [
    secretKey(key, spec.target.keys),
    typeof value === "string" ? base64(value) : read(value),
  ]);
  renamed.sort(([a], [b]) => (a < b ? -1 : 1));
  return { ok: true, data: Object.fromEntries(renamed) };
}

/** The size of a Secret's data as the API server counts it: the decoded values, in bytes. */
export function size(data: Readonly<Record<string, string>>): number {
  return Object.values(data).reduce((sum, value) => sum + Buffer.byteLength(value, "base64"), 0);
}

/** The text of a value in words. A literal never needs them: it has passed the schema, which makes the same demands. */
function textOf(value: SecretValue): string {
  const sources = needs(value).map(({ ref }) => `key "${ref.key}" of Secret "${ref.name}"`);
  if (value.format === undefined) return sources.join();
  return sources.length === 0 ? "the composed text" : `the text composed with ${sources.join(" and ")}`;
}

export function base64(value: string): string {
  return Buffer.from(value, "utf8").toString("base64");
}

/** The text of a base64 value. */
export function text(value: string): string {
  return Buffer.from(value, "base64").toString("utf8");
}
