import { test } from "uvu";
import * as assert from "uvu/assert";
import { installRights } from "#support/operator/service-account";
import { ahead } from "./ahead.ts";
import { DAY } from "./day.ts";
import type { Picture } from "./picture.ts";
import { atRest, comesTo, picture } from "./picture.ts";
import { createStage } from "./stage.ts";
import type { Trouble } from "./troubles.ts";
import { NO_TROUBLE, PATIENCE_MS, TROUBLES } from "./troubles.ts";

/**
 * What a network, a load balancer and an overloaded API server do to requests and watches. Under each fault the same day
 * (day.ts) must come to the same end as without; no moment on the way may break a promise of history.ts, and the operator
 * may not ask without bounds.
 */

const AT_ONCE = 3;
/** Requests under a fault, as a multiple of those without. */
const MORE_REQUESTS = 4;

await installRights();
const undisturbed = live(NO_TROUBLE);
undisturbed.catch(() => undefined);
const disturbed = ahead(
  TROUBLES.map((trouble) => async () => ({ run: await live(trouble), without: await undisturbed })),
  AT_ONCE,
);

test("the day as it should be: without a fault", async () => {
  const { violations, faults } = await undisturbed;
  assert.equal(violations, []);
  assert.is(faults, 0);
});

for (const [index, { name, during }] of TROUBLES.entries()) {
  test(name, async () => {
    const { run, without } = await disturbed[index]!;
    assert.ok(run.faults > 0 || during !== undefined, "the fault never happened");
    assert.equal(run.end, without.end);
    assert.equal(run.violations, []);
    assert.ok(
      run.requests <= MORE_REQUESTS * without.requests,
      `${run.requests} requests, and without the fault ${without.requests}`,
    );
  });
}

test.run();

type Run = { end: Picture; violations: string[]; requests: number; faults: number };

async function live({ name, rules = [], during, patienceMs = PATIENCE_MS }: Trouble): Promise<Run> {
  const stage = await createStage({ prefix: "network" });
  const { proxy } = stage;
  const env = stage.environments[0]!;
  try {
    for (const rule of rules) proxy.rule(rule);
    await stage.start();
    const history = await stage.watch(env);
    for (const [part, { what, act }] of DAY.entries()) {
      await during?.(stage, part);
      await act(env, patienceMs).catch((error: unknown) => {
        throw new Error(`${name}: while ${what}:\n${stage.operator.output()}`, { cause: error });
      });
    }
    await stage.settled();
    const faults = proxy.requests.filter(({ fault }) => fault !== undefined).length;
    proxy.calm();
    await atRest(env, proxy);
    // A reconcile that was refused tries again after a backoff, in which nothing goes through the proxy.
    const end = name === NO_TROUBLE.name ? await picture(env) : await comesTo((await undisturbed).end, env);
    return { end, violations: history.violations(), requests: proxy.requests.length, faults };
  } finally {
    await stage.close();
  }
}
