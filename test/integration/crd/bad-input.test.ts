/** Issue 3, "Bad input": refused at apply, the field named in words that help, and no secret value in the answer. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { connect, kubectl } from "#support/crd/cluster";
import { CANARY, type Json } from "#support/crd/specs";

const server = await connect();
let namespace = "";
test.before(async () => {
  namespace = await server.namespace();
});
test.after(() => server.close(namespace));

const authentication = { jwksUri: "https://id.example.com/jwks.json", audience: "orders" };
const login = (changed: object): Json => ({
  type: "Authentication",
  authentication: { ...authentication, ...changed },
});
const uri = (mongodbUri: Json): Json => ({ type: "Database", database: { name: "orders", mongodbUri } });
const custom = (data: Json, more: object = {}): Json => ({ type: "Custom", custom: { data }, ...more });
const target = (fields: object): Json => custom({ A: { value: CANARY } }, { target: fields });
const atlas = (changed: object): Json => ({
  type: "Database",
  database: {
    name: "orders",
    mode: "MongoDBAtlas",
    atlas: {
      projectId: "64f0c1a2b3c4d5e6f7a8b9c0",
      clusterName: "prod-eu",
      publicKey: { value: CANARY },
      privateKey: { value: CANARY },
      ...changed,
    },
  },
});
const both: Json = { value: CANARY, valueFrom: { secretKeyRef: { name: "source", key: "uri" } } };

/** One of the placeholders in the format is `password`. */
const composed = (values: Json, format = `mongodb://$(user):$(password)@host/${CANARY}`): Json =>
  uri({ format, with: values });

