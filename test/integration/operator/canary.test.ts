import * as assert from "uvu/assert";
import { custom, database, from } from "#support/operator/specs";
import { operatorSuite } from "#support/operator/suite";

/** No secret value is ever seen outside of Secrets and the specs that gave it, whatever goes wrong. */
const { promise, run } = operatorSuite("canary", ["--log-level=debug"]);

const CANARY = "canary-7d41c0ffee";
/** As text, and as what is the same in every base64 of it that begins with it. */
const TRACES = [CANARY, Buffer.from(CANARY).toString("base64").slice(0, 20), encodeURIComponent(CANARY)];

promise("a value reaches no log line, event, status or metric, in any failure", async (env, operator) => {
  const uri = `mongodb://user:${CANARY}@db.example.com/orders`;
  await env.putSecret("upstream", { good: CANARY, uri, bad: `postgres://${CANARY}@db/` });
  await env.putSecret("foreign", { theirs: CANARY });
  const specs: Record<string, [object, string]> = {
    good: [custom({ A: CANARY, B: from("upstream", "good") }), "True/Published"],
    foreign: [custom({ A: CANARY }), "False/SecretNotOwned"],
    nosource: [custom({ A: CANARY, B: from("nowhere", "x") }), "False/SourceNotFound"],
    nokey: [custom({ A: CANARY, B: from("upstream", "x") }), "False/SourceKeyNotFound"],
    itself: [custom({ A: CANARY, B: from("itself", "x") }), "False/InvalidSpec"],
    db: [database({}, from("upstream", "uri")), "True/PublishedUnverified"],
    immutable: [custom({ A: CANARY }, { target: { immutable: true } }), "True/Published"],
  };
  for (const [name, [spec, ready]] of Object.entries(specs)) {
    await env.apply(name, spec);
    await env.ready(name, ready);
  }
  await env.apply("db", database({}, from("upstream", "bad")));
  await env.ready("db", "False/InvalidSpec");
  await env.apply("immutable", custom({ A: `${CANARY}-2` }, { target: { immutable: true } }));
  await env.ready("immutable", "False/KeptLastGood");
  await env.patchSecret("good", { data: { A: Buffer.from(`${CANARY}-edited`).toString("base64") } });
  await env.deleteSecret("db");
  await env.ready("good", "True/Published");

  const said: Record<string, string> = {
    "the log": operator.now.output(),
    "the metrics": await operator.now.metrics(),
    "the events": (await env.kubectl(["get", "events.events.k8s.io", "-o", "json"])).stdout,
    "the table": (await env.kubectl(["get", "appsecrets", "-o", "wide"])).stdout,
  };
  for (const name of Object.keys(specs))
    said[`the status of ${name}`] = JSON.stringify((await env.appSecret(name)).status);
  assert.match(said["the log"] ?? "", "immutable", "the log tells of what happened");
  assert.match(said["the events"] ?? "", "SecretNotOwned", "so do the events");
  for (const [where, text] of Object.entries(said)) {
    for (const trace of TRACES) assert.not.ok(text.includes(trace), `${where} has a secret value`);
  }
});

run();
