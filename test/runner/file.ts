import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { processesLeft, signalGroup } from "./processes.ts";
import type { Told } from "./uvu.ts";
import { judge, type Verdict } from "./verdict.ts";

/** Runs one test file in a process group of its own and says how it went. */

export type FileResult = Verdict & {
  seconds: number;
  tests: readonly Told[];
};

export type RunningFile = {
  result: Promise<FileResult>;
  /** The test under way, for messages about a file that takes long. */
  current(): string | undefined;
  /** Ends the file's whole process group: politely, and after 5 seconds not. `why` completes "the file …". */
  stop(why: string): void;
};

const preload = new URL("preload.ts", import.meta.url).href;

/** Starts `file` with `env`, and ends it by force after `timeoutSeconds`. */
export function runFile(file: string, env: NodeJS.ProcessEnv, timeoutSeconds: number): RunningFile {
  const began = performance.now();
  const tests: Told[] = [];
  let current: string | undefined;
  let output = "";

  // A group of its own: whatever the file starts can be found, and ended with it.
  const child = spawn(process.execPath, ["--import", preload, file], {
    env: { ...env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    detached: true,
  });
  if (child.pid === undefined) throw new Error(`cannot start ${process.execPath}`);
  const group = child.pid;
  const exited = once(child, "exit");
  const closed = once(child, "close");
  const hear = (chunk: Buffer) => (output += chunk.toString());
  child.stdout?.on("data", hear);
  child.stderr?.on("data", hear);
  createInterface({ input: child.stdio[3] as NodeJS.ReadableStream }).on("line", (line) => {
    const told = JSON.parse(line) as Told;
    current = told.what === "began" ? told.name : undefined;
    if (told.what !== "began") tests.push(told);
  });

  let stopped: string | undefined;
  let force: NodeJS.Timeout | undefined;
  const stop = (why: string): void => {
    if (stopped !== undefined) return;
    stopped = why;
    signalGroup(group, "SIGTERM");
    force = setTimeout(() => signalGroup(group, "SIGKILL"), 5_000);
  };
  const timeout = setTimeout(() => {
    const where = current === undefined ? "no test under way: something keeps it alive" : `in "${current}"`;
    stop(`was still running after ${timeoutSeconds} s, ${where}`);
  }, timeoutSeconds * 1_000);

  const finish = async (): Promise<FileResult> => {
    const [code, signal] = (await exited) as [number | null, NodeJS.Signals | null];
    clearTimeout(timeout);
    const left = await processesLeft(group);
    signalGroup(group, "SIGKILL");
    await closed; // Only now: a process left behind holds the pipes open.
    clearTimeout(force);
    const verdict = judge({ output, tests, current, stopped, ending: signal ?? code ?? 1, left });
    return { ...verdict, seconds: (performance.now() - began) / 1_000, tests };
  };
  return { result: finish(), current: () => current, stop };
}