const TABLE: [input: string, spec: Json, field: string, help: RegExp][] = [
  ["no spec at all", null, "spec", /Required value/],
  ["no type", { custom: { data: { A: { value: CANARY } } } }, "spec.type", /Required value/],
  ["an unknown type", { type: "Databse" }, "spec.type", /supported values: "Authentication", "Database", "Custom"/],
  ["no member", { type: "Custom" }, "spec.custom", /must be set when spec\.type is Custom/],
  [
    "two members",
    custom({ A: { value: CANARY } }, { authentication }),
    "spec.authentication",
    /must not be set unless spec\.type is Auth/,
  ],
  [
    "the wrong member",
    { type: "Authentication", custom: { data: { A: { value: CANARY } } } },
    "spec.custom",
    /must not be set unless/,
  ],
  ["an unknown field", login({ jwksURI: "x" }), "spec.authentication.jwksURI", /unknown field/],
  ["an unknown field in a secret value", custom({ A: { vaule: CANARY } }), "spec.custom.data.A.vaule", /unknown field/],
  [
    "a JWKS URI with http",
    login({ jwksUri: "http://id.example.com/jwks" }),
    "spec.authentication.jwksUri",
    /must begin with https:/,
  ],
  ["a relative JWKS URI", login({ jwksUri: "/jwks.json" }), "spec.authentication.jwksUri", /must begin with https:/],
  [
    "a JWKS URI without a host",
    login({ jwksUri: "https:///jwks" }),
    "spec.authentication.jwksUri",
    /absolute URL such as/,
  ],
  [
    "a JWKS URI with credentials",
    login({ jwksUri: `https://user:${CANARY}@id.example.com/jwks` }),
    "spec.authentication.jwksUri",
    /without a user name, password/,
  ],
  ["no JWKS URI", login({ jwksUri: null }), "spec.authentication.jwksUri", /Required value/],
  ["an empty audience", login({ audience: "" }), "spec.authentication.audience", /must not be empty/],
  ["an audience with a line break", login({ audience: "orders\n" }), "spec.authentication.audience", /line breaks/],
  [
    "a Mongo URI with the wrong scheme",
    uri({ value: `postgres://u:${CANARY}@host/db` }),
    "spec.database.mongodbUri.value",
    /mongodb:\/\/ or/,
  ],
  [
    "a Mongo URI without a scheme",
    uri({ value: `u:${CANARY}@host/db` }),
    "spec.database.mongodbUri.value",
    /mongodb:\/\/ or/,
  ],
  [
    "a Mongo URI without a host",
    uri({ value: `mongodb://u:${CANARY}@/db` }),
    "spec.database.mongodbUri.value",
    /must name its hosts/,
  ],
  [
    "a Mongo URI with a line break",
    uri({ value: `mongodb://u:${CANARY}@host/db\n` }),
    "spec.database.mongodbUri.value",
    /line breaks/,
  ],
  [
    "a bare @ in the password",
    uri({ value: `mongodb://u:${CANARY}@x@host/db` }),
    "spec.database.mongodbUri.value",
    /percent-encode/,
  ],
  [
    "SRV with a port",
    uri({ value: `mongodb+srv://u:${CANARY}@host:1/db` }),
    "spec.database.mongodbUri.value",
    /no port/,
  ],
  [
    "a bare string for the URI",
    uri(`mongodb://u:${CANARY}@host/db`),
    "spec.database.mongodbUri",
    /must be of type object/,
  ],
  ["value and valueFrom", uri(both), "spec.database.mongodbUri", /exactly one of value, valueFrom and format/],
  ["neither value nor valueFrom", uri({}), "spec.database.mongodbUri", /exactly one of value, valueFrom and format/],
  [
    "value and valueFrom of an entry",
    custom({ A: both }),
    "spec.custom.data[A]",
    /exactly one of value, valueFrom and format/,
  ],
  [
    "a format without values",
    uri({ format: `mongodb://${CANARY}` }),
    "spec.database.mongodbUri.with",
    /must be set when/,
  ],
  [
    "values without a format",
    uri({ with: { a: { value: CANARY } } }),
    "spec.database.mongodbUri.with",
    /must not be set unless format is set/,
  ],
  [
    "a placeholder without a value",
    composed({ user: { value: CANARY } }),
    "spec.database.mongodbUri.format",
    /only placeholders \$\(NAME\) whose NAME is in with/,
  ],
  [
    "a value without a placeholder",
    composed({ user: { value: "u" }, password: { value: CANARY }, pasword: { value: CANARY } }),
    "spec.database.mongodbUri.with",
    /only names that format uses/,
  ],
  [
    "a placeholder's name with a dash",
    custom({ A: { format: `${CANARY}$(a-b)`, with: { "a-b": { value: CANARY } } } }),
    "spec.custom.data[A].with",
    /only names of letters, digits and '_'/,
  ],
  [
    "a composed value in a composed value",
    composed({ user: { value: "u" }, password: { format: CANARY, with: {} } }),
    "spec.database.mongodbUri.with.password.format",
    /unknown field/,
  ],
  [
    "a composed URI with the wrong scheme",
    composed({ user: { value: CANARY }, password: { value: CANARY } }, "postgres://$(user):$(password)@host"),
    "spec.database.mongodbUri.format",
    /must begin with mongodb:/,
  ],
  [
    "a composed URI without a host",
    composed({ user: { value: CANARY }, password: { value: CANARY } }, "mongodb://$(user):$(password)@/db"),
    "spec.database.mongodbUri.format",
    /must name its hosts/,
  ],
  ["a number for a value", custom({ A: { value: 31_337 } }), "spec.custom.data.A.value", /must be of type string/],
  ["a list for a value", custom({ A: { value: [CANARY] } }), "spec.custom.data.A.value", /must be of type string/],
  [
    "a value that is too long",
    uri({ value: `mongodb://${CANARY}${"x".repeat(8_192)}` }),
    "spec.database.mongodbUri.value",
    /Too long/,
  ],
  [
    "no database name",
    { type: "Database", database: { mongodbUri: { value: CANARY } } },
    "spec.database.name",
    /Required value/,
  ],
  [
    "a database name with a blank",
    { type: "Database", database: { name: "a b", mongodbUri: both } },
    "spec.database.name",
    /without .* any of \//,
  ],
  [
    "mode Database without a URI",
    { type: "Database", database: { name: "a" } },
    "spec.database.mongodbUri",
    /must be set when mode/,
  ],
  [
    "mode Database with an Atlas cluster",
    { type: "Database", database: { ...(atlas({}) as { database: object }).database, mode: "Database" } },
    "spec.database.atlas",
    /must not be set unless mode/,
  ],
  [
    "an unknown mode",
    { type: "Database", database: { name: "a", mode: "Atlas" } },
    "spec.database.mode",
    /supported values/,
  ],
  [
    "a project ID that is not hexadecimal",
    atlas({ projectId: "64f0c1a2b3c4d5e6f7a8b9cg" }),
    "spec.database.atlas.projectId",
    /24 hexadecimal digits/,
  ],
  [
    "a project ID that is too short",
    atlas({ projectId: "64f0" }),
    "spec.database.atlas.projectId",
    /24 hexadecimal digits/,
  ],
  [
    "a project ID that is too long",
    atlas({ projectId: "64f0c1a2b3c4d5e6f7a8b9c00" }),
    "spec.database.atlas.projectId",
    /Too long|24/,
  ],
  [
    "an empty API key",
    atlas({ privateKey: { value: "" } }),
    "spec.database.atlas.privateKey.value",
    /must not be empty/,
  ],
  [
    "a key with a space",
    custom({ "STRIPE KEY": { value: CANARY } }),
    "spec.custom.data",
    /letters, digits, '-', '_' and '\.'/,
  ],
  ["no entry", custom({}), "spec.custom.data", /at least 1/],
  [
    "a reference to no name",
    uri({ valueFrom: { secretKeyRef: { name: "", key: "uri" } } }),
    "spec.database.mongodbUri.valueFrom.secretKeyRef.name",
    /valid Secret name/,
  ],
  [
    "a reference to another namespace",
    uri({ valueFrom: { secretKeyRef: { name: "a", key: "b", namespace: "prod" } } }),
    "spec.database.mongodbUri.valueFrom.secretKeyRef.namespace",
    /unknown field/,
  ],
  ["a target name in capitals", target({ name: "Orders" }), "spec.target.name", /lowercase letters/],
  [
    "the operator's own label",
    target({ labels: { "app.kubernetes.io/managed-by": "me" } }),
    "spec.target.labels",
    /reserved for the operator and Kubernetes/,
  ],
  [
    "the operator's own annotation",
    target({ annotations: { "appsecret.dev/owner": "other" } }),
    "spec.target.annotations",
    /reserved for the operator and Kubernetes/,
  ],
  [
    "an annotation that gives a Secret power",
    target({ annotations: { "kubernetes.io/service-account.name": "admin" } }),
    "spec.target.annotations",
    /reserved for the operator and Kubernetes/,
  ],
  ["a label that is none", target({ labels: { "a b": "c" } }), "spec.target.labels", /keys such as app/],
  ["renaming an unpublished key", target({ keys: { B: "C" } }), "spec.target.keys", /rename only published keys/],
  ["a new name with a blank", target({ keys: { A: "B C" } }), "spec.target.keys", /new names of/],
  [
    "a new name that is taken",
    custom({ A: { value: CANARY }, B: { value: CANARY } }, { target: { keys: { A: "B" } } }),
    "spec.target.keys",
    /name of another published key/,
  ],
];
for (const [input, spec, field, help] of TABLE) {
  test(`refused at apply: ${input}`, async () => {
    const { status, text, body } = await server.create(namespace, "bad", spec);
    const { message } = body as { message: string };
    assert.ok(status === 400 || status === 422, `${status} ${message}`);
    assert.ok(namesField(message, field), message);
    assert.match(message, help);
    assert.not(text.includes(CANARY), text);
  });
}

