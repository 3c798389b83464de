import { setTimeout as sleep } from "node:timers/promises";
import * as assert from "uvu/assert";
import { eventually } from "#support/operator/eventually";
import type { Operator } from "#support/operator/operator";
import { custom, database, from, login } from "#support/operator/specs";
import { operatorSuite } from "#support/operator/suite";

/** In a steady state the operator writes nothing, and neither does one that has just been started. */
const { promise, run } = operatorSuite("steady");

const QUIET_MS = 10_000;

async function writes(operator: Operator): Promise<number> {
  const verbs = ["POST", "PUT", "PATCH", "DELETE"];
  const counts = await Promise.all(verbs.map((verb) => operator.metric("appsecret_api_requests_total", { verb })));
  return counts.reduce((sum, count) => sum + count, 0);
}

promise("nothing is written while nothing changes, and a restart writes and reads nothing", async (env, operator) => {
  await env.putSecret("upstream", { token: "one" });
  await env.putSecret("foreign", { theirs: "x" });
  const specs: Record<string, [object, string]> = {
    published: [
      custom({ A: "1", B: from("upstream", "token") }, { target: { labels: { team: "a" } } }),
      "True/Published",
    ],
    foreign: [custom({ A: "1" }), "False/SecretNotOwned"],
    retained: [custom({ A: "1" }, { deletionPolicy: "Retain" }), "True/Published"],
    suspended: [custom({ A: "1" }, { suspend: true }), "True/Suspended"],
    login: [login({ authentication: { enabled: false } }), "True/Disabled"],
    db: [database(), "True/PublishedUnverified"],
  };
  for (const [name, [spec, ready]] of Object.entries(specs)) {
    await env.apply(name, spec);
    await env.ready(name, ready);
  }
  const versions = async () => {
    const names = Object.keys(specs);
    const all = [...(await Promise.all(names.map(env.appSecret))), ...(await Promise.all(names.map(env.findSecret)))];
    return all.map((object) => object?.metadata.resourceVersion ?? "none");
  };
  // Nobody waits for an Event: it may come after what was done later.
  for (const name of Object.keys(specs)) {
    await eventually(async () => assert.is((await env.events(name)).length, 1, name));
  }
  const settled = await versions();
  const before = await writes(operator.now);
  assert.ok(before > 0, "the metric counts writes");
  await sleep(QUIET_MS);
  assert.is(await writes(operator.now), before, "writes in a steady state");

  const restarted = await operator.restart();
  await sleep(QUIET_MS);
  assert.is(await writes(restarted), 0, "writes after a restart");
  // What `waitForCluster` reads before the watches start: one AppSecret, and one Secret's metadata. And where the server does
  // not stream lists (Kubernetes 1.33), it refuses each list as a watch, and the operator reads one page instead.
  const pages = await restarted.metric("appsecret_api_requests_total", { verb: "WATCH", code: "422" });
  assert.ok([0, 2].includes(pages), `${pages} lists were refused: the operator watches two collections`);
  assert.is(
    await restarted.metric("appsecret_api_requests_total", { verb: "GET" }),
    2 + pages,
    "reads after a restart",
  );
  assert.equal(await versions(), settled);
});

run();
