/**
 * The spec of an AppSecret (design §1): the one source of its types, of the checks at `kubectl apply` and of those here.
 *
 * The API server has applied the same rules before an object is stored, so `parseSpec` fails only for objects that were
 * stored under other rules (an older CRD), and for files that have not been applied yet.
 */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";

import { authenticationSchema } from "../types/authentication/schema.ts";
import { customSchema } from "../types/custom/schema.ts";
import { databaseSchema } from "../types/database/schema.ts";
import { problemsOf } from "./problems.ts";
import { RENAME_RULES } from "./renames.ts";
import { restartSchema } from "./restart.ts";
import { type Rule, structure, VALIDATIONS, withRules } from "./rules.ts";
import { type AppSecretSpec, type AppSecretType, TYPES } from "../spec.ts";
import { targetSchema } from "./target.ts";

export type { SecretValue } from "../secret-value.ts";
export type { AppSecret, AppSecretSpec, AppSecretType } from "../spec.ts";

/** The member that belongs to each type. */
const MEMBERS = { Authentication: "authentication", Database: "database", Custom: "custom" } as const;

const fields = structure({
  type: z
    .enum(TYPES)
    .meta({
      [VALIDATIONS]: [
        { rule: "self == oldSelf", message: "cannot be changed: delete the AppSecret and create it anew" },
      ],
    })
    .describe(
      "What is published; the member of the same name has the content. A namespace has one Authentication and one Database, and any number of Custom. Cannot be changed.",
    ),
  authentication: authenticationSchema.optional(),
  database: databaseSchema.optional(),
  custom: customSchema.optional(),
  target: targetSchema.prefault({}),
  deletionPolicy: z
    .enum(["Delete", "Retain"])
    .default("Delete")
    .describe(
      "What becomes of the Secret when the AppSecret is deleted. Delete: it is deleted too. Retain: it stays, and an AppSecret of the same name takes it up again.",
    ),
  verify: z
    .enum(["Strict", "BestEffort", "Off"])
    .default("BestEffort")
    .describe(
      "How much the live check decides. Strict: only content that the identity provider or database has confirmed is published. BestEffort: a definite no holds it back, an unreachable target does not. Off: no connection is made.",
    ),
  suspend: z
    .boolean()
    .default(false)
    .describe("With true, changes wait: what is published stays as it is until suspend is false again."),
  restart: restartSchema.optional(),
}).describe("What is to be published, and how.");

type Fields = z.output<typeof fields>;

function membersOfType(type: AppSecretType): Rule<Fields>[] {
  const member = MEMBERS[type];
  return [
    {
      cel: `self.type != '${type}' || has(self.${member})`,
      holds: (self) => self.type !== type || self[member] !== undefined,
      message: `must be given when spec.type is ${type}`,
      at: member,
      reason: "FieldValueRequired",
    },
    {
      cel: `self.type == '${type}' || !has(self.${member})`,
      holds: (self) => self.type === type || self[member] === undefined,
      message: `must not be given unless spec.type is ${type}`,
      at: member,
      reason: "FieldValueForbidden",
    },
  ];
}

const checked = withRules(fields, [...TYPES.flatMap(membersOfType), ...RENAME_RULES]);

export const appSecretSpecSchema = checked as unknown as z.ZodType<AppSecretSpec>;

type ParsedSpec = { ok: true; spec: AppSecretSpec } | { ok: false; problems: string[] };

/** By the spec itself. One that is held in memory is never changed in place, and is asked for several times per change. */
const parsedBefore = new WeakMap<object, ParsedSpec>();

/**
 * Reads a spec as a person wrote it or as the API server stored it. The same object is read once: it must not be changed
 * afterwards.
 *
 * @returns the spec with its defaults, or what is wrong with it: sentences that begin with the field's path
 *   ("spec.database.mongodbUri.value must begin with …") and never quote a value.
 */
export function parseSpec(spec: unknown): ParsedSpec {
  if (typeof spec !== "object" || spec === null) return parse(spec);
  const before = parsedBefore.get(spec);
  if (before !== undefined) return before;
  const parsed = parse(spec);
  parsedBefore.set(spec, parsed);
  return parsed;
}

function parse(spec: unknown): ParsedSpec {
  const result = appSecretSpecSchema.safeParse(spec);
  if (!result.success) return { ok: false, problems: problemsOf(result.error, "spec") };
  // The API server has filled in the defaults already: then one of the two equal specs is enough to keep in memory.
  return { ok: true, spec: isDeepStrictEqual(result.data, spec) ? (spec as AppSecretSpec) : result.data };
}
