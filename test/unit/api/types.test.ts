/**
 * A type of AppSecret is one definition. A fourth one, which exists only here, gets all that the product's three have, and
 * a definition that lacks a part does not compile.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";

import type { AppSecret, AppSecretSpec, SecretValue } from "#api/schema/spec";
import { parseSpec, specParser } from "#api/schema/spec";
import { defineType } from "#api/types/define";
import { TYPES } from "#api/types/index";
import { disabledBecause, isComplete, onePerNamespace, publishedKeys, typeOf } from "#api/types/of-spec";
import { appSecretCrd } from "#manifests/crd";
import { uniquenessPolicy } from "#manifests/admission-policies";
import { checkSubjectOf, isChecked, phaseOf } from "#plan/check-subject";
import { content, secretFields, text } from "#plan/content";
import type { Observed } from "#plan/observed";
import { plan } from "#plan/plan";
import { resolveSources, sourceNames } from "#plan/sources";
import { FOUR_TYPES, queue } from "#support/api/queue";
import { EXAMPLES } from "#support/crd/specs";

const parse = specParser(FOUR_TYPES);
/** The product's types are not named here: this test is about any list of them. */
const NAMES = [...TYPES.map(({ name }) => name), "Queue"];
const from = (key: string): SecretValue => ({ valueFrom: { secretKeyRef: { name: "broker", key } } });
const SPEC = {
  type: "Queue",
  queue: { name: "orders", url: from("url"), admin: { token: { value: "literal" } } },
  target: { keys: { QUEUE_URL: "BROKER" } },
};
/** Base64, as the API server gives it; the second is no text. */
const BROKER = { url: Buffer.from("amqp://broker").toString("base64"), bytes: "//4=" };

function valid(given: unknown) {
  const parsed = parse(given);
  if (!parsed.ok) throw new Error(parsed.problems.join("\n"));
  return parsed.spec;
}

function problems(given: unknown): string[] {
  const parsed = parse(given);
  return parsed.ok ? [] : parsed.problems;
}

function resolved(spec: AppSecretSpec | ReturnType<typeof valid>, data: Record<string, string> = BROKER) {
  const sources = new Map([["broker", { found: true, uid: "u", resourceVersion: "1", data } as const]]);
  const result = resolveSources(spec, sources, FOUR_TYPES);
  assert.ok(result.kind === "Resolved");
  return result;
}

test("a fourth type is parsed: its member is required, and is forbidden to the others", () => {
  assert.is(valid(SPEC).type, "Queue");
  assert.equal(problems({ type: "Queue" }), ["spec.queue must be set when spec.type is Queue"]);
  assert.equal(problems({ type: "Custom", custom: { data: { A: { value: "" } } }, queue: SPEC.queue }), [
    "spec.queue must not be set unless spec.type is Queue",
  ]);
  assert.equal(problems({ ...SPEC, type: "Queues" }), [`spec.type must be one of ${NAMES.join(", ")}`]);
  assert.equal(problems({ ...SPEC, queue: { ...SPEC.queue, name: "7" } }), [
    "spec.queue.name must be lower-case letters",
  ]);
  assert.not(parseSpec(SPEC).ok, "the product has no such type");
});

test("a fourth type is in the CRD: its schema, its member rules and its rename rules", () => {
  type Node = Record<string, { properties: Record<string, { enum: string[]; description: string }> }>;
  const crd = appSecretCrd(FOUR_TYPES) as {
    spec: { versions: [{ schema: { openAPIV3Schema: { properties: Node } } }] };
  };
  const spec = crd.spec.versions[0].schema.openAPIV3Schema.properties["spec"]! as unknown as {
    properties: Record<string, { enum?: string[]; description: string }>;
    "x-kubernetes-validations": { rule: string; message: string }[];
  };
  assert.equal(spec.properties["type"]?.enum, NAMES);
  assert.match(spec.properties["type"]?.description ?? "", "one Queue");
  assert.is(spec.properties["queue"]?.description, "A message queue.");
  const about = spec["x-kubernetes-validations"].filter(({ rule }) => rule.includes("'Queue'"));
  assert.equal(
    about.map(({ message }) => message),
    [
      "must be set when spec.type is Queue",
      "must not be set unless spec.type is Queue",
      "must rename only published keys: QUEUE_URL, QUEUE_NAME, and QUEUE_TOKEN if there is an administrator",
      "must not give a key the name of another published key: QUEUE_URL, QUEUE_NAME, and QUEUE_TOKEN if there is an administrator",
    ],
  );
  assert.is(
    about[2]?.rule,
    "!has(self.target.keys) || !(self.type == 'Queue' && has(self.queue)) || self.target.keys.all(key, key in " +
      "((has(self.queue.admin)) ? ['QUEUE_URL', 'QUEUE_NAME', 'QUEUE_TOKEN'] : ['QUEUE_URL', 'QUEUE_NAME']))",
  );
});

