import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import * as assert from "uvu/assert";
import type { Secret } from "#support/operator/environment";
import { decoded } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { custom, from } from "#support/operator/specs";
import { createStage } from "./stage.ts";
import { MILD } from "./troubles.ts";

/** One operator that runs for long, while AppSecrets come, change and go. */
export type Churn = {
  /** What it has done and what memory it takes, as a part of a line. */
  progress: () => string;
  /** Pauses the churn until all is published as it must be; says what is not, or that memory grows. */
  problem: (withinMs: number) => Promise<string | undefined>;
  /** Its memory over time, as text. */
  summary: () => string;
  stop: () => Promise<void>;
};

const COUNT = 100;
const SAMPLE_MS = 5_000;
const PAUSE_MS = 20;
/** A JavaScript heap needs its time to find its size; and then it may not grow by more than this. */
const WARM_AFTER_MS = 10 * 60_000;
const GROWTH_MIB = 15;

type Sample = { at: number; mib: number };

export async function startChurn(): Promise<Churn> {
  const stage = await createStage({ prefix: "churn" });
  const env = stage.environments[0]!;
  for (const rule of MILD.rules ?? []) stage.proxy.rule(rule);
  await stage.start();
  const { pid } = stage.operator;
  /** What each Secret must hold; undefined: there must be none. */
  const wanted = new Map<string, Record<string, string> | undefined>();
  const samples: Sample[] = [];
  const stopping = new AbortController();
  const began = performance.now();
  let changes = 0;
  let requests = 0;
  let paused = false;

  const sampling = setInterval(() => {
    samples.push({ at: performance.now() - began, mib: residentMib(pid) });
    requests += stage.proxy.requests.splice(0).length;
  }, SAMPLE_MS);

  /** Each is the same when it is made twice. */
  async function change(number: number): Promise<void> {
    const name = `keys-${number % COUNT}`;
    const isGone = number % 7 === 0;
    if (number % 50 === 0) await env.putSecret("upstream", { token: `token ${number}` });
    wanted.set(name, isGone ? undefined : { VALUE: String(number) });
    if (isGone) return env.deleteAppSecret(name);
    await env.apply(name, custom({ VALUE: String(number), TOKEN: from("upstream", "token") }));
    if (number % 11 === 0) await env.deleteSecret(name);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await delay(PAUSE_MS);
      if (paused) continue;
      // While a server is away nobody knows whether a change was made: it is made again.
      const made = await change(changes).then(
        () => true,
        () => false,
      );
      if (made) changes += 1;
    }
  }
  const running = run();

  async function check(): Promise<void> {
    const { items } = await stage.api.get<{ items: Secret[] }>(env.paths.secrets);
    const held = new Map(items.map((secret) => [secret.metadata.name, decoded(secret)]));
    const { token } = held.get("upstream") ?? {};
    for (const [name, values] of wanted) {
      assert.equal(held.get(name), values && { TOKEN: token, ...values }, `Secret ${name}`);
    }
  }

  function growth(): { before: number; after: number } | undefined {
    const warm = samples.filter(({ at }) => at > WARM_AFTER_MS).map(({ mib }) => mib);
    const fifth = Math.floor(warm.length / 5);
    return fifth < 5 ? undefined : { before: median(warm.slice(0, fifth)), after: median(warm.slice(-fifth)) };
  }

  return {
    progress: () => `${changes} changes, operator ${residentMib(pid)} MiB`,
    async problem(withinMs) {
      paused = true;
      try {
        await delay(PAUSE_MS);
        await eventually(check, withinMs);
        const { before, after } = growth() ?? { before: 0, after: 0 };
        return after - before > GROWTH_MIB ? `the operator's memory grew from ${before} to ${after} MiB` : undefined;
      } catch (error) {
        return `${(error as Error).message} is not as it must be\n${stage.operator.output().slice(-4_000)}`;
      } finally {
        paused = false;
      }
    },
    summary() {
      const step = Math.max(1, Math.ceil(samples.length / 12));
      const shown = samples.filter((_, index) => index % step === 0 || index === samples.length - 1);
      const series = shown.map(({ at, mib }) => `${(at / 60_000).toFixed(1)} min ${mib} MiB`).join(", ");
      return `one operator, ${changes} changes, ${requests} requests; RSS: ${series}`;
    },
    async stop() {
      clearInterval(sampling);
      stopping.abort();
      await running;
      await stage.close();
    },
  };
}

/** Linux: resident set size in MiB, 0 when the process has ended. */
function residentMib(pid: number): number {
  try {
    const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return Math.round(Number(kib ?? 0) / 1024);
  } catch {
    return 0;
  }
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
