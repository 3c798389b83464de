/** What the log shows, and above all what it never does. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OperatorError } from "#common/operator-error";
import { describeError } from "#observe/describe-error";
import { createLogger, type LogLevel, type Logger } from "#observe/logger";

const CANARY = "canary-5d1e";

function logged(
  write: (log: Logger) => void,
  level: LogLevel = "debug",
): { text: string; lines: Record<string, unknown>[] } {
  let text = "";
  write(createLogger(level, { write: (line) => void (text += line) }));
  const lines = text.split("\n").filter((line) => line !== "");
  return { text, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test("a line has its level by name, the time in ISO 8601, the fields and the message", () => {
  const { lines } = logged((log) => log.info({ namespace: "staging", name: "orders-db", generation: 3 }, "published"));
  const [{ time, ...rest } = {}] = lines;
  assert.equal(rest, { level: "info", namespace: "staging", name: "orders-db", generation: 3, msg: "published" });
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("the level decides what is written, and silent writes nothing", () => {
  const write = (log: Logger) => {
    for (const level of ["debug", "info", "warn", "error"] as const) log[level]({}, level);
  };
  assert.equal(
    logged(write, "warn").lines.map(({ level }) => level),
    ["warn", "error"],
  );
  assert.is(logged(write, "silent").text, "");
});

test("a child adds its fields to each line", () => {
  const { lines } = logged((log) => log.child({ namespace: "staging" }).child({ name: "db" }).info({}, "seen"));
  assert.is(lines[0]!["namespace"], "staging");
  assert.is(lines[0]!["name"], "db");
});

const objects: Record<string, object> = {
  "an inline value": { custom: { data: { KEY: { value: CANARY } } } },
  "a Secret's data": { secret: { kind: "Secret", data: { PASSWORD: CANARY } } },
  "a Secret's stringData": { deep: { in: { an: { object: { stringData: { A: CANARY } } } } } },
  "a whole AppSecret": { appSecret: { metadata: { name: "a" }, spec: { custom: CANARY } } },
  "a password": { databaseUser: { username: "orders", password: CANARY } },
  "a private key": { atlas: { privateKey: CANARY, "private-key": CANARY, PRIVATE_KEY: CANARY } },
  "an authorization header": { request: { headers: { Authorization: `Bearer ${CANARY}` } } },
  "a token": { user: { token: CANARY } },
  "kubectl's copy of the spec": { annotations: { "kubectl.kubernetes.io/last-applied-configuration": CANARY } },
  "a URI's credentials in any field": { text: `cannot reach mongodb+srv://orders:${CANARY}@db.example.com/orders` },
  "a URL object": { url: new URL(`https://user:${CANARY}@example.com`) },
  "a list": { items: [{ password: CANARY }, `mongodb://a:${CANARY}@b`] },
  bytes: { bytes: Buffer.from(CANARY) },
  "a key of a map": { map: new Map([[`mongodb://a:${CANARY}@b`, 1]]) },
  "something too deep to be looked at": { a: { b: { c: { d: { e: { f: { g: { h: CANARY } } } } } } } },
  "a driver's message": { err: new Error(`getaddrinfo ENOTFOUND ${CANARY}`) },
  "a driver's message, several levels down": { result: { attempts: [{ failure: new Error(CANARY) }] } },
  "a cause's message": { err: new OperatorError("Unreachable", "unreachable", { cause: new Error(CANARY) }) },
  "the errors of an AggregateError": { err: new AggregateError([new Error(CANARY)], CANARY) },
  "an error's own fields": { err: Object.assign(new Error("x"), { uri: CANARY, response: { body: CANARY } }) },
  "an error's code that is none": { err: Object.assign(new Error("x"), { code: `no: ${CANARY}` }) },
  "an error's name that is none": { err: Object.assign(new Error("x"), { name: `no: ${CANARY}` }) },
  "a thrown string": { err: describeError(CANARY) },
};
for (const [what, fields] of Object.entries(objects)) {
  test(`${what} is not logged`, () => {
    assert.not.match(logged((log) => log.error(fields, "failed")).text, CANARY);
    assert.not.match(logged((log) => log.child(fields).info({}, "seen")).text, CANARY);
  });
}

test("credentials in a message are not logged", () => {
  assert.not.match(logged((log) => log.info({}, `no answer from mongodb://a:${CANARY}@host`)).text, CANARY);
});

test("values that are cyclic, huge or not JSON are logged without an error", () => {
  const cyclic: Record<string, unknown> = { name: "a" };
  cyclic["self"] = cyclic;
  const fields = {
    cyclic,
    big: 10n,
    when: new Date(0),
    many: Array.from({ length: 1_000 }, (_, i) => i),
    run: () => 1,
  };
  const [line] = logged((log) => log.info(fields, "seen")).lines;
  assert.is(line!["big"], "10");
  assert.is(line!["when"], "1970-01-01T00:00:00.000Z");
  assert.is((line!["many"] as unknown[]).length, 100);
});

test("the log has code, message, stack and cause of an OperatorError", () => {
  const cause = Object.assign(new Error("connect to somewhere"), { code: "ECONNREFUSED" });
  const told = describeError(new OperatorError("Unreachable", "the API server does not answer", { cause }));
  assert.is(told.code, "Unreachable");
  assert.is(told.message, "the API server does not answer");
  assert.match(told.stack!, "logger.test.ts");
  assert.is(told.cause?.code, "ECONNREFUSED");
  assert.is(told.cause?.message, undefined);
});

test("of other errors the log has only name, code and where they were thrown", () => {
  const told = describeError(new TypeError(`cannot read ${CANARY}\n    at ${CANARY} (mongodb://a:b@c:1:1)`));
  assert.equal(Object.keys(told), ["name", "at"]);
  assert.is(told.name, "TypeError");
  assert.match(told.at![0]!, /logger\.test\.ts:\d+:\d+$/);
  assert.not.match(JSON.stringify(told), CANARY);
});

test("a cycle of causes ends", () => {
  const error = new Error("a");
  error.cause = error;
  assert.ok(JSON.stringify(describeError(error)).length < 20_000);
});

test.run();