/** The field itself, not merely one below it. */
function namesField(message: string, field: string): boolean {
  return message.includes(`${field}: `) || message.includes(`"${field}"`);
}

test("256 values of 256 Ki characters are within the schema's bounds, 257 are not", async () => {
  const entries = (count: number) =>
    custom(Object.fromEntries(Array.from({ length: count }, (_, index) => [`KEY_${index}`, { value: "x" }])));
  assert.is((await server.create(namespace, "many", entries(256), { dryRun: true })).status, 201);
  const refused = await server.create(namespace, "many", entries(257), { dryRun: true });
  assert.match(refused.text, /spec\.custom\.data: Too many/);
  const large = custom({ A: { value: "x".repeat(262_144) } });
  assert.is((await server.create(namespace, "large", large, { dryRun: true })).status, 201);
  const tooLarge = custom({ A: { value: `${CANARY}${"x".repeat(262_144)}` } });
  const answer = await server.create(namespace, "large", tooLarge, { dryRun: true });
  assert.match(answer.text, /spec\.custom\.data\.A\.value: Too long/);
  assert.not(answer.text.includes(CANARY));
});

test("the largest spec that the bounds allow does not exhaust the API server's budget for rules", async () => {
  const long = (prefix: string, length = 253) => prefix.padEnd(length, "x");
  const numbered = <T>(count: number, of: (index: number) => [string, T]) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => of(index)));
  const data = numbered(256, (index) => [
    long(`k${index}-`),
    { valueFrom: { secretKeyRef: { name: long(`s${index}-`), key: long(`k${index}-`) } } },
  ]);
  const fields = {
    name: long("target-"),
    keys: numbered(64, (index) => [long(`k${index}-`), long(`n${index}-`)]),
    labels: numbered(32, (index) => [`example.com/l${index}`, long("v", 63)]),
    annotations: numbered(32, (index) => [`${long("example.com/", 12)}a${index}`, long("v", 4_096)]),
  };
  const everything = await server.create(namespace, "largest", custom(data, { target: fields }), { dryRun: true });
  assert.is(everything.status, 201, everything.text.slice(0, 2_000));
  const names = Array.from({ length: 16 }, (_, index) => `name_${index}`);
  const placeholders = names.flatMap((one) => [`$(${one})`, `$(${one})`, `$(${one})`, `$(${one})`]).join("$$(x) ");
  const format = long(placeholders, 4_096);
  const parts = Object.fromEntries(names.map((one) => [one, { value: "x" }]));
  const values = numbered(256, (index) => [`k${index}`, { format, with: parts }]);
  const composedOnes = await server.create(namespace, "largest", custom(values), { dryRun: true });
  assert.is(composedOnes.status, 201, composedOnes.text.slice(0, 2_000));
  const longUri = await server.create(namespace, "largest", uri({ value: long("mongodb://u:p@host", 8_192) }), {
    dryRun: true,
  });
  assert.is(longUri.status, 201, longUri.text.slice(0, 2_000));
});

