/**
 * `make profile`: the operator under the load of the throughput rows, with V8's sampling profiler in it. Writes a
 * `.cpuprofile`, which Chrome's DevTools, VS Code and speedscope open, and prints the functions that take most.
 *
 *   npm run profile -- --objects=4000    a longer load
 */
import { mkdir, readFile, rename } from "node:fs/promises";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { createProgress } from "#testbed/control-plane/progress";
import { requestOnly } from "./load.ts";
import { publish } from "./speed.ts";
import { SCALES } from "./scale.ts";
import { inWorld } from "./world.ts";

/** What is read of the file: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile */
type Profile = {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  /** A node's id per sample, and the microseconds since the sample before it. */
  samples: number[];
  timeDeltas: number[];
};

const RESULTS = "test/bench/results";
const TOP = 30;

process.chdir(join(import.meta.dirname, "../.."));
const { values } = parseArgs({ options: { objects: { type: "string", default: "3000" } } });
const objects = Number(values.objects);
if (!(objects > 0)) {
  console.error("--objects must be a number of AppSecrets");
  process.exit(2);
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => process.exit(130));

const progress = createProgress(process.stderr);
const name = `operator-${new Date().toISOString().replaceAll(":", "-")}.cpuprofile`;
await mkdir(RESULTS, { recursive: true });
const show = (_done: number, what: string) => progress.show(() => what);
const { seconds, readyMs } = await inWorld({ scale: SCALES.full, churnMinutes: 0, progress: show }, async (world) => {
  await world.createNamespace("profile");
  const nodeFlags = ["--cpu-prof", `--cpu-prof-dir=${RESULTS}`, `--cpu-prof-name=${name}.part`];
  const operator = await world.startOperator({ nodeFlags, fromSource: true });
  show(0, `profiling: ${objects} AppSecrets`);
  const took = await publish(world, "profile", objects, requestOnly(world.client, "profile"));
  // V8 writes the file at an orderly end.
  await operator.stop();
  return { seconds: took, readyMs: operator.readyMs };
});
progress.end();
const file = `${RESULTS}/${name}`;
await rename(`${file}.part`, file);

console.log(`${objects} AppSecrets in ${seconds.toFixed(1)} s.`);
console.log(`${summary(JSON.parse(await readFile(file, "utf8")) as Profile, readyMs)}\n\nThe profile: ${file}`);

/**
 * The functions with the most time of their own, as shares of the time in which the process did something.
 *
 * @param startMs is left out: it is the loading of modules, and would be most of a short profile
 */
function summary({ nodes, samples, timeDeltas }: Profile, startMs: number): string {
  const byId = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const self = new Map<string, number>();
  let at = 0;
  for (const [index, id] of samples.entries()) {
    const delta = timeDeltas[index] ?? 0;
    at += delta;
    const frame = byId.get(id);
    if (at < startMs * 1000 || frame === undefined || frame.functionName === "(idle)") continue;
    const place = describe(frame);
    self.set(place, (self.get(place) ?? 0) + delta);
  }
  const busy = [...self.values()].reduce((sum, time) => sum + time, 0);
  const lines = [...self]
    .sort(([, a], [, b]) => b - a)
    .slice(0, TOP)
    .map(([place, time]) => `${((100 * time) / busy).toFixed(1).padStart(5)} %  ${place}`);
  return [`${(busy / 1e6).toFixed(2)} s of work since it was ready; self time by function:`, ...lines].join("\n");
}

function describe({ functionName, url, lineNumber }: Profile["nodes"][number]["callFrame"]): string {
  const named = functionName || "(anonymous)";
  if (url === "") return named;
  const path = url.startsWith("file://") ? relative(process.cwd(), new URL(url).pathname) : url;
  return `${named}  ${path}:${lineNumber + 1}`;
}
