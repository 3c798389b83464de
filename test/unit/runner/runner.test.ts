/** The test runner's counts are what everybody believes: a file that went wrong in any way must not pass. */
import { spawnSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { judge, type Ended } from "../../runner/verdict.ts";

const totals = (total: number, passed: number, skipped = 0) =>
  `• •   (${passed} / ${total})\n\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  1.00ms\n\n`;
const told = (what: "passed" | "failed" | "skipped", count = 1) =>
  Array.from({ length: count }, (_, index) => ({ what, name: `test ${index}`, ms: 1 }));

const well: Ended = {
  output: totals(2, 2),
  tests: told("passed", 2),
  current: undefined,
  stopped: undefined,
  ending: 0,
  left: [],
};

const cases: [
  name: string,
  ended: Partial<Ended>,
  counts: [passed: number, failed: number, skipped: number],
  says: string,
][] = [
  ["all passed", {}, [2, 0, 0], ""],
  ["some are skipped", { output: totals(2, 2, 3) }, [2, 0, 3], ""],
  ["all are skipped", { output: totals(0, 0, 1), tests: told("skipped") }, [0, 0, 1], ""],
  ["a test failed", { output: totals(2, 1), tests: [...told("passed"), ...told("failed")], ending: 1 }, [1, 1, 0], ""],
  ["it was stopped", { output: "", tests: told("passed"), stopped: "hung", ending: "SIGTERM" }, [1, 1, 0], "hung"],
  ["it was stopped after its tests", { stopped: "hung", ending: "SIGTERM" }, [2, 1, 0], "hung"],
  ["it crashed", { output: "", tests: told("passed"), current: "b", ending: 1 }, [1, 1, 0], 'in "b" (exit code 1)'],
  ["it crashed while it was loaded", { output: "", tests: [], ending: "SIGSEGV" }, [0, 1, 0], "SIGSEGV"],
  ["it crashed after its tests", { ending: 1 }, [2, 1, 0], "after its tests"],
  ["it forgot test.run()", { output: "", tests: [] }, [0, 1, 0], "test.run()"],
  ["it has no test", { output: totals(0, 0), tests: [] }, [0, 1, 0], "has no test"],
  ["a hook failed, which uvu ends with 0", { output: totals(2, 0), tests: [] }, [0, 2, 0], "hook"],
  ["it left processes", { left: ["sleep 77"] }, [2, 1, 0], "sleep 77"],
];
for (const [name, ended, [passed, failed, skipped], says] of cases) {
  test(`${name}: ${passed} passed, ${failed} failed, ${skipped} skipped`, () => {
    const verdict = judge({ ...well, ...ended });
    assert.equal([verdict.passed, verdict.failed, verdict.skipped], [passed, failed, skipped]);
    assert.is(verdict.problem === undefined, says === "");
    assert.match(verdict.problem ?? "", says);
  });
}

test("the output is shown without uvu's dots and totals", () => {
  const { output } = judge({ ...well, output: `listening\n${totals(2, 1).replace("\n\n", '\n\n   FAIL  "a"\n\n')}` });
  assert.is(output, 'listening\n\n   FAIL  "a"');
});

test("a filter that no file matches is an error, though others do: a slip of the pen must not pass for a green test", () => {
  const args = ["test/run.ts", "--unit", "readme", "raedme"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.is(status, 2);
  assert.is(stderr, 'No test file has "raedme" in its path.\n');
  assert.is(stdout, "");
});

test.run();
