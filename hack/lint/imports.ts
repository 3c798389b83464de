import { spawnSync } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import type { ICruiseResult } from "dependency-cruiser";

/**
 * `npm run check:imports`: applies the rules of .dependency-cruiser.js to all code, and makes sure that it read all code.
 *
 * dependency-cruiser reports success if it could read nothing (with TypeScript 7 it says "no violations, 0 modules"), so
 * every file on disk must be among the modules that it lists.
 */

const folders = ["operator", "testbed", "demo", "hack", "test", "examples"].filter((folder) => existsSync(folder));
const cruise = spawnSync("depcruise", ["--config", ".dependency-cruiser.js", "--output-type", "json", ...folders], {
  encoding: "utf8",
  maxBuffer: 256 * 1024 * 1024,
});
if (cruise.error !== undefined || cruise.stdout === "") {
  console.error(`dependency-cruiser did not run: ${cruise.error?.message ?? cruise.stderr}`);
  process.exit(1);
}

const { modules, summary } = JSON.parse(cruise.stdout) as ICruiseResult;
const seen = new Set(modules.map((module) => module.source));
const files = folders.flatMap((folder) => globSync(`${folder}/**/*.ts`));
const unseen = files.filter((file) => !seen.has(file));

for (const { from, to, rule, cycle } of summary.violations) {
  const path = cycle === undefined ? to : cycle.map((step) => step.name).join(" → ");
  console.error(`${rule.severity} ${rule.name}: ${from} → ${path}`);
}
for (const file of unseen) console.error(`error not read: ${file}`);
if (files.length === 0) console.error("error: there is nothing to read");
if (summary.violations.length > 0) console.error("The rules in .dependency-cruiser.js have a reason each.");

if (files.length === 0 || unseen.length > 0 || summary.error > 0) process.exit(1);
console.log(`${files.length} files, ${summary.totalDependenciesCruised ?? 0} imports, all in order.`);
