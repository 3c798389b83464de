import type { Told } from "./uvu.ts";

/** What is known of a test file's process after its end. */
export type Ended = {
  /** What it wrote, with uvu's dots and totals. */
  output: string;
  tests: readonly Told[];
  /** The test that had begun and not ended. */
  current: string | undefined;
  /** Why it was ended by force, as the completion of "the file …". */
  stopped: string | undefined;
  /** Its exit code, or the signal that ended it. */
  ending: number | NodeJS.Signals;
  /** The command lines of processes that it left running. */
  left: readonly string[];
};

export type Verdict = {
  passed: number;
  failed: number;
  skipped: number;
  /** What went wrong beyond the tests' own failures, as the completion of "the file …". */
  problem: string | undefined;
  /** What the file wrote, without uvu's dots and totals. */
  output: string;
};

/** uvu's own totals, which it prints after the last test and only then. */
const TOTALS = /\n {2}Total: {5}(\d+)\n {2}Passed: {4}(\d+)\n {2}Skipped: {3}(\d+)\n {2}Duration:.*\n/g;
/** uvu's dots: `• • ✘   (2 / 3)`. The runner prints the names itself. */
const DOTS = /^(?:.* )?(?:[•✘] )* {2}\(\d+ \/ \d+\)\n/gm;

/**
 * Counts by uvu's totals; by what the tests told when uvu did not live to print them. A problem of the file that no failed
 * test stands for (a crash, a hang, no tests, processes left behind) counts as one failed.
 */
export function judge({ output, tests, current, stopped, ending, left }: Ended): Verdict {
  const told = (what: Told["what"]) => tests.filter((test) => test.what === what).length;
  const totals = [...output.matchAll(TOTALS)].at(-1)?.slice(1).map(Number);
  const [total = 0, passed = 0, skipped = 0] = totals ?? [
    told("passed") + told("failed"),
    told("passed"),
    told("skipped"),
  ];
  const failed = total - passed;

  const problem = ((): string | undefined => {
    if (stopped !== undefined) return stopped;
    if (totals === undefined && ending === 0) return "ran no test: is test.run() missing?";
    if (totals === undefined) {
      const where = current === undefined ? "" : `, in "${current}"`;
      return `ended before its tests did${where} (${describe(ending)})`;
    }
    if (total + skipped === 0) return "has no test";
    if (failed === 0 && ending !== 0) return `failed after its tests (${describe(ending)})`;
    if (left.length > 0) return `left processes running: ${left.join("; ")}`;
    return undefined;
  })();
  const inHook = problem === undefined && failed > told("failed");
  return {
    passed,
    failed: failed + (problem === undefined ? 0 : 1),
    skipped,
    problem: inHook ? "failed in a hook (before, after): uvu counts the tests that were not run as failed" : problem,
    output: output.replaceAll(TOTALS, "").replaceAll(DOTS, "").trim(),
  };
}

function describe(ending: number | NodeJS.Signals): string {
  return typeof ending === "number" ? `exit code ${ending}` : ending;
}
