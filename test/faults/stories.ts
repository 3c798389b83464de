import fc from "fast-check";
import type { Action, Spec, Type } from "./model.ts";
import type { Story } from "./play.ts";

/**
 * Random stories. Few names and few values, so that things meet: two AppSecrets that want one Secret, a Secret that is a
 * source here and a target there, a second one of a type.
 */

const NAMES: Record<Type, readonly string[]> = {
  Authentication: ["login-1", "login-2"],
  Database: ["db-1", "db-2"],
  Custom: ["kv-1", "kv-2", "kv-3"],
};
const ALL = Object.values(NAMES).flat();

const text = fc.constantFrom("one", "two", "mongodb://h.example.com/");
const appSecret = fc.constantFrom(...ALL);
const secret = fc.constantFrom("s-1", "s-2", "s-3", ...ALL);
const rarely = fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
const own = fc.constant(undefined);
const target = fc.oneof({ weight: 3, arbitrary: own }, { weight: 2, arbitrary: fc.constantFrom("s-1", "s-2", "kv-1") });

function applied(type: Type): fc.Arbitrary<Action> {
  const literal = fc.record({ text });
  const value =
    type === "Authentication"
      ? literal
      : fc.oneof(literal, fc.record({ source: fc.constantFrom("s-1", "s-2", "s-3") }));
  const spec = fc
    .record({ target, retain: fc.boolean(), suspend: rarely, enabled: rarely.map((no) => !no), value })
    .map(({ target: name, ...rest }): Spec => ({ type, ...(name === undefined ? {} : { target: name }), ...rest }));
  const past = type === "Custom" ? fc.constant(false) : fc.boolean();
  return fc
    .record({ name: fc.constantFrom(...NAMES[type]), spec, past })
    .map(({ past: isPast, ...rest }): Action => ({ do: "apply", ...rest, ...(isPast ? { past: true } : {}) }));
}

/** @param crashes how often the operator is killed, next to the weights of the others below */
function action(crashes: number): fc.Arbitrary<Action> {
  return fc.oneof(
    { weight: 6, arbitrary: applied("Custom") },
    { weight: 4, arbitrary: applied("Authentication") },
    { weight: 4, arbitrary: applied("Database") },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("delete" as const), name: appSecret }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant("write" as const), secret, text }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("remove" as const), secret }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("give" as const), secret, owner: fc.option(appSecret) }) },
    { weight: crashes, arbitrary: fc.record({ do: fc.constant("crash" as const) }) },
  );
}

/** @param parts how many at most; most have one action, for what is settled in between is checked most sharply */
export function stories(parts: number, crashes: number): fc.Arbitrary<Story> {
  const part = fc.oneof(
    { weight: 3, arbitrary: fc.array(action(crashes), { minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.array(action(crashes), { minLength: 2, maxLength: 3 }) },
  );
  return fc.array(part, { minLength: 1, maxLength: parts, size: "max" });
}
