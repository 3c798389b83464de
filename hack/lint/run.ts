import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { styleText } from "node:util";

/**
 * `npm run check`: runs every `check:…` script of package.json, as many at the same time as there are cores, and prints one
 * line for each. The output of a check is shown only if it failed. Exit code 1 if any failed, 2 for an unknown name.
 *
 * Names as arguments run only those: `npm run check -- lint imports`.
 */

/** Typed lint of code that does not compile reports hundreds of consequences and hides the cause. */
const AFTER: Readonly<Record<string, string>> = { lint: "types" };

const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Readonly<Record<string, string>> };
const all = Object.keys(scripts)
  .filter((script) => script.startsWith("check:"))
  .map((script) => script.slice("check:".length));
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`No such check: ${unknown.join(", ")}. There are: ${all.join(", ")}.`);
  process.exit(2);
}
const names = asked.length > 0 ? asked : all;
const width = Math.max(...names.map((name) => name.length));
const failed: string[] = [];
console.log(styleText("dim", `Running ${names.join(", ")} …`));

async function passes(name: string): Promise<boolean> {
  const began = performance.now();
  const child = spawn(scripts[`check:${name}`] ?? "", { shell: true, stdio: ["ignore", "pipe", "pipe"] });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
  const [code] = (await once(child, "close")) as [number | null];
  const time = styleText("dim", `${((performance.now() - began) / 1000).toFixed(1)} s`);
  if (code === 0) {
    console.log(`${styleText("green", "✔")} ${name.padEnd(width)}  ${time}`);
    return true;
  }
  failed.push(name);
  console.log(`${styleText("red", "✘")} ${name.padEnd(width)}  ${time}  (again: npm run check:${name})`);
  console.log(Buffer.concat(output).toString().trimEnd().replaceAll(/^/gm, "    "));
  return false;
}

/** Each chain runs in order and ends at its first failure. Chains are independent of each other. */
const chains = names
  .filter((name) => !names.includes(AFTER[name] ?? ""))
  .map((name) => [name, ...names.filter((later) => AFTER[later] === name)]);

async function work(): Promise<void> {
  for (let chain = chains.shift(); chain !== undefined; chain = chains.shift()) {
    for (const [index, name] of chain.entries()) {
      if (await passes(name)) continue;
      for (const skipped of chain.slice(index + 1)) {
        console.log(`${styleText("yellow", "–")} ${skipped.padEnd(width)}  not run: needs ${name}`);
      }
      break;
    }
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, work));
console.log(failed.length === 0 ? `All ${names.length} checks passed.` : `Failed: ${failed.join(", ")}.`);
process.exitCode = failed.length === 0 ? 0 : 1;
