import { setTimeout as sleep } from "node:timers/promises";
import * as assert from "uvu/assert";
import { custom } from "./harness/specs.ts";
import { operatorSuite } from "./harness/suite.ts";

/** How often the operator looks at an AppSecret for one change of it. */
const { promise, run } = operatorSuite("echo");

promise("what the operator writes itself wakes it no second time", async (env, operator) => {
  const names = Array.from({ length: 20 }, (_, index) => `once-${index}`);
  for (const name of names) {
    await env.apply(name, custom({ A: "1" }));
    await env.ready(name, "True/Published");
  }
  await sleep(300);
  const made = await operator.now.metric("appsecret_reconcile_total");
  // Where the watch is faster than the reply to the write, the operator has to look, and finds nothing to do.
  assert.ok(made >= names.length && made < 1.5 * names.length, `${made} reconciles of ${names.length} AppSecrets`);
});

run();
