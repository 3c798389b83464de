/** What docs/troubleshooting.md quotes of kubectl is what kubectl says, for a file as a person writes it. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { connect, kubectl } from "#support/crd/cluster";

const server = await connect();
let namespace = "";
test.before(async () => {
  namespace = await server.namespace();
});
test.after(() => server.close(namespace));

const PAGE = readFileSync("docs/troubleshooting.md", "utf8");

const appSecret = (spec: string, kind = "apiVersion: appsecret.dev/v1\nkind: AppSecret") =>
  `${kind}\nmetadata: { name: orders }\nspec:\n${spec.replace(/^\n/, "")}`;

const MESSAGES: [message: string, manifest: string][] = [
  [
    'must be of type object: "string"',
    appSecret(`
  type: Database
  database:
    name: orders
    mongodbUri: mongodb://db/`),
  ],
  [
    "<nil>: Invalid value:",
    appSecret(`
  type: Database
  database:
    name: orders
    mongodbUri: mongodb://db/`),
  ],
  [
    'must be of type string: "integer"',
    appSecret(`
  type: Custom
  custom:
    data:
      PORT: { value: 8080 }`),
  ],
  [
    'must be of type string: "boolean"',
    appSecret(`
  type: Custom
  verify: Off
  custom:
    data:
      A: { value: "" }`),
  ],
  [
    "strict decoding error: unknown field",
    appSecret(`
  type: Authentication
  authentication:
    jwksURI: https://id.example.com/jwks
    audience: orders`),
  ],
  ["Required value", appSecret("  type: Custom")],
  ["Unsupported value", appSecret("  type: Databse")],
  [
    "must have exactly one of",
    appSecret(`
  type: Custom
  custom:
    data:
      A: {}`),
  ],
  ['no matches for kind "AppSecret"', appSecret("  type: Custom", "apiVersion: appsecret.dev/v2\nkind: AppSecret")],
  [
    "mapping values are not allowed in this context",
    appSecret(`
  type: Custom
  custom:
    data:
      A:
        value: user: password`),
  ],
];
for (const [message, manifest] of MESSAGES) {
  test(`kubectl says ${message}`, async () => {
    assert.ok(PAGE.includes(`| \`${message}\` `), "docs/troubleshooting.md has no row for it");
    const { code, stderr } = await kubectl(["apply", "-n", namespace, "-f", "-"], manifest);
    assert.is(code, 1);
    assert.ok(stderr.includes(message), stderr);
  });
}

test("kubectl says that a type cannot be changed", async () => {
  const custom = { type: "Custom", custom: { data: { A: { value: "" } } } };
  assert.is((await server.create(namespace, "fixed", custom)).status, 201);
  const patch = JSON.stringify({ spec: { type: "Database" } });
  const { stderr } = await kubectl(["patch", "-n", namespace, "appsecret", "fixed", "--type=merge", "-p", patch]);
  const message = "cannot be changed: delete the AppSecret";
  assert.ok(PAGE.includes(`| \`${message}\` `));
  assert.ok(stderr.includes(message), stderr);
});

test("kubectl says who else manages a field", async () => {
  const message = "conflict with";
  assert.ok(PAGE.includes(`| \`${message}\` `));
  const manifest = (value: string) =>
    appSecret(`
  type: Custom
  custom:
    data:
      A: { value: "${value}" }`);
  const apply = (by: string, value: string) =>
    kubectl(["apply", "--server-side", `--field-manager=${by}`, "-n", namespace, "-f", "-"], manifest(value));
  assert.is((await apply("first", "1")).code, 0);
  const { stderr } = await apply("second", "2");
  assert.ok(stderr.includes(message), stderr);
});

test.run();
