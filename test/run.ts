import { globSync } from "node:fs";
import { parseArgs, styleText } from "node:util";
import type { ControlPlane } from "#testbed/control-plane/index";
import { startControlPlane } from "#testbed/control-plane/index";
import { ensureTool } from "#testbed/programs/index";
import { ensureFerretDB } from "#testbed/servers/mongodb";
import { installCrds } from "#support/cluster";
import { coverageEnv, coverageLine } from "./runner/coverage.ts";
import type { FileResult, RunningFile } from "./runner/file.ts";
import { runFile } from "./runner/file.ts";

/**
 * `npm test`: every test file in a process of its own, unit tests first, then what needs a real kube-apiserver, with one
 * control plane for all of it. The last line is `N passed, N failed`, from uvu's own totals.
 *
 *   npm test -- reflector     only files with "reflector" in their path (starts a control plane only if one needs it)
 *   npm test -- --unit        only the unit tests
 *   npm test -- --coverage    coverage also for a part of the tests
 *
 *   KUBERNETES=1.33.13 npm test             on another Kubernetes version (testbed/control-plane/versions.ts)
 *   FEATURE_GATES=WatchList=false npm test  with a feature gate of the API server
 *
 * A test file finds KUBECONFIG and a PATH with kubectl in its environment. Programs that it starts must inherit
 * NODE_V8_COVERAGE to be counted in the coverage.
 */

/** `timeoutSeconds` of a file: several times what it takes on a busy machine, since it only catches hangs. */
type Group = { folder: string; needsCluster: boolean; atOnce: number; timeoutSeconds: number };

const GROUPS: readonly Group[] = [
  { folder: "unit", needsCluster: false, atOnce: 2, timeoutSeconds: 120 },
  // Installs PyMongo and PyJWT the first time.
  { folder: "differential", needsCluster: false, atOnce: 1, timeoutSeconds: 300 },
  { folder: "integration", needsCluster: true, atOnce: 2, timeoutSeconds: 600 },
  // Mostly they wait, for deadlines and for processes. Each has its own proxies; those that stop servers, their own control plane.
  { folder: "faults", needsCluster: true, atOnce: 2, timeoutSeconds: 1200 },
];
/** What takes minutes to build the first time: built before the timeout of a file that needs it starts. */
const PROGRAMS: readonly { needs: RegExp; get: () => Promise<unknown> }[] = [
  { needs: /integration\/(chart|gitops)\//, get: () => ensureTool("helm") },
  { needs: /integration\/(chart|gitops)\//, get: () => ensureTool("kubeconform") },
  { needs: /integration\/gitops\//, get: () => ensureTool("glua") },
  { needs: /integration\/(verify|operator|examples)/, get: () => ensureFerretDB(process.env) },
];
/** How often the runner says what is under way. */
const HEARTBEAT_SECONDS = 30;

const { values: flags, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: { unit: { type: "boolean", default: false }, coverage: { type: "boolean" } },
});
const withCoverage = flags.coverage ?? (!flags.unit && filters.length === 0);
const env: NodeJS.ProcessEnv = { ...process.env, ...(withCoverage ? coverageEnv() : {}) };
const totals = { passed: 0, failed: 0, skipped: 0 };
const running = new Map<string, RunningFile>();
const interrupt = new AbortController();

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    interrupt.abort();
    // No test file is running: the control plane ends with this process.
    if (running.size === 0) process.exit(130);
    for (const file of running.values()) file.stop(`was stopped by ${signal}`);
  });
}

const groups = GROUPS.filter(({ folder }) => !flags.unit || folder === "unit").map((group) => ({
  ...group,
  files: globSync(`test/${group.folder}/**/*.test.ts`).sort(),
}));
const unmatched = filters.filter((filter) => !groups.some(({ files }) => files.some((file) => file.includes(filter))));
if (unmatched.length > 0) {
  for (const filter of unmatched) console.error(`No test file has "${filter}" in its path.`);
  process.exit(2);
}

const began = performance.now();
let controlPlane: ControlPlane | undefined;
try {
  for (const group of groups) {
    const files = group.files.filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
    if (files.length === 0 || interrupt.signal.aborted) continue;
    if (group.needsCluster && controlPlane === undefined) {
      const started = performance.now();
      controlPlane = await startControlPlane();
      Object.assign(env, controlPlane.env);
      await installCrds(controlPlane);
      console.log(styleText("dim", `\nThe control plane is up, with the CRD, after ${secondsSince(started)}.`));
    }
    for (const { needs, get } of PROGRAMS) {
      // The tests that need it say why it is missing.
      if (files.some((file) => needs.test(file))) await get().catch(() => undefined);
    }
    const waiting = [...files];
    await Promise.all(Array.from({ length: group.atOnce }, () => work(waiting, group.timeoutSeconds)));
  }
} catch (error) {
  // The cluster did not start: its tests were not run, and that is a failure.
  console.error(styleText("red", `\n✘ ${error instanceof Error ? error.message : String(error)}`));
  totals.failed += 1;
} finally {
  await controlPlane?.stop();
}

const { passed, failed, skipped } = totals;
if (withCoverage && !interrupt.signal.aborted) console.log(`\n${coverageLine()}`);
console.log(`\n${interrupt.signal.aborted ? "Interrupted" : "Finished"} after ${secondsSince(began)}.`);
if (passed + failed === 0) console.log("No test ran.");
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
process.exit(interrupt.signal.aborted ? 130 : failed > 0 || passed === 0 ? 1 : 0);

/** Takes files until none is left; `waiting` is shared with the other workers. */
async function work(waiting: string[], timeoutSeconds: number): Promise<void> {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    if (interrupt.signal.aborted) return;
    const started = performance.now();
    const child = runFile(file, env, timeoutSeconds);
    running.set(file, child);
    const heartbeat = setInterval(() => {
      const test = child.current();
      const where = test === undefined ? "" : `, now in "${test}"`;
      console.log(styleText("dim", `… ${file} has run for ${secondsSince(started)}${where}`));
    }, HEARTBEAT_SECONDS * 1_000);
    const result = await child.result;
    clearInterval(heartbeat);
    running.delete(file);
    totals.passed += result.passed;
    totals.failed += result.failed;
    totals.skipped += result.skipped;
    print(file, result);
  }
}

function print(file: string, result: FileResult): void {
  const marks = { began: "", passed: styleText("green", "✔"), failed: styleText("red", "✘"), skipped: "–" };
  const count = result.failed > 0 ? `${result.passed} passed, ${result.failed} failed` : `${result.passed} passed`;
  console.log(`\n${styleText("bold", file)} ${styleText("dim", `(${count}, ${result.seconds.toFixed(1)} s)`)}`);
  for (const { what, name, ms } of result.tests) {
    console.log(`  ${marks[what]} ${name}${ms >= 100 ? styleText("dim", ` (${ms} ms)`) : ""}`);
  }
  if (result.problem !== undefined) console.log(styleText("red", `  ✘ the file ${result.problem}`));
  if (result.failed > 0 && result.output !== "") console.log(`\n${result.output.replaceAll(/^/gm, "    ")}`);
}

function secondsSince(start: number): string {
  return `${((performance.now() - start) / 1_000).toFixed(0)} s`;
}
