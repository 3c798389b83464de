/** The commands that the README gives to people who look for what is wrong: each one works, and shows it. */
import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { state } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { operatorSuite } from "#support/operator/suite";
import { custom, database, from } from "#support/operator/specs";

const README = readFileSync("README.md", "utf8");
const { promise, run } = operatorSuite("commands", ["--no-offline"]);

/** A command of the README, for kubectl; it has to stand there literally. */
function readme(command: string): string[] {
  assert.match(README, `kubectl ${command}`);
  return command.split(" ");
}

promise("get -o wide has the message; events --for has what happened", async (env) => {
  await env.apply("orders-db", database({}, from("nowhere", "uri")));
  await env.ready("orders-db", "False/SourceNotFound");
  const listed = await env.kubectl(readme("get appsecrets -o wide"));
  assert.match(listed.stdout, /orders-db +Database +False +Unknown +SourceNotFound .*nowhere/);
  await eventually(async () => {
    const { code, stdout, stderr } = await env.kubectl(readme("events --for appsecret/orders-db"));
    assert.is(code, 0, stderr);
    assert.match(stdout, /Warning +SourceNotFound +AppSecret\/orders-db/);
  });
});

promise("wait ends when the Secret is there, and set env --from takes its keys", async (env) => {
  await env.apply("orders-db", custom({ MONGODB_URI: "mongodb://db.example.com/" }));
  const waited = await env.kubectl([...readme("wait --for=condition=Ready appsecret/orders-db"), "--timeout=20s"]);
  assert.is(waited.code, 0, waited.stderr);
  await env.putWorkload("orders");
  const { code, stderr } = await env.kubectl(readme("set env deployment/orders --from=secret/orders-db"));
  assert.is(code, 0, stderr);
  const { stdout } = await env.kubectl(["set", "env", "deployment/orders", "--list"]);
  assert.match(stdout, "MONGODB_URI from secret orders-db, key MONGODB_URI");
});

promise("annotate with check-now has it checked at once", async (env) => {
  await env.apply("orders-db", database({}, { value: "mongodb://169.254.169.254:27017/orders" }));
  await eventually(async () => assert.is(state(await env.appSecret("orders-db"), "Verified"), "False/RejectedAddress"));
  const [annotate = "", appSecret = "", name = ""] = readme("annotate appsecret orders-db appsecret.dev/check-now=");
  await env.kubectl([annotate, appSecret, name, "appsecret.dev/check-now=today", "--overwrite"]);
  await eventually(async () => {
    assert.is((await env.appSecret("orders-db")).status?.verification?.checkNow, "today");
  });
});

run();
