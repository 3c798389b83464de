/** A second Authentication or Database of a namespace is refused at apply, naming the one that is there. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { connect, kubectl } from "#support/crd/cluster";
import { eventually } from "#support/operator/eventually";
import { EXAMPLES, type Json } from "#support/crd/specs";

const AUTHENTICATION = EXAMPLES["Authentication"]!;
const DATABASE = EXAMPLES["Database with a referenced URI"]!;
const ATLAS = EXAMPLES["Atlas cluster with references"]!;
const CUSTOM = EXAMPLES["Custom"]!;

const server = await connect();
let namespace = "";
let elsewhere = "";

/** Creates an AppSecret as the operator leaves it when it holds its type. */
async function createHolder(name: string, spec: Json, holds: string): Promise<void> {
  const { status, text } = await server.create(namespace, name, spec, { labels: { "appsecret.dev/holds": holds } });
  assert.is(status, 201, text);
}

/** What a person reads; undefined when it would have been created. */
async function refusal(spec: Json, where = namespace): Promise<string | undefined> {
  const { status, body, text } = await server.create(where, "second", spec, { dryRun: true });
  if (status === 201) return undefined;
  assert.is(status, 403, text);
  return (body as { message: string }).message;
}

/** The policy acts some seconds after the server has learned of the CRD and of the policy. */
const POLICY_WITHIN_MS = 60_000;
const untilRefused = (spec: Json): Promise<string> =>
  eventually(async () => {
    const message = await refusal(spec);
    if (message === undefined) throw new Error("the policy does not refuse it");
    return message;
  }, POLICY_WITHIN_MS);
const untilAllowed = (spec: Json): Promise<void> =>
  eventually(async () => assert.is(await refusal(spec), undefined), POLICY_WITHIN_MS);

test.before(async () => {
  namespace = await server.namespace();
  elsewhere = await server.namespace();
  await createHolder("login", AUTHENTICATION, "Authentication");
  await untilRefused(AUTHENTICATION);
});
test.after(async () => {
  await server.request("DELETE", `/api/v1/namespaces/${elsewhere}`);
  await server.close(namespace);
});

test("a second Authentication is refused, and the message names the first", async () => {
  const message = await refusal(AUTHENTICATION);
  assert.match(message ?? "", `namespace ${namespace} already has an AppSecret of type Authentication: login.`);
  assert.match(message ?? "", "A namespace can have only one. Change that one, or delete it first.");
});

test("a second Database is refused, in either mode; the other type's holder does not stop the first", async () => {
  assert.is(await refusal(DATABASE), undefined);
  await createHolder("orders", DATABASE, "Database");
  for (const spec of [DATABASE, ATLAS]) {
    const message = await untilRefused(spec);
    assert.match(message, `namespace ${namespace} already has an AppSecret of type Database: orders.`);
  }
});

test("any number of Custom", async () => {
  for (const name of ["a", "b"]) assert.is((await server.create(namespace, name, CUSTOM)).status, 201);
  assert.is(await refusal(CUSTOM), undefined);
});

test("another namespace has its own", async () => {
  assert.is(await refusal(AUTHENTICATION, elsewhere), undefined);
});

test("creating what exists says that it exists", async () => {
  const { status, text } = await server.create(namespace, "login", AUTHENTICATION);
  assert.is(status, 409, text);
  assert.match(text, "already exists");
});

test("the holder may be applied again, by kubectl too", async () => {
  const manifest = { apiVersion: "appsecret.dev/v1", kind: "AppSecret", metadata: { name: "login", namespace } };
  const again = await kubectl(
    ["apply", "--server-side", "--force-conflicts", "-f", "-"],
    JSON.stringify({ ...manifest, spec: AUTHENTICATION }),
  );
  assert.is(again.code, 0, again.stderr);
  const refused = await kubectl(
    ["apply", "-f", "-"],
    JSON.stringify({ ...manifest, metadata: { name: "second", namespace }, spec: AUTHENTICATION }),
  );
  assert.is(refused.code, 1);
  assert.match(refused.stderr, "already has an AppSecret of type Authentication: login.");
});

test("one that exists already can still be changed: the operator judges it, the policy does not", async () => {
  // Two that are created at the same instant both get past the policy; so does one made while no operator was there.
  const login = (await server.get(namespace, "login")).body as { metadata: { labels: object } };
  await server.patch(namespace, "login", { metadata: { labels: { "appsecret.dev/holds": null } } });
  await untilAllowed(AUTHENTICATION);
  assert.is((await server.create(namespace, "twin", AUTHENTICATION)).status, 201);
  await server.patch(namespace, "login", { metadata: { labels: login.metadata.labels } });
  await untilRefused(AUTHENTICATION);
  const { status, text } = await server.patch(namespace, "twin", { spec: { authentication: { audience: "other" } } });
  assert.is(status, 200, text);
});

test("a holder that only waits for its finalizers has left its place", async () => {
  await server.patch(namespace, "orders", { metadata: { finalizers: ["test.appsecret.dev/wait"] } });
  await untilRefused(DATABASE);
  const path = `/apis/appsecret.dev/v1/namespaces/${namespace}/appsecrets/orders`;
  await server.request("DELETE", path);
  assert.ok((await server.get(namespace, "orders")).text.includes("deletionTimestamp"));
  await untilAllowed(DATABASE);
  await server.patch(namespace, "orders", { metadata: { finalizers: null } });
});

test.run();
