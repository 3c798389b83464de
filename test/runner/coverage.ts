import { spawnSync } from "node:child_process";
import { globSync, readFileSync, rmSync } from "node:fs";
import ts from "typescript";

/**
 * Coverage of operator/, by c8, over everything that the tests started: V8 writes what ran to NODE_V8_COVERAGE, which
 * child processes inherit, so the operator that runs as a real process counts too (not when it is ended by SIGKILL).
 */

const FOLDER = "coverage";

/** What the test processes need in their environment. Forgets the last run. */
export function coverageEnv(): NodeJS.ProcessEnv {
  rmSync(FOLDER, { recursive: true, force: true });
  return { NODE_V8_COVERAGE: `${process.cwd()}/${FOLDER}/v8` };
}

/** One line with the figures. A file that no test loaded counts as not covered, unless it holds types only. */
export function coverageLine(): string {
  const excluded = globSync("operator/**/*.ts").filter(holdsTypesOnly);
  const report = spawnSync(
    "c8",
    [
      ...[
        "report",
        "--all",
        "--src",
        "operator",
        "--include",
        "operator/**",
        "--reporter",
        "json-summary",
        "--reporter",
        "html",
      ],
      ...["--reports-dir", FOLDER, "--temp-directory", `${FOLDER}/v8`],
      ...["**/*.d.ts", ...excluded].flatMap((file) => ["--exclude", file]),
    ],
    { encoding: "utf8" },
  );
  if (report.status !== 0) return `no coverage: c8 says ${report.error?.message ?? report.stderr}`;
  const { total } = JSON.parse(readFileSync(`${FOLDER}/coverage-summary.json`, "utf8")) as {
    total: Record<"lines" | "branches" | "functions", { pct: number }>;
  };
  const { lines, branches, functions } = total;
  return `Coverage of operator/: ${lines.pct} % of lines, ${branches.pct} % of branches, ${functions.pct} % of functions (${FOLDER}/index.html)`;
}

/** Such a file is erased when it is imported: there is nothing in it that a test could run. */
function holdsTypesOnly(file: string): boolean {
  const { outputText } = ts.transpileModule(readFileSync(file, "utf8"), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext, removeComments: true },
  });
  return outputText.trim() === "export {};";
}
