/**
 * What a type of AppSecret consists of. The schema and its rules, the admission policy, the published keys and what the plan
 * needs are all derived from these definitions.
 */
import type { z } from "zod";

import type { CheckSubject, Facts } from "../check.ts";
import { listOf } from "../schema/formats.ts";
import type { SecretField, SecretValue } from "../secret-value.ts";

/**
 * One type of AppSecret. `Content` is what a valid spec has in the type's member.
 *
 * The functions are methods, because only then does TypeScript accept definitions with different contents in one list. Call
 * them through of-spec.ts, which passes each definition its own content.
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
  /** The cases in which different keys are published. Exactly one of them applies to a valid content. */
  variants: readonly Variant<Content>[];
  /** Every SecretValue in the content, in the order of the schema. Paths are relative to the content. */
  secretFields(content: Content): SecretField[];
  /**
   * The published data before renaming: a text, or a SecretValue whose bytes are published unchanged. A key whose value only
   * a live check can find out is absent until then.
   */
  data(content: Content, read: ReadText, learned: Facts): Record<string, string | SecretValue>;
  /** The live check; undefined if there is nothing to check. */
  check: Check;
  /** Why nothing is published, in a sentence, and a published Secret is deleted; undefined if the type is published. */
  disabled(content: Content): string | undefined;
};

/** Gives the text of a SecretValue, its sources resolved. */
export type ReadText = (value: SecretValue) => string;

export type LiveCheck<Content> = {
  subject(content: Content, read: ReadText): CheckSubject;
  /**
   * The published keys whose values the check is about, before any of them is renamed. An update that changes none of them
   * needs no new answer of the check to replace content that was verified.
   */
  keys(content: Content): readonly string[];
  /** AppSecrets of the same group are checked at the same time, and so share one check. The plan hashes it. */
  group(content: Content, namespace: string): readonly string[];
};

/** A case in which the same keys are published. */
export type Variant<Content> = {
  is(content: Content): boolean;
  /** The same as CEL over the expression `content`; undefined if it always applies. */
  when: ((content: string) => string) | undefined;
  keys: PublishedKeys<Content>;
};

export type PublishedKeys<Content> = {
  of(content: Content): readonly string[];
  /** The same as CEL, a list or a map: a constant, or a function of the expression `content`. */
  cel: string | ((content: string) => string);
  /** The same in words, for a message. */
  named: string;
};

/** Always the same keys. */
export function always(keys: readonly string[]): PublishedKeys<unknown> {
  return { of: () => keys, cel: listOf(keys), named: keys.join(", ") };
}

/** These keys, and `more` if `is` (in CEL: `when`) says so. `named` is the condition in words: "if …". */
export function sometimes<Content>(
  keys: readonly string[],
  more: {
    keys: readonly string[];
    is: (content: Content) => boolean;
    when: (content: string) => string;
    named: string;
  },
): PublishedKeys<Content> {
  const all = [...keys, ...more.keys];
  return {
    of: (content) => (more.is(content) ? all : keys),
    cel: (content) => `((${more.when(content)}) ? ${listOf(all)} : ${listOf(keys)})`,
    named: `${keys.join(", ")}, and ${more.keys.join(", ")} ${more.named}`,
  };
}

/** Checks a definition, and infers its types: the names as literals, the content from the schema. */
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
