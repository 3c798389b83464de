/** Which keys a Secret has. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { secretKey } from "#api/schema/target";
import { publishedKeys } from "#api/types/of-spec";
import { parseSpec } from "#api/schema/spec";

const value = { value: "x" };
const databaseUser = { username: "orders", password: value };
const atlas = (more: object) => ({
  type: "Database",
  database: {
    name: "orders",
    mode: "MongoDBAtlas",
    atlas: { projectId: "64f0c1a2b3c4d5e6f7a8b9c0", clusterName: "c", publicKey: value, privateKey: value, ...more },
  },
});
const WITHOUT_API_KEYS = ["MONGODB_URI", "DATABASE_NAME", "ATLAS_PROJECT_ID", "ATLAS_CLUSTER_NAME"];
const WITH_API_KEYS = [...WITHOUT_API_KEYS, "ATLAS_PUBLIC_KEY", "ATLAS_PRIVATE_KEY"];

const TABLE: [what: string, spec: unknown, keys: string[]][] = [
  [
    "Authentication",
    { type: "Authentication", authentication: { jwksUri: "https://id.example.com", audience: "a" } },
    ["JWKS_URI", "AUDIENCE"],
  ],
  [
    "Database",
    { type: "Database", database: { name: "a", mongodbUri: { value: "mongodb://h" } } },
    ["MONGODB_URI", "DATABASE_NAME"],
  ],
  ["Atlas without a database user: the application needs the API key", atlas({}), WITH_API_KEYS],
  ["Atlas with a database user: least privilege", atlas({ databaseUser }), WITHOUT_API_KEYS],
  ["Atlas with both, as asked", atlas({ databaseUser, publishApiKeys: true }), WITH_API_KEYS],
  ["Atlas with neither, as asked", atlas({ publishApiKeys: false }), WITHOUT_API_KEYS],
  ["Custom", { type: "Custom", custom: { data: { B: value, A: value } } }, ["B", "A"]],
];
for (const [what, spec, keys] of TABLE) {
  test(`published: ${what}`, () => {
    const result = parseSpec(spec);
    assert.ok(result.ok);
    assert.equal([...publishedKeys(result.spec)], keys);
  });
}

test("a key keeps its name unless it is renamed", () => {
  assert.is(secretKey("A", { A: "B" }), "B");
  assert.is(secretKey("A", { B: "A" }), "A");
  assert.is(secretKey("A", undefined), "A");
  assert.is(secretKey("constructor", {}), "constructor");
});

test.run();