test("a fourth type that a namespace has once is in the admission policy, and is held by one", () => {
  const few = onePerNamespace(FOUR_TYPES);
  assert.equal(few, [...onePerNamespace(), "Queue"]);
  assert.match(
    JSON.stringify(uniquenessPolicy(FOUR_TYPES)),
    `object.spec.type in [${few.map((name) => `'${name}'`).join(", ")}]`,
  );
});

test("a fourth type has published keys, and only those may be renamed", () => {
  assert.equal(publishedKeys(valid(SPEC), FOUR_TYPES), ["QUEUE_URL", "QUEUE_NAME", "QUEUE_TOKEN"]);
  const alone = { type: "Queue", queue: { name: "orders", url: from("url") } };
  assert.equal(publishedKeys(valid(alone), FOUR_TYPES), ["QUEUE_URL", "QUEUE_NAME"]);
  assert.match(
    problems({ ...alone, target: { keys: { QUEUE_TOKEN: "T" } } })[0]!,
    /^spec.target.keys must rename only/,
  );
  assert.match(
    problems({ ...SPEC, target: { keys: { QUEUE_URL: "QUEUE_NAME" } } })[0]!,
    /name of another published key/,
  );
});

test("a fourth type is published: its sources are found and read, its keys renamed and sorted", () => {
  const spec = valid(SPEC);
  assert.equal(sourceNames(spec, FOUR_TYPES), ["broker"]);
  assert.equal(
    secretFields(spec, FOUR_TYPES).map(({ path }) => path),
    ["spec.queue.url", "spec.queue.admin.token"],
  );
  const metadata = { name: "orders", namespace: "staging", uid: "uid", resourceVersion: "1", generation: 1 };
  const observed: Observed = {
    appSecret: { metadata, spec: SPEC as unknown as AppSecretSpec } as AppSecret,
    holder: undefined,
    target: undefined,
    owned: [],
    sources: new Map([["broker", { found: true, uid: "u", resourceVersion: "1", data: BROKER } as const]]),
    live: { inputs: "1", check: { state: "Answered", verdict: { answer: "Yes", message: "It works." } } },
  };
  const { actions } = plan(observed, new Date(0), FOUR_TYPES);
  assert.equal(
    actions.map(({ kind }) => kind),
    ["CreateSecret", "WriteStatus", "RecordEvent"],
  );
  const [create] = actions;
  assert.ok(create?.kind === "CreateSecret");
  assert.equal(
    Object.entries(create.secret.data).map(([key, value]) => [key, text(value)]),
    [
      ["BROKER", "amqp://broker"],
      ["QUEUE_NAME", "orders"],
      ["QUEUE_TOKEN", "literal"],
    ],
  );
});

test("a value that is no text is published byte for byte", () => {
  const spec = valid({ ...SPEC, queue: { ...SPEC.queue, url: from("bytes") } });
  const made = content(spec, resolved(spec).read, undefined, FOUR_TYPES);
  assert.ok(made.ok);
  assert.is(made.data["BROKER"], BROKER.bytes);
});

test("a demand is made of a literal and of a value from a Secret alike", () => {
  const literal = { ...SPEC, queue: { ...SPEC.queue, admin: { token: { value: "" } } } };
  assert.equal(problems(literal), ["spec.queue.admin.token.value must not be empty"]);
  const spec = valid({ ...SPEC, queue: { ...SPEC.queue, admin: { token: from("empty") } } });
  assert.equal(content(spec, resolved(spec, { ...BROKER, empty: "" }).read, undefined, FOUR_TYPES), {
    ok: false,
    problem: 'spec.queue.admin.token: key "empty" of Secret "broker" must not be empty.',
  });
});

