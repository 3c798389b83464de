/** The forms of a secret value, and what the plan needs of each. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { NOT_EMPTY } from "#api/schema/demands";
import { needs, resolve, type SecretValue, secretValue } from "#api/secret-value";

const schema = secretValue({ description: "A secret.", max: 8, demands: [NOT_EMPTY] });
const REF = { name: "broker", key: "url" };
const FROM_LOGIN = { valueFrom: { secretKeyRef: { name: "login", key: "user" } } };

const GIVEN: [what: string, value: SecretValue, needed: object[], resolved: unknown][] = [
  ["a literal needs nothing and is its own text", { value: "text" }, [], "text"],
  [
    "a reference needs one key, whose bytes are the value",
    { valueFrom: { secretKeyRef: REF } },
    [{ path: "", ref: REF }],
    REF,
  ],
  [
    "a composed value needs the keys of its parts, in their order, and is a text",
    { format: "$(b)/$(a)/$(c)", with: { a: { valueFrom: { secretKeyRef: REF } }, b: { value: "B" }, c: FROM_LOGIN } },
    [
      { path: ".with.a", ref: REF },
      { path: ".with.c", ref: { name: "login", key: "user" } },
    ],
    "B/read/read",
  ],
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
  ["a format without values", { format: "$(a)" }],
  ["values without a format", { with: { a: { value: "A" } } }],
  ["a format beside a literal", { format: "$(a)", with: { a: { value: "A" } }, value: "a" }],
  ["a composed value in a composed value", { format: "$(a)", with: { a: { format: "$(b)", with: { b: {} } } } }],
  ["a value of a placeholder above the bound", { format: "$(a)", with: { a: { value: "123456789" } } }],
] as const) {
  test(`refused: ${what}`, () => {
    assert.not(schema.safeParse(value).success);
  });
}

test("the text that explain shows ends with how to write the value", () => {
  assert.is(schema.meta()?.description, "A secret. Write { value: … } or { valueFrom: … } or { format: …, with: … }.");
});

test.run();