test("a changed type is refused: delete and create", async () => {
  assert.is((await server.create(namespace, "fixed", custom({ A: { value: CANARY } }))).status, 201);
  const { status, text, body } = await server.patch(namespace, "fixed", {
    spec: { type: "Authentication", authentication, custom: null },
  });
  assert.is(status, 422, text);
  assert.match((body as { message: string }).message, /spec\.type: .*delete the AppSecret and create a new one/);
  assert.not(text.includes(CANARY));
});

test("everything else may change: content, mode, target, policies", async () => {
  const { name, mongodbUri } = { name: "orders", mongodbUri: { value: "mongodb://host" } };
  assert.is((await server.create(namespace, "open", { type: "Database", database: { name, mongodbUri } })).status, 201);
  const changed = await server.patch(namespace, "open", {
    spec: {
      ...(atlas({}) as { database: object }),
      target: { name: "other", immutable: true, keys: { MONGODB_URI: "URL" } },
      deletionPolicy: "Retain",
      verify: "Strict",
      suspend: true,
      database: { ...(atlas({}) as { database: object }).database, mongodbUri: null },
    },
  });
  assert.is(changed.status, 200, changed.text);
});

test("kubectl says it in the same words, and does not store what it refuses", async () => {
  const manifest = (spec: Json) =>
    JSON.stringify({ apiVersion: "appsecret.dev/v1", kind: "AppSecret", metadata: { name: "typo", namespace }, spec });
  const scheme = await kubectl(["apply", "-f", "-"], manifest(uri({ value: `mongo://u:${CANARY}@host/db` })));
  assert.is(scheme.code, 1);
  assert.match(
    scheme.stderr,
    /spec\.database\.mongodbUri\.value: Invalid value: .*must begin with mongodb:\/\/ or mongodb\+srv:\/\//,
  );
  const field = await kubectl(["apply", "-f", "-"], manifest(login({ audiense: CANARY })));
  assert.is(field.code, 1);
  assert.match(field.stderr, /unknown field "spec\.authentication\.audiense"/);
  assert.not(`${scheme.stdout}${scheme.stderr}${field.stdout}${field.stderr}`.includes(CANARY));
  assert.is((await server.get(namespace, "typo")).status, 404);
});

test.run();
