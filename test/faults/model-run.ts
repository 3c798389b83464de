import fc from "fast-check";
import type { Story } from "./play.ts";
import { Broken, play } from "./play.ts";
import type { Rule } from "./rules.ts";
import { isAny, isWatch, isWrite } from "./rules.ts";
import { createStage } from "./stage.ts";
import { stories } from "./stories.ts";

/** Random stories against the real API server, until the time is over or one of them ends otherwise than the model says. */

/** A story with everything that it depends on: what replay.ts takes. */
export type Case = { seed: number; faults: boolean; story: Story };

/** Small faults, all of them at once, that a story must not notice. */
export const MILD_FAULTS: readonly Rule[] = [
  { on: isWrite, fault: { kind: "cut", executed: true }, probability: 0.04 },
  { on: isWrite, fault: { kind: "cut", executed: false }, probability: 0.04 },
  { on: isWrite, fault: { kind: "twice" }, probability: 0.04 },
  { on: isWrite, fault: { kind: "answer", status: 409 }, probability: 0.04 },
  { on: isAny, fault: { kind: "answer", status: 503 }, probability: 0.03 },
  { on: isAny, fault: { kind: "delay", ms: 60 }, probability: 0.1 },
  { on: isWatch, fault: { kind: "stream", faults: { repeat: true, shuffle: true, cutAfter: 15 } }, probability: 0.4 },
  { on: isWatch, fault: { kind: "stream", faults: { replay: true, expireAfter: 20 } }, probability: 0.4 },
];

const PATIENCE_MS = 10_000;
const PATIENCE_WITH_FAULTS_MS = 30_000;

/** @throws Broken */
export async function playCase({ seed, faults, story }: Case, env: NodeJS.ProcessEnv = process.env): Promise<number> {
  const stage = await createStage({ prefix: "model", seed, env });
  try {
    if (faults) for (const rule of MILD_FAULTS) stage.proxy.rule(rule);
    await stage.start();
    await play(story, stage.environments[0]!, stage, faults ? PATIENCE_WITH_FAULTS_MS : PATIENCE_MS);
    return stage.proxy.requests.length;
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
  faults: boolean;
  crashes: number;
}): Promise<Explored> {
  const { seed, seconds, faults, crashes } = options;
  const until = performance.now() + seconds * 1000;
  let actions = 0;
  for (let done = 0; ; done += 1) {
    if (performance.now() > until) return { stories: done, actions };
    const property = fc.asyncProperty(stories(12, crashes), async (story) => {
      await playCase({ seed: seed + done, faults, story });
      actions += story.flat().length;
    });
    // One story in each check, so that the time limit is one for making it shorter.
    const limits = { numRuns: 1, interruptAfterTimeLimit: SHORTEN_MS, markInterruptAsFailure: false };
    const { counterexample, errorInstance } = await fc.check(property, { seed: seed + done, ...limits });
    if (counterexample === null) continue;
    const why = errorInstance instanceof Broken ? errorInstance.message : String(errorInstance);
    return { stories: done, actions, failure: { found: { seed: seed + done, faults, story: counterexample[0] }, why } };
  }
}

/** How a person sees it again. */
export function replayLine(found: Case): string {
  return `node test/faults/replay.ts '${JSON.stringify(found)}'`;
}
