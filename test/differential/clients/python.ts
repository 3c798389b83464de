/**
 * PyMongo and PyJWT, which people's applications use: in a virtual environment of our own, outside the checkout, so that
 * every clone shares it. Installed once, in about ten seconds, from the versions in requirements.txt.
 */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { programCache } from "#testbed/control-plane/versions";

const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");

/** `missing`: why there is no Python with these packages on this machine. */
export type Python = { path: string } | { missing: string };

let found: Promise<Python> | undefined;

/** Never rejects. A second call gives the same answer. */
export function ensurePython(env: NodeJS.ProcessEnv = process.env): Promise<Python> {
  return (found ??= provide(env));
}

async function provide(env: NodeJS.ProcessEnv): Promise<Python> {
  const hash = createHash("sha256").update(readFileSync(REQUIREMENTS)).digest("hex").slice(0, 12);
  const folder = programCache(env, `python-${hash}`);
  const python = (place: string) => join(place, "bin", "python");
  if (existsSync(python(folder))) return { path: python(folder) };
  const run = promisify(execFile);
  // Renamed when it is complete: another test run may be at the same, and one that was interrupted leaves half of it.
  const building = `${folder}.${process.pid}`;
  try {
    mkdirSync(dirname(folder), { recursive: true });
    await run("python3", ["-m", "venv", building], { env, timeout: 60_000 });
    const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", REQUIREMENTS];
    await run(python(building), install, { env, timeout: 90_000 });
    if (!existsSync(folder)) renameSync(building, folder);
    return { path: python(folder) };
  } catch (error) {
    return { missing: `no Python with PyMongo and PyJWT: ${error instanceof Error ? error.message : String(error)}` };
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}

/**
 * Runs a script of this folder: JSON goes in on standard input, JSON comes out on standard output.
 *
 * @throws {Error} with what the script wrote to standard error, when it fails
 */
export async function runPython<T>(path: string, script: string, input: unknown): Promise<T> {
  const child = spawn(path, [join(import.meta.dirname, script)], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(JSON.stringify(input));
  const exited = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const [code, stdout, stderr] = await Promise.all([exited, text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new Error(`${script} failed (${code}):\n${stderr}`);
  return JSON.parse(stdout) as T;
}
