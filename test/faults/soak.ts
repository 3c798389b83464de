/**
 * The long form of the fault tests: `make soak`, SOAK_MINUTES=60 unless told.
 *
 * On a control plane of its own two things go on side by side. One operator runs all the time, under mild faults, while
 * AppSecrets come, change and go: its memory must stay flat, and what it publishes right. And stories are played, one after
 * another, under every kind of trouble, each with operators of its own; between them the servers are killed and restarted.
 * Ends with 1 at the first thing that is wrong, and prints a story that can be played again.
 */
import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { ControlPlane } from "#testbed/control-plane/index";
import { startControlPlane } from "#testbed/control-plane/index";
import { installRights } from "#support/operator/service-account";
import { startChurn } from "./churn.ts";
import type { Churn } from "./churn.ts";
import { collects, installCrds } from "#support/cluster";
import { explore, replayLine } from "./model-run.ts";
import { MILD, NO_TROUBLE, TROUBLES } from "./troubles.ts";

const minutes = Number(process.env["SOAK_MINUTES"] ?? "60");
if (!(minutes > 0)) {
  console.error("SOAK_MINUTES must be a number of minutes");
  process.exit(2);
}

/** Stories of each trouble get this long, then something happens to a server. */
const SECONDS_EACH = 20;
const CRASHES = 1;
/** Until the operator of the churn has made up for what it missed. */
const CAUGHT_UP_MS = 120_000;

const OUTAGES: readonly { name: string; happen: (cluster: ControlPlane) => Promise<unknown> }[] = [
  { name: "kube-apiserver killed", happen: (cluster) => cluster.restartApiServer("SIGKILL") },
  { name: "etcd killed", happen: (cluster) => cluster.restartEtcd("SIGKILL") },
  { name: "etcd restarted", happen: (cluster) => cluster.restartEtcd("SIGTERM") },
  {
    name: "kube-apiserver hung for 20 s",
    async happen({ pids }) {
      process.kill(pids.apiServer ?? 0, "SIGSTOP");
      await delay(20_000);
      process.kill(pids.apiServer ?? 0, "SIGCONT");
    },
  },
];

const began = performance.now();
const until = began + minutes * 60_000;
const stopped = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped.abort());
const cluster = await startControlPlane({
  env: { ...process.env, USE_EXISTING_CLUSTER: "false" },
  warn: () => undefined,
});
Object.assign(process.env, cluster.env);
let churn: Churn | undefined;
let wrong: string | undefined;
const totals = { stories: 0, actions: 0, outages: 0 };
try {
  await installCrds(cluster);
  await installRights();
  await collects();
  churn = await startChurn();
  say(`soak of ${minutes} minutes`);
  await soak(churn);
  wrong = await churn.problem(CAUGHT_UP_MS);
} catch (error) {
  wrong = error instanceof Error ? (error.stack ?? error.message) : String(error);
} finally {
  const told = churn?.summary();
  await churn?.stop();
  await cluster.stop();
  say(`${totals.stories} stories with ${totals.actions} actions, ${totals.outages} outages of a server`);
  if (told !== undefined) say(told);
  say(wrong === undefined ? "nothing was wrong" : `WRONG: ${wrong}`);
}
process.exit(wrong === undefined ? 0 : 1);

async function soak(steady: Churn): Promise<void> {
  const troubles = [NO_TROUBLE, MILD, ...TROUBLES];
  for (let turn = 0; goesOn(); turn += 1) {
    const { name: trouble } = troubles[turn % troubles.length]!;
    const seconds = Math.min(SECONDS_EACH, Math.max(1, (until - performance.now()) / 1000));
    const { stories, actions, failure } = await explore({
      seed: randomInt(2 ** 31),
      seconds,
      trouble,
      crashes: CRASHES,
    });
    totals.stories += stories;
    totals.actions += actions;
    if (failure) throw new Error(`${failure.why}\n\nTo see it again:\n${replayLine(failure.found)}`);
    say(`${stories} stories under: ${trouble}; ${steady.progress()}`);
    if (!goesOn()) return;
    const { name, happen } = OUTAGES[turn % OUTAGES.length]!;
    await happen(cluster);
    totals.outages += 1;
    const problem = await steady.problem(CAUGHT_UP_MS);
    if (problem !== undefined) throw new Error(`after ${name}: ${problem}`);
    say(`${name}: all is as it must be again`);
  }
}

function goesOn(): boolean {
  return performance.now() < until && !stopped.signal.aborted;
}

function say(text: string): void {
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(`${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, "0")}  ${text}`);
}
