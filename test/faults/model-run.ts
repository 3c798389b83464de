import fc from "fast-check";
import type { Story } from "./play.ts";
import { Broken, play } from "./play.ts";
import { createStage } from "./stage.ts";
import { stories } from "./stories.ts";
import { PATIENCE_MS, troubleOf } from "./troubles.ts";

/** Random stories against the real API server, until the time is over or one of them ends otherwise than the model says. */

/** A story with everything that it depends on: what replay.ts takes. */
export type Case = { seed: number; /** One of troubles.ts. */ trouble: string; story: Story };

/** @throws Broken */
export async function playCase({ seed, trouble, story }: Case, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const { rules = [], during, patienceMs = PATIENCE_MS } = troubleOf(trouble);
  const stage = await createStage({ prefix: "model", seed, env });
  try {
    for (const rule of rules) stage.proxy.rule(rule);
    await stage.start();
    await play(story, stage.environments[0]!, stage, { patienceMs, during });
  } finally {
    await stage.close();
  }
}

export type Explored = { stories: number; actions: number; failure?: { found: Case; why: string } };

/** A story that failed is made shorter for this long, in ms. */
const SHORTEN_MS = 60_000;

/** @param options `seconds` after which no further story is begun; `crashes`: see `stories` */
export async function explore(options: {
  seed: number;
  seconds: number;
  trouble: string;
  crashes: number;
}): Promise<Explored> {
  const { seed, seconds, trouble, crashes } = options;
  const until = performance.now() + seconds * 1000;
  let actions = 0;
  for (let done = 0; ; done += 1) {
    if (performance.now() > until) return { stories: done, actions };
    const property = fc.asyncProperty(stories(12, crashes), async (story) => {
      await playCase({ seed: seed + done, trouble, story });
      actions += story.flat().length;
    });
    // One story in each check, so that the time limit is one for making it shorter.
    const limits = { numRuns: 1, interruptAfterTimeLimit: SHORTEN_MS, markInterruptAsFailure: false };
    const { counterexample, errorInstance } = await fc.check(property, { seed: seed + done, ...limits });
    if (counterexample === null) continue;
    const why = errorInstance instanceof Broken ? errorInstance.message : String(errorInstance);
    return {
      stories: done,
      actions,
      failure: { found: { seed: seed + done, trouble, story: counterexample[0] }, why },
    };
  }
}

/** How a person sees it again. */
export function replayLine(found: Case): string {
  return `node test/faults/replay.ts '${JSON.stringify(found)}'`;
}
