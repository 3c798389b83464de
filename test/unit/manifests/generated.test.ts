/** The files under crds/ match operator/api, every field is documented, and no rule can quote a secret value. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";

import { staleFiles, writeFiles } from "../../../hack/generate.ts";

type Validation = { rule: string; message: string; messageExpression?: string };
type Schema = {
  type: string;
  description?: string;
  default?: unknown;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema;
  items?: Schema;
  "x-kubernetes-validations"?: Validation[];
};

const CRD = "crds/00-appsecret.crd.yaml";
const INSTALL = "install.yaml";
const PAGES = ["docs/api.md", "docs/mongodb-options.md"];
const TEMPLATES = "charts/appsecret-operator/templates/generated";

test("the committed files are not stale", () => {
  assert.equal(staleFiles(), []);
});

test("a changed, a missing and a leftover file are stale; writing them makes it right", () => {
  const root = mkdtempSync(join(tmpdir(), "appsecret-generated-"));
  try {
    for (const path of ["crds", TEMPLATES, INSTALL, "schemas", ...PAGES]) {
      cpSync(path, join(root, path), { recursive: true });
    }
    assert.equal(staleFiles(root), []);
    writeFileSync(join(root, CRD), readFileSync(join(root, CRD), "utf8").replace("maxLength: 253", "maxLength: 254"));
    rmSync(join(root, "crds/10-one-per-namespace.policy.yaml"));
    writeFileSync(join(root, "crds/99-old.yaml"), "");
    assert.equal(staleFiles(root), [CRD, "crds/10-one-per-namespace.policy.yaml", "crds/99-old.yaml"]);
    writeFiles(root);
    assert.equal(staleFiles(root), []);
    writeFileSync(join(root, INSTALL), readFileSync(INSTALL, "utf8").replace("maxLength: 253", "maxLength: 254"));
    assert.equal(staleFiles(root), [INSTALL]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

const crd = parse(readFileSync(CRD, "utf8")) as {
  spec: { versions: [{ schema: { openAPIV3Schema: { properties: { spec: Schema; status: Schema } } } }] };
};
const { spec, status } = crd.spec.versions[0].schema.openAPIV3Schema.properties;
const nodes = [...walk(spec, "spec"), ...walk(status, "status")];

function* walk(schema: Schema, path: string): Generator<{ path: string; schema: Schema }> {
  yield { path, schema };
  for (const [name, field] of Object.entries(schema.properties ?? {})) yield* walk(field, `${path}.${name}`);
  if (schema.additionalProperties) yield* walk(schema.additionalProperties, `${path}.*`);
  if (schema.items) yield* walk(schema.items, `${path}[]`);
}

test("every field of spec and status is described in a sentence", () => {
  assert.ok(nodes.length > 80);
  const bare = nodes.filter(({ schema }) => !/^[A-Z].{8,}\.$/.test(schema.description ?? ""));
  assert.equal(
    bare.map(({ path }) => path),
    [],
  );
});

test("the description states the default, because kubectl explain does not show it", () => {
  const scalars = nodes.filter(({ schema }) => schema.default !== undefined && schema.type !== "object");
  assert.ok(scalars.length >= 6);
  for (const { path, schema } of scalars) {
    assert.ok(schema.description?.endsWith(` Default: ${String(schema.default)}.`), path);
  }
});

test("a secret value has a bound and nothing else that could quote it", () => {
  const values = nodes.filter(({ path }) => path.startsWith("spec.") && /\.(value|format)$/.test(path));
  assert.equal(
    values.map(({ path }) => path),
    [
      "spec.database.mongodbUri",
      "spec.database.atlas.publicKey",
      "spec.database.atlas.privateKey",
      "spec.database.atlas.databaseUser.password",
      "spec.custom.data.*",
    ].flatMap((path) => [`${path}.value`, `${path}.format`, `${path}.with.*.value`]),
  );
  for (const { schema } of values) assert.equal(Object.keys(schema).sort(), ["description", "maxLength", "type"]);
});

test("every rule has a static message that tells what to do", () => {
  const rules = nodes.flatMap(({ schema }) => schema["x-kubernetes-validations"] ?? []);
  assert.ok(rules.length > 50);
  for (const { message, messageExpression } of rules) {
    assert.match(message, /^(must|cannot be changed)/);
    assert.is(messageExpression, undefined);
  }
});

test.run();
