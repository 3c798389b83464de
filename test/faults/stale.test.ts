import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { decoded } from "../integration/operator/harness/environment.ts";
import { installRights } from "../integration/operator/harness/service-account.ts";
import { custom } from "../integration/operator/harness/specs.ts";
import { isList } from "./rules.ts";
import { createStage } from "./stage.ts";

/** An API server that lags behind for a while shows a new operator an AppSecret as it was, beside a Secret as it is. */
const LAG_MS = 2000;

await installRights();

test("a new operator that is shown an old AppSecret does not put back what its predecessor published for it", async () => {
  const stage = await createStage({ prefix: "stale" });
  const env = stage.environments[0]!;
  try {
    await stage.start();
    await env.apply("orders", custom({ A: "one" }));
    await env.ready("orders", "True/Published");
    // What is listed now is what will be listed once more.
    stage.crash();
    await stage.settled();
    await env.apply("orders", custom({ A: "two" }));
    await env.ready("orders", "True/Published");
    const { events } = await env.recordSecrets();

    stage.proxy.rule({
      on: (asked) => isList(asked) && asked.path.endsWith("/appsecrets"),
      fault: { kind: "stale", lagMs: LAG_MS },
      nth: () => true,
    });
    stage.crash();
    await stage.settled();
    await sleep(2 * LAG_MS);
    assert.equal(
      events.map(({ object }) => decoded(object)["A"]).filter((value) => value !== "two"),
      [],
    );
    assert.equal(await env.values("orders"), { A: "two" });
    await env.ready("orders", "True/Published");
  } finally {
    env.close();
    await stage.close();
  }
});

test.run();
