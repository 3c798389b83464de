/** Answers about a spec from the definition of its type. `types` differs from TYPES only in a test that adds a type. */
import type { Facts } from "../check.ts";
import type { SecretField } from "../secret-value.ts";
import type { TypeDefinition } from "./define.ts";
import { TYPES } from "./index.ts";

type Types = readonly TypeDefinition[];

/** A valid spec of any type. */
export type TypedSpec = { type: string };

/** The definition of a spec's type, and the content of its member. */
export function typeOf(spec: TypedSpec, types: Types = TYPES): { type: TypeDefinition; content: object } {
  const type = types.find(({ name }) => name === spec.type);
  const content = type && (spec as Partial<Record<string, unknown>>)[type.member];
  if (!type || typeof content !== "object" || content === null)
    throw new TypeError("a spec that no schema has let pass");
  return { type, content };
}

/** The types of which a namespace can have only one. The admission policy and the controller enforce this. */
export function onePerNamespace(types: Types = TYPES): string[] {
  return types.filter((type) => type.onePerNamespace).map(({ name }) => name);
}

/** Every SecretValue of a spec, in the order of the API; paths begin with `spec`. */
export function secretFields(spec: TypedSpec, types?: Types): SecretField[] {
  const { type, content } = typeOf(spec, types);
  return type
    .secretFields(content)
    .map(({ path, value, demands }) => ({ path: `spec.${type.member}.${path}`, value, demands }));
}

/**
 * The keys that a spec publishes, or would publish if it were not disabled, before any of them is renamed. They include keys
 * whose values only a live check can find out, such as MONGODB_URI of an Atlas cluster.
 */
export function publishedKeys(spec: TypedSpec, types?: Types): readonly string[] {
  const { type, content } = typeOf(spec, types);
  return type.variants.find((variant) => variant.is(content))?.keys.of(content) ?? [];
}

/** The keys whose values the live check of a spec's type is about, before any of them is renamed; none where there is no check. */
export function checkedKeys(spec: TypedSpec, types?: Types): readonly string[] {
  const { type, content } = typeOf(spec, types);
  return type.check?.keys(content) ?? [];
}

/** Whether every published key has a value, given what a live check has learned so far. */
export function isComplete(spec: TypedSpec, learned: Facts, types?: Types): boolean {
  const { type, content } = typeOf(spec, types);
  const data = type.data(content, () => "", learned);
  return publishedKeys(spec, types).every((key) => Object.hasOwn(data, key));
}

/** Why a spec publishes nothing, in a sentence for a condition; undefined for one that publishes. */
export function disabledBecause(spec: TypedSpec, types?: Types): string | undefined {
  const { type, content } = typeOf(spec, types);
  return type.disabled(content);
}
