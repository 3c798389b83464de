/**
 * What a type of AppSecret is. The schema and its rules, the admission policy, the published keys and the plan follow from
 * these definitions; see docs/architecture.md, "Add a type".
 */
import type { z } from "zod";

import type { CheckSubject, Facts } from "../check.ts";
import { listOf } from "../schema/formats.ts";
import type { SecretField, SecretValue } from "../secret-value.ts";

/**
 * One type of AppSecret. `Content` is what a valid spec has in the type's member.
 *
 * Methods, because TypeScript lets a definition with a narrower `Content` stand in a list of definitions only then. They are
 * called through of-spec.ts, which gives each its own content.
 */
export type TypeDefinition<
  Name extends string = string,
  Member extends string = string,
  Content extends object = object,
  Check extends LiveCheck<Content> | undefined = LiveCheck<Content> | undefined,
> = {
  /** The value of `spec.type`. */
  name: Name;
  /** The field of `spec` that has the content. */
  member: Member;
  /** Whether a namespace has one AppSecret of this type at most. */
  onePerNamespace: boolean;
  schema: z.ZodType<Content>;
  /** Which keys are published in which case. Exactly one is for a valid content. */
  variants: readonly Variant<Content>[];
  /** Every SecretValue in the content, in the order of the schema. Paths begin within the content. */
  secretFields(content: Content): SecretField[];
  /**
   * The published data before renaming: a text, or a SecretValue whose bytes are taken as they are. A key whose value only
   * a check can tell is left out until it has.
   */
  data(content: Content, read: ReadText, learned: Facts): Record<string, string | SecretValue>;
  /** The live check; undefined for a content that means nothing to us. */
  check: Check;
  /** Why nothing is published, in a sentence; undefined where something is. A Secret that was published is withdrawn. */
  disabled(content: Content): string | undefined;
};

/** Gives the text of a SecretValue, its sources resolved. */
export type ReadText = (value: SecretValue) => string;

export type LiveCheck<Content> = {
  subject(content: Content, read: ReadText): CheckSubject;
  /** AppSecrets with the same group are checked at the same time, and so share one check. Only its hash is kept. */
  group(content: Content, namespace: string): readonly string[];
};

/** A case in which the same keys are published. */
export type Variant<Content> = {
  is(content: Content): boolean;
  /** The same as CEL over the expression `content`; undefined when it is always so. */
  when: ((content: string) => string) | undefined;
  keys: PublishedKeys<Content>;
};

export type PublishedKeys<Content> = {
  of(content: Content): readonly string[];
  /** The same as CEL, a list or a map: a constant, or made over the expression `content`. */
  cel: string | ((content: string) => string);
  /** The same for people. */
  named: string;
};

/** Always the same keys. */
export function always(keys: readonly string[]): PublishedKeys<unknown> {
  return { of: () => keys, cel: listOf(keys), named: keys.join(", ") };
}

/** These keys, and `more` where `is` (in CEL: `when`) says so. `where` tells people when that is. */
export function sometimes<Content>(
  keys: readonly string[],
  more: {
    keys: readonly string[];
    is: (content: Content) => boolean;
    when: (content: string) => string;
    where: string;
  },
): PublishedKeys<Content> {
  const all = [...keys, ...more.keys];
  return {
    of: (content) => (more.is(content) ? all : keys),
    cel: (content) => `((${more.when(content)}) ? ${listOf(all)} : ${listOf(keys)})`,
    named: `${keys.join(", ")}, and where ${more.where} ${more.keys.join(", ")}`,
  };
}

/** Gives a definition its types: the names as literals, and the content from the schema. */
export function defineType<
  const Name extends string,
  const Member extends string,
  Schema extends z.ZodType<object>,
  Check extends LiveCheck<z.output<Schema>> | undefined,
>(
  definition: TypeDefinition<Name, Member, z.output<Schema>, Check> & { schema: Schema },
): TypeDefinition<Name, Member, z.output<Schema>, Check> {
  return definition;
}
