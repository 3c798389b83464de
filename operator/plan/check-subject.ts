/** What the live check of a spec is about, and when it is repeated. What a verdict means for a decision is in verdict.ts. */
import { createHash } from "node:crypto";

import type { CheckSubject } from "#api/check";
import type { AppSecret, AppSecretSpec, SecretValue } from "#api/schema/spec";
import type { TypeDefinition } from "#api/types/define";
import { TYPES } from "#api/types/index";
import { typeOf } from "#api/types/of-spec";
import { text } from "./content.ts";

/** The names of the types whose definition has a live check. */
type CheckedType = Extract<(typeof TYPES)[number], { check: object }>["name"];

/** A spec of a type that has a live check. */
export type CheckedSpec = Extract<AppSecretSpec, { type: CheckedType }>;

/** Whether the live check applies. The spec may be one that no schema let pass. */
export function isChecked(spec: AppSecretSpec, types: readonly TypeDefinition[] = TYPES): spec is CheckedSpec {
  return spec.verify !== "Off" && types.find(({ name }) => name === spec.type)?.check !== undefined;
}

/**
 * @param read gives a value of the spec as base64, its source resolved
 * @returns what the check looks at
 */
export function checkSubjectOf(
  spec: CheckedSpec,
  read: (value: SecretValue) => string,
  types?: readonly TypeDefinition[],
): CheckSubject {
  const { check, content } = checkOf(spec, types);
  return check.subject(content, (value) => text(read(value)));
}

/**
 * When in each interval a check is repeated, from 0 to 1: the same before and after a restart, so that a restart adds no
 * check, and the same for all AppSecrets with the same address, so that they share one. Different addresses are spread.
 */
export function phaseOf({ metadata, spec }: AppSecret, types?: readonly TypeDefinition[]): number {
  const { check, content } = checkOf(spec, types);
  const group = check.group(content, metadata.namespace);
  return createHash("sha256").update(group.join(" ")).digest().readUInt32BE() / 2 ** 32;
}

function checkOf(spec: AppSecretSpec, types?: readonly TypeDefinition[]) {
  const { type, content } = typeOf(spec, types);
  if (!type.check) throw new TypeError(`nothing is checked of type ${spec.type}`);
  return { check: type.check, content };
}
