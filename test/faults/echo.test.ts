import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { installRights } from "#support/operator/service-account";
import { custom } from "#support/operator/specs";
import { isWatch } from "#support/fault-proxy/rules";
import { createStage } from "./stage.ts";

/**
 * How often the operator looks at an AppSecret for one change of it. Where the watch is faster than the reply to a write, it
 * has to look at its own write, and finds nothing to do; on a busy machine that is so for every other one. Here the watch
 * is always slower.
 */
const LATE_MS = 1_000;

await installRights();

test("what the operator writes itself wakes it no second time", async () => {
  const stage = await createStage({ prefix: "echo" });
  const env = stage.environments[0]!;
  try {
    stage.proxy.rule({ on: isWatch, fault: { kind: "stream", faults: { lateMs: LATE_MS } } });
    await stage.start();
    const names = Array.from({ length: 20 }, (_, index) => `once-${index}`);
    for (const name of names) await env.apply(name, custom({ A: "1" }));
    for (const name of names) await env.ready(name, "True/Published");
    await sleep(2 * LATE_MS);
    assert.is(await stage.operator.metric("appsecret_reconcile_total"), names.length);
  } finally {
    await stage.close();
  }
});

test.run();
