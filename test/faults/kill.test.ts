import { setTimeout as delay } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Environment } from "#support/operator/environment";
import { installRights } from "#support/operator/service-account";
import { ahead } from "./ahead.ts";
import type { Picture } from "./picture.ts";
import { atRest, comesTo, picture } from "./picture.ts";
import { isWrite } from "#support/fault-proxy/rules";
import type { Scenario } from "./scenarios.ts";
import { SCENARIOS } from "./scenarios.ts";
import type { Stage } from "./stage.ts";
import { createStage } from "./stage.ts";

/**
 * `kill -9` of the operator before and after every write that it makes. Each scenario is first run undisturbed, which tells
 * its writes; then it is run again in a fresh namespace for each of them, twice, with another operator going on from what
 * the dead one left behind. The end has to be the same, and no moment on the way may break a promise of history.ts.
 */

/** Scenarios at once: each has an operator process and a proxy of its own. */
const AT_ONCE = 3;
/** Writes that a killed run may have besides those of the undisturbed one: what was begun is done again. */
const MORE_WRITES = 4;

/** An Event that is late must not be taken for one of what follows. */
const REST_MS = 400;
/** A write that people do not wait for: an Event. */
const COMES_WITHIN_MS = 30_000;

/** A write by its place in the scenario, the `nth` of its method and path, and a moment: before it, or after it was `executed`. */
type Point = { method: string; path: string; nth: number; executed: boolean };
type Undisturbed = { stage: Stage; end: Picture; contents: Map<string, Set<string>>; points: Point[] };

await installRights();
const learned = await Promise.all(
  ahead(
    SCENARIOS.map((scenario) => () => learn(scenario)),
    AT_ONCE,
  ),
);
const outcomes = ahead(
  SCENARIOS.map((scenario, index) => () => killEverywhere(scenario, learned[index]!)),
  AT_ONCE,
);

for (const [index, scenario] of SCENARIOS.entries()) {
  const { points } = learned[index]!;
  test(`${scenario.name}: undisturbed, it makes ${points.length / 2} writes`, () => assert.ok(points.length > 0));
  for (const [place, { method, path, nth, executed }] of points.entries()) {
    const what = `${method} ${path}${nth > 1 ? ` (no. ${nth})` : ""}`;
    test(`${scenario.name}: killed ${executed ? "after" : "before"} ${what}`, async () => {
      const outcome = (await outcomes[index]!)[place]!;
      if (outcome.status === "rejected") throw outcome.reason;
    });
  }
}

test.run();

async function learn(scenario: Scenario): Promise<Undisturbed> {
  const stage = await createStage({ prefix: "kill" });
  const operator = await stage.start();
  const env = stage.environments[0]!;
  const history = await stage.watch(env);
  const begun = await play(scenario, env, stage);
  const points: Point[] = [];
  for (const { method, path } of stage.proxy.requests.slice(begun).filter(isWrite)) {
    const relative = within(path, env);
    const nth = 1 + points.filter((one) => one.executed && one.method === method && one.path === relative).length;
    for (const executed of [false, true]) points.push({ method, path: relative, nth, executed });
  }
  assert.equal(history.violations(), []);
  await operator.stop("SIGKILL");
  return { stage, end: await picture(env), contents: history.contents(), points };
}

/** One operator after another: the one that goes on after a kill is the one that is killed next. */
async function killEverywhere(scenario: Scenario, undisturbed: Undisturbed): Promise<PromiseSettledResult<void>[]> {
  const { stage, points } = undisturbed;
  try {
    const environments = await stage.extend(points.length);
    await stage.start();
    const ended: PromiseSettledResult<void>[] = [];
    for (const [place, point] of points.entries()) {
      ended.push(...(await Promise.allSettled([killed(undisturbed, scenario, environments[place]!, point)])));
      stage.proxy.calm();
    }
    return ended;
  } finally {
    await stage.close();
  }
}

async function killed(
  { stage, end, contents, points }: Undisturbed,
  scenario: Scenario,
  env: Environment,
  { method, path, nth, executed }: Point,
): Promise<void> {
  const { proxy } = stage;
  const history = await stage.watch(env);
  const happened = Promise.withResolvers<undefined>();
  const disturbance = () => {
    proxy.rule({
      on: (asked) => isWrite(asked) && asked.method === method && within(asked.path, env) === path,
      nth: (n) => n === nth,
      fault: {
        kind: "happen",
        executed,
        what: () => {
          stage.crash();
          happened.resolve(undefined);
        },
      },
    });
    return happened.promise;
  };
  const begun = await play(scenario, env, stage, disturbance);
  assert.equal(await comesTo(end, env), end);
  assert.equal(
    history.violations((secret, content) => contents.get(secret)?.has(content) === true),
    [],
  );
  const made = proxy.requests.slice(begun).filter(isWrite).length;
  assert.ok(made <= points.length / 2 + MORE_WRITES, `${made} writes, and undisturbed ${points.length / 2}`);
}

/**
 * @param disturb begins the disturbance, and resolves when it has happened
 * @returns how many requests there had been when the acting began
 */
async function play(
  scenario: Scenario,
  env: Environment,
  stage: Stage,
  disturb?: () => Promise<undefined>,
): Promise<number> {
  await scenario.prepare?.(env, stage);
  await atRest(env, stage.proxy, REST_MS);
  const begun = stage.proxy.requests.length;
  const disturbed = disturb?.();
  await scenario.act(env, stage).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${stage.operator.output()}`, { cause: error });
  });
  await Promise.race([
    disturbed,
    delay(COMES_WITHIN_MS, undefined, { ref: false }).then(() => assert.unreachable("the write never came")),
  ]);
  await stage.settled();
  await atRest(env, stage.proxy, REST_MS);
  return begun;
}

/** `/api/v1/namespaces/kill-1234/secrets/keys` is `secrets/keys`. */
function within(path: string, { namespace }: Environment): string {
  return path.replace(new RegExp(`^.*/namespaces/${namespace}/`), "");
}
