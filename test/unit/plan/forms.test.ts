/** What becomes of a composed value: its sources are followed, its text is demanded, published and checked. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { condition, says, values } from "#support/plan/says";
import { edit, put, settle, UID, world } from "#support/plan/world";

const from = (name: string, key: string) => ({ valueFrom: { secretKeyRef: { name, key } } });
const FORMAT = "mongodb://$(user):$(password)@db:27017/";
const composed = (format = FORMAT) => ({
  type: "Database",
  database: {
    name: "orders",
    mongodbUri: { format, with: { user: from("login", "user"), password: from("secret", "password") } },
  },
});
const ME = { holder: { name: "orders", uid: UID } };

test("a composed connection string is made of its sources, checked and published", async () => {
  const w = world(composed(), ME);
  put(w, "login", { user: "orders" });
  put(w, "secret", { password: "p@ss/w:rd" });
  await settle(w);
  const uri = "mongodb://orders:p%40ss%2Fw%3Ard@db:27017/";
  assert.equal(values(w, "orders"), { DATABASE_NAME: "orders", MONGODB_URI: uri });
  assert.equal(
    w.asked.map(({ subject }) => subject),
    // A short name is the namespace's own.
    [{ kind: "MongoDB", uri, database: "orders", namespace: "staging" }],
  );
  assert.equal(
    w.appSecret.status?.sources?.map(({ name }) => name),
    ["login", "secret"],
  );
});

test("when a source of it changes, it is composed, checked and published again", async () => {
  const w = world(composed(), ME);
  put(w, "login", { user: "orders" });
  put(w, "secret", { password: "old" });
  await settle(w);
  put(w, "secret", { password: "new" });
  await settle(w);
  assert.is(values(w, "orders")["MONGODB_URI"], "mongodb://orders:new@db:27017/");
  assert.is(w.asked.length, 2);
});

test("a source that is missing is named with the placeholder that needs it", async () => {
  const w = world(composed(), ME);
  put(w, "login", { user: "orders" });
  await settle(w);
  assert.is(says(w, "Accepted"), "False/SourceNotFound");
  assert.match(
    condition(w, "Ready").message,
    'spec.database.mongodbUri.with.password refers to Secret "secret", which does not exist',
  );
  put(w, "secret", { pasword: "x" });
  await settle(w);
  assert.is(says(w, "Accepted"), "False/SourceKeyNotFound");
  assert.match(condition(w, "Ready").message, 'spec.database.mongodbUri.with.password refers to key "password"');
});

test("the composed text meets the demands of the field, or is not published", async () => {
  const w = world(composed("mongodb://$(user):x@$(password)"), ME);
  put(w, "login", { user: "orders" });
  put(w, "secret", { password: "two hosts" });
  await settle(w);
  assert.is(says(w, "Accepted"), "False/InvalidSpec");
  const { message } = condition(w, "Ready");
  assert.match(
    message,
    'spec.database.mongodbUri: the text composed with key "user" of Secret "login" and key "password" of Secret "secret" must name its hosts',
  );
  assert.not.match(message, "two hosts");
});

test("a text that is composed of literals is demanded the same", async () => {
  const spec = composed("mongodb://$(user):x@$(password)");
  const mongodbUri = { ...spec.database.mongodbUri, with: { user: { value: "a" }, password: { value: "b c" } } };
  const w = world({ ...spec, database: { ...spec.database, mongodbUri } }, ME);
  await settle(w);
  assert.match(condition(w, "Ready").message, "spec.database.mongodbUri: the composed text must name its hosts");
});

test("a composed value of a Custom is inserted as it is", async () => {
  const w = world({ type: "Custom", custom: { data: { A: { format: "$(x)", with: { x: from("login", "a") } } } } });
  put(w, "login", { a: "p@ss $(x) %" });
  await settle(w);
  assert.equal(values(w, "orders"), { A: "p@ss $(x) %" });
  edit(w, { type: "Custom", custom: { data: { A: { format: "<$(x)>$$(x)", with: { x: from("login", "a") } } } } });
  await settle(w);
  assert.equal(values(w, "orders"), { A: "<p@ss $(x) %>$(x)" });
});

test.run();
