/**
 * The building blocks of the schemas: each says one thing twice, to zod and to the API server.
 *
 * A zod refinement is invisible to `z.toJSONSchema`. So a rule is a pair: the CEL text that the CRD carries, and the function
 * that zod runs. The CRD generator refuses any other refinement, and a property test against a real API server checks that
 * the two agree.
 */
import { z } from "zod";

/** The reasons that a CRD rule may give; kubectl turns them into "Invalid value", "Forbidden" and "Required value". */
type RuleReason = "FieldValueInvalid" | "FieldValueForbidden" | "FieldValueRequired";

export type Rule<T> = {
  /** CEL over `self`. Keep to what Kubernetes 1.32 knows. */
  cel: string;
  /** The same for zod; sees the value with its defaults filled in, as CEL does. Must not throw. */
  holds: (self: T) => boolean;
  /** What to do about it, to be read after the field's path: "must …". Static: a rule never quotes a value. */
  message: string;
  /** The path of the field at fault, relative to `self`: `mongodbUri.value`. */
  at?: string;
  reason?: RuleReason;
};

/** An entry of `x-kubernetes-validations`. */
type Validation = { rule: string; message: string; fieldPath?: string; reason?: RuleReason };

export const VALIDATIONS = "x-kubernetes-validations";
/** Marks strings that a reply must never quote; the CRD generator checks them and drops the mark. */
export const SENSITIVE = "x-appsecret-sensitive";

/** Refinements and preprocessing that the API server does as well. The generator refuses any other. */
const carried = new WeakSet<object>();

export function isCarriedByCrd(part: object): boolean {
  return carried.has(part);
}

function carriedPreprocess<S extends z.ZodPreprocess>(schema: S): S {
  carried.add(schema._zod.def.in);
  return schema;
}

function refinement<T>(check: (payload: z.core.ParsePayload<T>) => void): z.core.$ZodCheck<T> {
  const made = z.check<T>(check);
  carried.add(made);
  return made;
}

/** Adds rules to a schema: to zod as a refinement, to the CRD as CEL on the same node. */
export function withRules<S extends z.ZodType>(schema: S, rules: Rule<z.output<S>>[]): S {
  const before = (schema.meta()?.[VALIDATIONS] ?? []) as Validation[];
  const validations = rules.map(({ cel, message, at, reason }): Validation => ({
    rule: cel,
    message,
    ...(at === undefined ? {} : { fieldPath: `.${at}` }),
    ...(reason === undefined ? {} : { reason }),
  }));
  const check = refinement<z.output<S>>(({ value, issues }) => {
    for (const { holds, message, at } of rules) {
      if (!holds(value)) {
        issues.push({ code: "custom", message, path: at === undefined ? [] : at.split("."), input: value });
      }
    }
  });
  return schema.check(check).meta({ ...schema.meta(), [VALIDATIONS]: [...before, ...validations] });
}

/**
 * An object with exactly these fields. A field that is null counts as absent, as the API server has it: it prunes nulls
 * before it fills in defaults.
 */
export function structure<Shape extends z.core.$ZodShape>(shape: Shape) {
  const read = (value: unknown) => withoutNulls(value, (name) => Object.hasOwn(shape, name));
  return carriedPreprocess(z.preprocess(read, z.strictObject(shape)));
}

function withoutNulls(value: unknown, known: (name: string) => boolean): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([name, field]) => field !== null || !known(name)));
}

/**
 * A string of `min` to `max` characters. Characters are Unicode code points, as the API server counts them; zod's own
 * `max` counts UTF-16 units, and would refuse an emoji that the server takes.
 */
export function text({ min = 0, max }: { min?: 0 | 1; max: number }) {
  const check = refinement<string>(({ value, issues }) => {
    if (longerThan(value, max)) {
      issues.push({ code: "custom", message: `must have at most ${max} characters`, input: value });
    }
  });
  const schema = z.string().check(check).meta({ maxLength: max });
  return min === 0 ? schema : schema.min(1);
}

function longerThan(value: string, max: number): boolean {
  if (value.length <= max) return false;
  if (value.length > 2 * max) return true;
  let characters = 0;
  for (const _ of value) characters += 1;
  return characters > max;
}

/** Free keys, one kind of value, `min` to `max` entries; those that are null do not count, as in `structure`. */
export function mapOf<V extends z.ZodType>(values: V, { min = 0, max }: { min?: number; max: number }) {
  const check = refinement<Record<string, unknown>>(({ value, issues }) => {
    const size = Object.keys(value).length;
    if (size > max) issues.push({ code: "custom", message: `must have at most ${max} entries`, input: value });
    if (size < min)
      issues.push({
        code: "custom",
        message: `must have at least ${min} ${min === 1 ? "entry" : "entries"}`,
        input: value,
      });
  });
  const bounds = { maxProperties: max, ...(min > 0 ? { minProperties: min } : {}) };
  const read = (value: unknown, context: z.core.$RefinementCtx) =>
    withoutNulls(withoutProto(value, context), () => true);
  return carriedPreprocess(z.preprocess(read, z.record(z.string(), values).check(check).meta(bounds)));
}

/** A list of at most `max` objects, of which no two have the same `keys`: a map to server-side apply. */
export function keyedListOf<V extends z.ZodType>(
  values: V,
  { keys, max }: { keys: (keyof z.output<V> & string)[]; max: number },
) {
  const check = refinement<z.output<V>[]>(({ value, issues }) => {
    if (value.length > max) issues.push({ code: "custom", message: `must have at most ${max} entries`, input: value });
    const distinct = new Set(value.map((one) => JSON.stringify(keys.map((key) => one[key]))));
    if (distinct.size < value.length) {
      issues.push({
        code: "custom",
        message: `must not have two entries with the same ${keys.join(" and ")}`,
        input: value,
      });
    }
  });
  return z
    .array(values)
    .check(check)
    .meta({ maxItems: max, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys });
}

/** zod silently drops this one key, and then the parsed spec would differ from the one that the server stores. */
function withoutProto(value: unknown, context: z.core.$RefinementCtx): unknown {
  if (typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__")) {
    context.addIssue({ code: "custom", message: "must not have a key __proto__" });
  }
  return value;
}
