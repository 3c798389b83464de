/**
 * `make bench`: measures the operator side by side with the floor (load.ts), in one run on one machine, prints a table and
 * writes JSON. Ratios and counts are judged, times are not.
 *
 *   npm run bench -- --scale=small         shows that everything works, and measures nothing
 *   npm run bench -- --only=speed,growth   some of the groups
 *   npm run bench -- --churn-minutes=60    a longer churn
 *   npm run bench -- --json=FILE           where the figures go, instead of test/bench/results/
 *   npm run bench -- --strict              exit code 1 when a bar is missed
 */
import { mkdir, writeFile } from "node:fs/promises";
import { arch, cpus, platform, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { ControlPlaneError, ensureBinaries } from "#testbed/control-plane/index";
import { createProgress, duration } from "#testbed/control-plane/progress";
import { churn } from "./churn.ts";
import { failover } from "./failover.ts";
import { growth } from "./growth.ts";
import { verdict } from "./rows.ts";
import type { Section } from "./rows.ts";
import { SCALES } from "./scale.ts";
import { speed } from "./speed.ts";
import { sum } from "./statistics.ts";
import { table } from "./table.ts";
import { verification } from "./verification.ts";
import { inWorld } from "./world.ts";
import type { World } from "./world.ts";

/** A new group of rows is one more line here. `seconds`: how long it usually takes, for the progress bar (the churn: and its minutes). */
const GROUPS = {
  speed: { measure: speed, seconds: 190 },
  growth: { measure: growth, seconds: 150 },
  churn: { measure: churn, seconds: 15 },
  failover: { measure: failover, seconds: 50 },
  verification: { measure: verification, seconds: 380 },
} as const satisfies Record<string, { measure: (world: World) => Promise<Section[]>; seconds: number }>;
type Group = keyof typeof GROUPS;

// The operator and the manifests are named from here.
process.chdir(join(import.meta.dirname, "../.."));

const { values: flags } = parseArgs({
  options: {
    scale: { type: "string", default: "full" },
    only: { type: "string", default: Object.keys(GROUPS).join(",") },
    "churn-minutes": { type: "string", default: "1" },
    json: { type: "string" },
    strict: { type: "boolean", default: false },
  },
});
const scaleName = oneOf("--scale", flags.scale, Object.keys(SCALES) as (keyof typeof SCALES)[]);
const groups = flags.only.split(",").map((name) => oneOf("--only", name, Object.keys(GROUPS) as Group[]));
const churnMinutes = Number(flags["churn-minutes"]);
if (!(churnMinutes > 0)) refuse("--churn-minutes must be a number of minutes");

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // Every process ends with this one (lifeline.ts).
  process.on(signal, () => process.exit(130));
}

const startedAt = new Date();
const progress = createProgress(process.stderr);
const sections: Section[] = [];
try {
  await ensureBinaries({});
  await measureAll();
  const missed = await report();
  process.exitCode = flags.strict && missed > 0 ? 1 : 0;
} catch (error) {
  progress.end();
  // What was measured before it took minutes.
  if (sections.length > 0) await report();
  if (!(error instanceof ControlPlaneError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function measureAll(): Promise<void> {
  const usualSeconds = (group: Group) => GROUPS[group].seconds + (group === "churn" ? churnMinutes * 60 : 0);
  const total = sum(groups.map(usualSeconds));
  let before = 0;
  for (const group of groups) {
    const { measure } = GROUPS[group];
    const seconds = usualSeconds(group);
    const share = (done: number) => (before + done * seconds) / total;
    const show: World["progress"] = (done, what) =>
      progress.show(() => bar(share(done), `${what}, ${since(startedAt)}`));
    sections.push(...(await inWorld({ scale: SCALES[scaleName], churnMinutes, progress: show }, measure)));
    before += seconds;
  }
  progress.end();
}

/** @returns how many bars were missed */
async function report(): Promise<number> {
  const file = flags.json ?? `test/bench/results/${startedAt.toISOString().replaceAll(":", "-")}.json`;
  console.log(`${table(sections)}\n\nTook ${since(startedAt)}.`);
  await writeJson(file);
  console.log(`The figures as JSON: ${file}`);
  const missed = sections.flatMap(({ rows }) => rows).filter((row) => verdict(row) === "missed");
  if (missed.length > 0) console.log(`Missed: ${missed.map(({ id }) => id).join(", ")}.`);
  return missed.length;
}

function bar(share: number, text: string): string {
  const filled = Math.round(share * 20);
  return `${"█".repeat(filled)}${"░".repeat(20 - filled)} ${String(Math.floor(share * 100)).padStart(2)} %  ${text}`;
}

async function writeJson(file: string): Promise<void> {
  const rows = sections.flatMap((section) =>
    section.rows.map((row) => ({ ...row, section: section.title, verdict: verdict(row) ?? null })),
  );
  const machine = {
    platform: platform(),
    arch: arch(),
    cores: cpus().length,
    cpu: cpus()[0]?.model,
    bytes: totalmem(),
  };
  const run = {
    startedAt,
    seconds: (Date.now() - startedAt.getTime()) / 1000,
    scale: scaleName,
    node: process.version,
  };
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify({ ...run, machine, rows }, null, 2)}\n`);
}

function since(start: Date): string {
  return duration(Date.now() - start.getTime());
}

function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  return allowed.find((one) => one === value) ?? refuse(`${flag} must be one of ${allowed.join(", ")}, not ${value}`);
}

function refuse(message: string): never {
  console.error(message);
  process.exit(2);
}
