/** What there is to check of a spec, and when. */
import { createHash } from "node:crypto";

import type { CheckSubject } from "#api/check";
import type { AppSecret, AppSecretSpec, SecretValue } from "#api/schema/spec";
import type { TypeDefinition } from "#api/types/define";
import type { TYPES } from "#api/types/index";
import { typeOf } from "#api/types/of-spec";
import { text } from "./content.ts";

/** The names of the types whose definition has a live check. */
type CheckedType = Extract<(typeof TYPES)[number], { check: object }>["name"];

/** A spec whose values mean something to us. */
export type CheckedSpec = Extract<AppSecretSpec, { type: CheckedType }>;

/** Custom values mean nothing to us, and `Off` is the user's word. */
export function isChecked(spec: AppSecretSpec, types?: readonly TypeDefinition[]): spec is CheckedSpec {
  return spec.verify !== "Off" && typeOf(spec, types).type.check !== undefined;
}

/**
 * @param read gives a value of the spec as base64, its source resolved
 * @returns what is to be checked
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
