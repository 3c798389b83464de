/** What users and tools see of an AppSecret: explain, columns, defaults, selectors, and the status before the first look. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { connect, kubectl, MERGE_PATCH } from "#support/crd/cluster";
import { EXAMPLES } from "#support/crd/specs";

type Field = { description?: string; properties?: Record<string, Field>; additionalProperties?: Field; items?: Field };

const server = await connect();
let namespace = "";
test.before(async () => {
  namespace = await server.namespace();
  for (const [index, spec] of Object.values(EXAMPLES).entries()) {
    const { status, text } = await server.create(namespace, `example-${index}`, spec);
    assert.is(status, 201, text);
  }
});
test.after(() => server.close(namespace));

async function output(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await kubectl(args);
  assert.is(code, 0, stderr);
  return stdout;
}

test("kubectl explain appsecret.spec.database reads like documentation", async () => {
  const text = (await output("explain", "appsecret.spec.database")).replaceAll(/\s+/g, " ");
  assert.match(text, "The database, for type Database: its name, and how to reach it.");
  assert.match(text, "name <string> -required- The database's name on the server. Published as DATABASE_NAME.");
  assert.match(
    text,
    "mode <string> enum: Database, MongoDBAtlas How to reach the database. Database: with the connection",
  );
  assert.match(
    text,
    "mongodbUri <Object> The connection string, for mode Database. It begins with mongodb:// or mongodb+srv://",
  );
  assert.match(text, "atlas <Object> A MongoDB Atlas cluster, for mode MongoDBAtlas.");
});

test("kubectl explain appsecret.spec.restart tells when workloads restart, and when not", async () => {
  const text = (await output("explain", "appsecret.spec.restart")).replaceAll(/\s+/g, " ");
  assert.match(
    text,
    "each time a published value changes, as kubectl rollout restart does. Nothing else restarts them: neither the first publication",
  );
  assert.match(text, "kind <string> -required- enum: Deployment, StatefulSet, DaemonSet");
});

test("kubectl explain has a text for every field of spec and status", async () => {
  const { body } = await server.request(
    "GET",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/appsecrets.appsecret.dev",
  );
  const crd = body as { spec: { versions: [{ schema: { openAPIV3Schema: Field } }] } };
  const objects = [...parents(crd.spec.versions[0].schema.openAPIV3Schema, "appsecret")];
  assert.ok(objects.length > 20);
  for (const { path, field } of objects) {
    const text = (await output("explain", path)).replaceAll(/\s+/g, " ");
    assert.not(text.includes("<empty>"), `${path} has no description`);
    for (const [name, { description }] of Object.entries(field.properties!)) {
      if (path === "appsecret" && ["apiVersion", "kind", "metadata"].includes(name)) continue;
      assert.ok(
        description !== undefined && text.includes(description.replaceAll(/\s+/g, " ")),
        `${path}.${name} in\n${text}`,
      );
    }
  }
});

function* parents(field: Field, path: string): Generator<{ path: string; field: Field }> {
  if (field.properties) yield { path, field };
  for (const [name, below] of Object.entries(field.properties ?? {})) yield* parents(below, `${path}.${name}`);
  for (const inside of [field.items, field.additionalProperties]) if (inside) yield* parents(inside, path);
}

test("an AppSecret that the operator has not evaluated says so: kstatus must not take it for ready", async () => {
  await server.create(namespace, "new", EXAMPLES["Custom"]);
  const { body } = await server.get(namespace, "new");
  const { status } = body as { status: { observedGeneration: number; conditions?: unknown[] } };
  // Another test file's operator may have been quicker than the line above.
  if (status.conditions === undefined) assert.equal(status, { observedGeneration: -1 });
});

test("defaults are stored, and the members of other types are not made", async () => {
  const { body } = await server.get(namespace, "example-2");
  assert.equal((body as { spec: unknown }).spec, {
    type: "Database",
    database: {
      name: "orders",
      mode: "Database",
      mongodbUri: { valueFrom: { secretKeyRef: { name: "source", key: "uri" } } },
    },
    target: { immutable: false },
    deletionPolicy: "Delete",
    verify: "BestEffort",
    suspend: false,
  });
});

const CONDITION = {
  type: "Ready",
  status: "True",
  reason: "Published",
  message: "All is well.",
  observedGeneration: 1,
  lastTransitionTime: "2026-01-01T00:00:00Z",
};

/** Dry run: where an operator is at work, the status is its own. */
function patchStatus(status: object, headers = {}) {
  const path = `/apis/appsecret.dev/v1/namespaces/${namespace}/appsecrets/example-0/status?dryRun=All`;
  return server.request("PATCH", path, { status }, { ...MERGE_PATCH, ...headers });
}

test("a whole status is stored as it is written", async () => {
  const status = {
    observedGeneration: 1,
    secret: { name: "orders", uid: "u", resourceVersion: "1", generation: 1, keys: ["AUD", "JWKS_URI"] },
    sources: [{ name: "source", uid: "u", resourceVersion: "1" }],
    binding: { name: "orders" },
    conditions: [CONDITION],
  };
  const { body, text } = await patchStatus(status);
  assert.equal((body as { status: unknown }).status, status, text);
});

test("the table shows type, readiness, reason, Secret and age; the message only with -o wide", async () => {
  const secret = { name: "orders", uid: "u", resourceVersion: "1", generation: 1, keys: [] };
  const { body, text } = await patchStatus(
    { observedGeneration: 1, secret, conditions: [CONDITION] },
    { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
  );
  const table = body as { columnDefinitions: { name: string; priority: number }[]; rows: [{ cells: unknown[] }] };
  assert.equal(
    table.columnDefinitions.map(({ name, priority }) => [name, priority]),
    [
      ["Name", 0],
      ["Type", 0],
      ["Ready", 0],
      ["Verified", 0],
      ["Reason", 0],
      ["Secret", 0],
      ["Age", 0],
      ["Message", 1],
    ],
    text,
  );
  const cells = table.rows[0].cells;
  assert.equal(cells.slice(0, 6), ["example-0", "Authentication", "True", null, "Published", "orders"]);
  assert.match(String(cells[6]), /^[0-9]+s$/);
  assert.is(cells[7], "All is well.");
});

test("a category of its own, but not part of `all`", async () => {
  assert.match(await output("get", "appsecret", "-n", namespace), "example-5");
  const all = await kubectl(["get", "all", "-n", namespace]);
  assert.not(`${all.stdout}${all.stderr}`.includes("example-"));
});

test("the short name works, and a list can be filtered by type", async () => {
  const args = ["get", "asec", "-n", namespace, "--field-selector", "spec.type=Authentication", "-o", "name"];
  assert.is((await output(...args)).trim(), "appsecret.appsecret.dev/example-0");
});

test("a condition is one entry per type", async () => {
  const { status, text } = await patchStatus({ observedGeneration: 1, conditions: [CONDITION, CONDITION] });
  assert.is(status, 422, text);
  assert.match(text, /status\.conditions\[1\]: Duplicate value/);
});

test.run();
