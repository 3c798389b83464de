/** The forms of a secret value, and what the plan needs of each. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { NOT_EMPTY } from "#api/schema/demands";
import { needs, resolve, type SecretValue, secretValue } from "#api/secret-value";

const schema = secretValue({ description: "A secret.", max: 8, demands: [NOT_EMPTY] });
const REF = { name: "broker", key: "url" };

const GIVEN: [what: string, value: SecretValue, needed: object[], resolved: unknown][] = [
  ["a literal needs nothing and is its own text", { value: "text" }, [], "text"],
  ["a reference needs one key, whose bytes are the value", { valueFrom: { secretKeyRef: REF } }, [REF], REF],
];
for (const [what, value, needed, resolved] of GIVEN) {
  test(what, () => {
    assert.ok(schema.safeParse(value).success);
    assert.equal(needs(value), needed);
    assert.equal(
      resolve(value, () => "read"),
      resolved,
    );
  });
}

for (const [what, value] of [
  ["no form", {}],
  ["two forms", { value: "a", valueFrom: { secretKeyRef: REF } }],
  ["a literal that does not meet a demand", { value: "" }],
  ["a literal above the bound", { value: "123456789" }],
  ["a form that does not exist", { sealed: "eyJ" }],
] as const) {
  test(`refused: ${what}`, () => {
    assert.not(schema.safeParse(value).success);
  });
}

test.run();
