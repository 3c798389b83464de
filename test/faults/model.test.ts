import { randomInt } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { installRights } from "#support/operator/service-account";
import { collects } from "#support/cluster";
import { explore, replayLine } from "./model-run.ts";
import { MILD, NO_TROUBLE } from "./troubles.ts";

/**
 * Random sequences of what people do, against the real API server, compared with a small model after each step (model.ts).
 * A sequence that fails is made as short as the time allows and printed as a command that plays it again.
 */

test.before(async () => {
  await installRights();
  await collects();
});

/** The same in each run, and one that no run has had. */
const SEEDS = [
  { which: "the fixed seed", seed: 20_261_124 },
  { which: "a fresh seed", seed: randomInt(2 ** 31) },
];

const SECONDS = 25;

for (const [where, trouble, crashes] of [
  ["undisturbed", NO_TROUBLE.name, 0],
  ["under random faults and crashes", MILD.name, 2],
] as const) {
  for (const { which, seed } of SEEDS) {
    test(`random sequences of actions come to what the model says, ${where} (${which}: ${seed})`, async () => {
      const { stories, actions, failure } = await explore({ seed, seconds: SECONDS, trouble, crashes });
      if (failure) throw new Error(`${failure.why}\n\nTo see it again:\n${replayLine(failure.found)}`);
      assert.ok(stories > 0 && actions > 0, "no sequence was played");
    });
  }
}

test.run();
