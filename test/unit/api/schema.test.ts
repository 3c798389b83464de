/** What a person reads when a spec is wrong, and what a program gets when it is right. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { parseSpec } from "#api/schema/spec";
import { TYPES } from "#api/types/index";

const CANARY = "cAnArY";
const authentication = { jwksUri: "https://id.example.com/jwks.json", audience: "orders" };
const uri = (value: string) => ({ type: "Database", database: { name: "orders", mongodbUri: { value } } });
const custom = (data: unknown, target?: unknown) => ({ type: "Custom", custom: { data }, target });

test("defaults are filled in", () => {
  assert.equal(parseSpec({ type: "Authentication", authentication }), {
    ok: true,
    spec: {
      type: "Authentication",
      authentication: { enabled: true, ...authentication },
      target: { immutable: false },
      deletionPolicy: "Delete",
      verify: "BestEffort",
      suspend: false,
    },
  });
  const database = parseSpec(uri("mongodb://host"));
  assert.ok(database.ok && database.spec.type === "Database");
  assert.is(database.spec.database.mode, "Database");
});

test("null counts as absent, as it does for the API server", () => {
  const result = parseSpec({ type: "Authentication", authentication, database: null, target: null, verify: null });
  assert.ok(result.ok);
  assert.is(result.spec.verify, "BestEffort");
});

const PROBLEMS: [what: string, spec: unknown, problems: string[]][] = [
  ["no object", "Custom", ["spec must be an object"]],
  ["no type", {}, [`spec.type must be one of ${TYPES.map(({ name }) => name).join(", ")}`]],
  ["a missing member", { type: "Custom" }, ["spec.custom must be set when spec.type is Custom"]],
  [
    "two members",
    { ...uri("mongodb://host"), authentication },
    ["spec.authentication must not be set unless spec.type is Authentication"],
  ],
  ["an unknown field", { ...custom({ A: { value: "" } }), sepc: 1 }, ["spec.sepc is not a known field"]],
  [
    "a missing field",
    { type: "Authentication", authentication: { audience: "a" } },
    ["spec.authentication.jwksUri must be set"],
  ],
  [
    "another type of value",
    { type: "Authentication", authentication: { ...authentication, enabled: "yes" } },
    ["spec.authentication.enabled must be a boolean"],
  ],
  ["a bare string for a secret value", custom({ A: CANARY }), ["spec.custom.data.A must be an object"]],
  ["a number for a secret value", custom({ A: { value: 7 } }), ["spec.custom.data.A.value must be a string"]],
  [
    "no form of a secret value",
    custom({ A: {} }),
    ["spec.custom.data.A must have exactly one of value, valueFrom and format"],
  ],
  [
    "both forms of a secret value",
    custom({ A: { value: CANARY, valueFrom: { secretKeyRef: { name: "a", key: "b" } } } }),
    ["spec.custom.data.A must have exactly one of value, valueFrom and format"],
  ],
  ["no entry", custom({}), ["spec.custom.data must have at least 1 entry"]],
  [
    "257 entries",
    custom(Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`K${index}`, { value: "" }]))),
    ["spec.custom.data must have at most 256 entries"],
  ],
  [
    "a value over 256 Ki characters",
    custom({ A: { value: "é".repeat(262_145) } }),
    ["spec.custom.data.A.value must have at most 262144 characters"],
  ],
  [
    "a key with a blank",
    custom({ "A B": { value: CANARY } }),
    [
      "spec.custom.data must have only keys of at most 253 letters, digits, '-', '_' and '.', and no key that is '.' or begins with '..'",
    ],
  ],
  [
    "a wrong scheme",
    uri(`postgres://${CANARY}@host/db`),
    ["spec.database.mongodbUri.value must begin with mongodb:// or mongodb+srv://"],
  ],
  [
    "a line break at the end",
    uri(`mongodb://u:${CANARY}@host/db\n`),
    ["spec.database.mongodbUri.value must not contain line breaks or tabs, not even at the end"],
  ],
  [
    "no host",
    uri(`mongodb://u:${CANARY}@/db`),
    [
      "spec.database.mongodbUri.value must name its hosts, separated by commas: each a name or an IP address (IPv6 in brackets), with a port from 1 to 65535 if any",
    ],
  ],
  [
    "a port with SRV",
    uri(`mongodb+srv://u:${CANARY}@host:27017/db`),
    ["spec.database.mongodbUri.value must name exactly one host and no port after mongodb+srv://"],
  ],
  [
    "renaming a key that is not published",
    custom({ A: { value: "" } }, { keys: { B: "C" } }),
    ["spec.target.keys must rename only published keys: the keys of spec.custom.data"],
  ],
  [
    "a new name that is taken",
    custom({ A: { value: "" }, B: { value: "" } }, { keys: { A: "B" } }),
    ["spec.target.keys must not give a key the name of another published key: the keys of spec.custom.data"],
  ],
  [
    "one new name for two keys",
    custom({ A: { value: "" }, B: { value: "" } }, { keys: { A: "C", B: "C" } }),
    ["spec.target.keys must not rename two keys to the same name"],
  ],
];
for (const [what, spec, problems] of PROBLEMS) {
  test(`the problem is named: ${what}`, () => {
    const result = parseSpec(spec);
    assert.equal(result.ok ? [] : result.problems, problems);
    assert.not(JSON.stringify(result).includes(CANARY));
  });
}

test("characters are counted as the API server counts them, not as UTF-16 units", () => {
  assert.ok(parseSpec(custom({ A: { value: "😀".repeat(262_144) } })).ok);
  assert.not(parseSpec(custom({ A: { value: "😀".repeat(262_145) } })).ok);
});

test("two keys may swap their names", () => {
  assert.ok(parseSpec(custom({ A: { value: "1" }, B: { value: "2" } }, { keys: { A: "B", B: "A" } })).ok);
});

test("keys that every JavaScript object inherits are ordinary keys, except the one that zod drops", () => {
  const result = parseSpec(custom({ constructor: { value: "1" }, toString: { value: "2" } }));
  assert.ok(result.ok && result.spec.type === "Custom");
  assert.equal(Object.keys(result.spec.custom.data), ["constructor", "toString"]);
  const dropped = parseSpec(custom(JSON.parse('{"A":{"value":""},"__proto__":{"value":""}}')));
  assert.equal(dropped, { ok: false, problems: ["spec.custom.data must not have a key __proto__"] });
});

test("whatever JSON comes in, the answer is a spec or sentences about fields", () => {
  const member = fc.constantFrom("type", "authentication", "database", "custom", "target", "keys", "data", "mode");
  const json = fc.oneof(fc.jsonValue(), fc.dictionary(member, fc.jsonValue()));
  fc.assert(
    fc.property(json, (spec) => {
      const result = parseSpec(spec);
      return (
        result.ok || (result.problems.length > 0 && result.problems.every((problem) => problem.startsWith("spec")))
      );
    }),
    { numRuns: 1_000 },
  );
});

test.run();
