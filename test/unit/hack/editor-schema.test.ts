/** The JSON schema for editors: it takes what the API server takes, and finds the mistakes that people make most. */
import Ajv from "ajv";
import * as fc from "fast-check";
import { globSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseAllDocuments } from "yaml";
import { API_VERSION, KIND } from "#api/names";
import { parseSpec } from "#api/schema/spec";
import { cases } from "#support/crd/breaks";
import { EXAMPLES } from "#support/crd/specs";
import { translate } from "../../../hack/generate/cel.ts";
import { manifests, PAGES } from "../docs/pages.ts";

const SCHEMA = "schemas/appsecret.schema.json";
const ajv = new Ajv({ allErrors: true, jsonPointers: true });
const valid = ajv.compile(JSON.parse(readFileSync(SCHEMA, "utf8")) as object);

const appSecret = (spec: unknown) => ({ apiVersion: API_VERSION, kind: KIND, metadata: { name: "orders" }, spec });

/** What the editor underlines, with where it is. */
function problems(object: unknown): string[] {
  return valid(object) === true ? [] : (valid.errors ?? []).map(({ dataPath, message }) => `${dataPath} ${message}`);
}

const FILES = globSync("{examples,demo}/**/*.yaml").flatMap((file) =>
  parseAllDocuments(readFileSync(file, "utf8")).map((document) => [file, document.toJS() as unknown] as const),
);
const SNIPPETS = PAGES.flatMap((page) => manifests(page).map((object) => [page, object] as const));
const GIVEN = [...FILES, ...SNIPPETS].filter(
  ([, object]) => (object as { kind?: string } | null)?.kind === KIND && !isPatch(object),
);

/** A patch of an overlay has no type: kustomize puts it together with its base. */
function isPatch(object: unknown): boolean {
  return (object as { spec?: { type?: string } }).spec?.type === undefined;
}

test("every AppSecret of the examples and the pages is valid", () => {
  assert.ok(GIVEN.length > 10, `${GIVEN.length}`);
  for (const [file, object] of GIVEN) assert.equal(problems(object), [], file);
  for (const [what, spec] of Object.entries(EXAMPLES)) assert.equal(problems(appSecret(spec)), [], what);
});

test("a spec that parseSpec takes is valid, so the editor never underlines what the API server takes", () => {
  // The rules of a composed value compare its placeholders with its names, which JSON Schema cannot say: counted apart.
  const counts = { valid: 0, refused: 0, underlined: 0, composed: 0 };
  fc.assert(
    fc.property(cases, (spec) => {
      const found = problems(appSecret(spec));
      if (!parseSpec(spec).ok) {
        if (JSON.stringify(spec).includes('"format"')) counts.composed += 1;
        else {
          counts.refused += 1;
          if (found.length > 0) counts.underlined += 1;
        }
        // The API server drops a null, and an editor is right to underline it.
      } else if (!JSON.stringify(spec).includes("null")) {
        counts.valid += 1;
        assert.equal(found, []);
      }
    }),
    { numRuns: 2000 },
  );
  assert.ok(counts.valid > 200 && counts.refused > 200, JSON.stringify(counts));
  assert.ok(counts.underlined > 0.7 * counts.refused, JSON.stringify(counts));
});

const login = (more: object) => ({
  type: "Authentication",
  authentication: { jwksUri: "https://id.example.com/jwks", audience: "orders", ...more },
});
const database = (more: object) => ({ type: "Database", database: { name: "orders", ...more } });
const uri = (value: string) => database({ mongodbUri: { value } });
const custom = (data: object, more: object = {}) => ({ type: "Custom", custom: { data }, ...more });

const MISTAKES: [what: string, spec: object, where: string][] = [
  ["a misspelt field", login({ audiense: "orders" }), "/spec/authentication"],
  ["a misspelt field of all types", custom({ A: { value: "" } }, { suspended: true }), "/spec"],
  ["a misspelt type", { ...login({}), type: "Authentification" }, "/spec/type"],
  ["the member of another type", { type: "Database", authentication: login({}).authentication }, "/spec"],
  ["a string where a value belongs", database({ mongodbUri: "mongodb://db/" }), "/spec/database/mongodbUri"],
  ["two forms of a value", custom({ A: { value: "", valueFrom: {} } }), "/spec/custom/data/A"],
  ["no form of a value", custom({ A: {} }), "/spec/custom/data/A"],
  ["an unquoted number", custom({ A: { value: 8080 } }), "/spec/custom/data/A/value"],
  ["an unquoted Off", custom({ A: { value: "" } }, { verify: false }), "/spec/verify"],
  ["http", login({ jwksUri: "http://id.example.com/jwks" }), "/spec/authentication/jwksUri"],
  ["another scheme", uri("postgres://db/"), "/spec/database/mongodbUri/value"],
  ["a line break at the end of a string", uri("mongodb://db/\n"), "/spec/database/mongodbUri/value"],
  ["no string in the default mode", database({}), "/spec/database"],
  ["a project's name", database({ mode: "MongoDBAtlas", atlas: { projectId: "orders" } }), "/spec/database/atlas"],
  ["a name in capitals", custom({ A: { value: "" } }, { target: { name: "Orders" } }), "/spec/target/name"],
  ["a key with a space", custom({ "STRIPE KEY": { value: "" } }), "/spec/custom/data"],
  [
    "an operator's label",
    custom({ A: { value: "" } }, { target: { labels: { "appsecret.dev/a": "" } } }),
    "/spec/target",
  ],
];
for (const [what, spec, where] of MISTAKES) {
  test(`an editor underlines ${what}`, () => {
    const found = problems(appSecret(spec));
    assert.ok(
      found.some((problem) => problem.startsWith(where)),
      found.join("\n") || "nothing",
    );
  });
}

test("an editor underlines a wrong kind, a wrong version and a misspelt field of the object", () => {
  const right = appSecret(login({}));
  assert.equal(problems(right), []);
  for (const wrong of [
    { ...right, kind: "Appsecret" },
    { ...right, apiVersion: "appsecret.dev/v2" },
    { ...right, sepc: {} },
  ])
    assert.is.not(problems(wrong).length, 0);
});

test("a rule of a shape that has no translation is left to the API server", () => {
  const on = { type: "object" } as const;
  for (const rule of [
    "self == oldSelf",
    "self.all(key, self.exists_one(other, self[other] == self[key]))",
    "self.a.size() > 2",
  ])
    assert.is(translate(rule, "must", on), undefined, rule);
});

test("a member of the default is demanded also where the field that decides is absent", () => {
  const on = { type: "object", properties: { mode: { type: "string", default: "A" } } } as const;
  const has = (mode: string) => ({ properties: { mode: { const: mode } } });
  assert.equal(translate("self.mode != 'A' || has(self.a)", "must", on), { if: has("A"), then: { required: ["a"] } });
  assert.equal(translate("self.mode == 'B' || !has(self.b)", "must", on), {
    if: { ...has("B"), required: ["mode"] },
    else: { properties: { b: false } },
  });
});

test.run();