test("a fourth type is checked, and those of one group at one time", () => {
  const spec = valid(SPEC) as unknown as AppSecretSpec;
  assert.ok(isChecked(spec, FOUR_TYPES));
  assert.equal(checkSubjectOf(spec, resolved(spec).read, FOUR_TYPES), { kind: "JWKS", uri: "amqp://broker" });
  const at = (namespace: string, name = "orders") =>
    phaseOf({ metadata: { namespace }, spec: valid({ ...SPEC, queue: { ...SPEC.queue, name } }) } as never, FOUR_TYPES);
  assert.is(at("a"), at("a"));
  assert.is.not(at("a"), at("b"));
  assert.is.not(at("a"), at("a", "invoices"));
});

test("a type says itself why one of its AppSecrets publishes nothing", () => {
  assert.is(disabledBecause(valid(SPEC), FOUR_TYPES), undefined);
  assert.match(disabledBecause(valid({ ...SPEC, queue: { ...SPEC.queue, name: "none" } }), FOUR_TYPES) ?? "", /none/);
});

const without = <Whole, Part extends keyof Whole>(whole: Whole, part: Part): Omit<Whole, Part> =>
  Object.fromEntries(Object.entries(whole as object).filter(([key]) => key !== part)) as Omit<Whole, Part>;

test("a definition that lacks a part does not compile", () => {
  const lacking = [
    // @ts-expect-error the value of spec.type
    defineType(without(queue, "name")),
    // @ts-expect-error the field of spec
    defineType(without(queue, "member")),
    // @ts-expect-error how many a namespace may have
    defineType(without(queue, "onePerNamespace")),
    // @ts-expect-error its fields
    defineType(without(queue, "schema")),
    // @ts-expect-error the keys that it publishes
    defineType(without(queue, "variants")),
    // @ts-expect-error where secret values are
    defineType(without(queue, "secretFields")),
    // @ts-expect-error what it publishes
    defineType(without(queue, "data")),
    // @ts-expect-error the live check: "none" is said with undefined
    defineType(without(queue, "check")),
    // @ts-expect-error when it publishes nothing
    defineType(without(queue, "disabled")),
    // @ts-expect-error which of them are checked together
    defineType({ ...queue, check: without(queue.check, "group") }),
    // @ts-expect-error the CEL of a variant
    defineType({ ...queue, variants: queue.variants.map((variant) => without(variant, "when")) }),
    // @ts-expect-error the demands on a secret value
    defineType({ ...queue, secretFields: (of) => queue.secretFields(of).map((field) => without(field, "demands")) }),
  ];
  assert.is(lacking.length, Object.keys(queue).length + 3, "each part of a definition is left out once");
  assert.ok(defineType(queue));
});

for (const [what, given] of Object.entries(EXAMPLES)) {
  test(`the definition names every secret value and gives a value to every published key: ${what}`, () => {
    const parsed = parseSpec(given);
    assert.ok(parsed.ok);
    const { spec } = parsed;
    const { type, content: ofType } = typeOf(spec);
    assert.equal(
      secretFields(spec).map(({ value }) => value),
      secretValuesIn(ofType),
    );
    const learned = { host: "c0.example.net" };
    const made = type.data(ofType, () => "", learned);
    assert.equal(Object.keys(made).sort(), [...publishedKeys(spec)].sort());
    assert.ok(isComplete(spec, learned));
    assert.is(isComplete(spec, {}), spec.database?.mode !== "MongoDBAtlas");
    assert.is(type.variants.filter((variant) => variant.is(ofType)).length, 1);
  });
}

test("the product's types have names and members of their own", () => {
  assert.is(new Set(TYPES.map(({ name }) => name)).size, TYPES.length);
  assert.is(new Set(TYPES.map(({ member }) => member)).size, TYPES.length);
});

/** Every object below `at` that looks like a SecretValue, in the order of its fields. */
function secretValuesIn(at: unknown): unknown[] {
  if (typeof at !== "object" || at === null) return [];
  if ("value" in at || "valueFrom" in at || "format" in at) return [at];
  return Object.values(at).flatMap(secretValuesIn);
}

test.run();
