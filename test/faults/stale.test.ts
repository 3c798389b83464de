import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decoded } from "#support/operator/environment";
import { installRights } from "#support/operator/service-account";
import { OWNER_ANNOTATION } from "#api/names";
import { custom, login } from "#support/operator/specs";
import type { Environment } from "#support/operator/environment";
import type { Asked } from "#support/fault-proxy/rules";
import { isList } from "#support/fault-proxy/rules";
import type { Stage } from "./stage.ts";
import { createStage } from "./stage.ts";

/** An API server that lags behind for a while shows a new operator an AppSecret as it was, beside a Secret as it is. */
const LAG_MS = 2000;

const isOf = (collection: string) => (asked: Asked) => asked.path.endsWith(`/${collection}`);

await installRights();

/** What happens in `meanwhile` the next operator does not see at first: it is shown the AppSecrets as they were before. */
async function outdated(stage: Stage, meanwhile: () => Promise<unknown>): Promise<void> {
  // What is listed now is what will be listed once more.
  stage.crash();
  await stage.settled();
  await meanwhile();
  stage.proxy.rule({
    on: (asked) => isList(asked) && isOf("appsecrets")(asked),
    fault: { kind: "stale", lagMs: LAG_MS },
    nth: () => true,
  });
}

async function onStage(prefix: string, play: (stage: Stage, env: Environment) => Promise<void>): Promise<void> {
  const stage = await createStage({ prefix });
  const env = stage.environments[0]!;
  try {
    await play(stage, env);
  } finally {
    env.close();
    await stage.close();
  }
}

/** The Secret of a login is still the same one after the next operator has seen the old AppSecrets, and then those that there are. */
async function survivesCrash(stage: Stage, env: Environment, name: string): Promise<void> {
  const { metadata } = await env.secret(name);
  stage.crash();
  await stage.settled();
  await sleep(2 * LAG_MS);
  assert.is((await env.secret(name)).metadata.uid, metadata.uid);
  await env.ready(name, "True/PublishedUnverified");
}

test("a new operator that is shown an old AppSecret does not put back what its predecessor published for it", () =>
  onStage("stale", async (stage, env) => {
    await stage.start();
    await env.apply("orders", custom({ A: "one" }));
    await env.ready("orders", "True/Published");
    await outdated(stage, async () => {
      await env.apply("orders", custom({ A: "two" }));
      await env.ready("orders", "True/Published");
    });
    const { events } = await env.recordSecrets();

    stage.crash();
    await stage.settled();
    await sleep(2 * LAG_MS);
    assert.equal(
      events.map(({ object }) => decoded(object)["A"]).filter((value) => value !== "two"),
      [],
    );
    assert.equal(await env.values("orders"), { A: "two" });
    await env.ready("orders", "True/Published");
  }));

test("nor does it take away a Secret because the AppSecret was disabled once", () =>
  onStage("stale-disabled", async (stage, env) => {
    await stage.start();
    await env.apply("web-login", login({ authentication: { enabled: false } }));
    await env.ready("web-login", "True/Disabled");
    await outdated(stage, async () => {
      await env.apply("web-login", login());
      await env.ready("web-login", "True/PublishedUnverified");
    });
    await survivesCrash(stage, env, "web-login");
  }));

test("nor because its AppSecret was a duplicate, of one that is gone by now", () =>
  onStage("stale-duplicate", async (stage, env) => {
    // Before there is an operator nobody has the label by which the admission policy would refuse the second one.
    await env.apply("first", login());
    await sleep(1100);
    await env.apply("second", login());
    await stage.start();
    await env.ready("first", "True/PublishedUnverified");
    await env.ready("second", "False/Duplicate");
    await outdated(stage, async () => {
      await env.deleteAppSecret("first");
      await env.ready("second", "True/PublishedUnverified");
    });
    await survivesCrash(stage, env, "second");
  }));

test("a Secret that was handed over is not taken away by an operator that has not heard of it yet", () =>
  onStage("stale-handed-over", async (stage, env) => {
    stage.proxy.rule({
      on: (asked) => isList(asked) && isOf("secrets")(asked),
      fault: { kind: "stream", faults: { lateMs: LAG_MS } },
    });
    await stage.start();
    await env.apply("web-login", login());
    await env.ready("web-login", "True/PublishedUnverified");
    await sleep(2 * LAG_MS);
    const handedOver = { annotations: { [OWNER_ANNOTATION]: "other" }, ownerReferences: null };
    const { metadata } = await env.patchSecret("web-login", { metadata: handedOver });
    await env.apply("web-login", login({ authentication: { enabled: false } }));
    await env.ready("web-login", "True/Disabled");
    await sleep(LAG_MS);
    assert.is((await env.findSecret("web-login"))?.metadata.uid, metadata.uid);
  }));

test.run();
