import { globSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** What a test file started: found by its process group. */

export function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // Nobody is left in it.
  }
}

/** On a busy machine it takes a process a while to end, also after SIGKILL. */
const ENDS_WITHIN_MS = 10_000;

/** The command lines of what still runs. A process that was told to end a moment ago has time to do so. */
export async function processesLeft(group: number): Promise<string[]> {
  const deadline = performance.now() + ENDS_WITHIN_MS;
  let left = processesOfGroup(group);
  while (left.length > 0 && performance.now() < deadline) {
    await delay(50);
    left = processesOfGroup(group);
  }
  return left;
}

/** Linux only: without /proc there are none to be seen. A zombie has ended; that nobody collects it is not the test's. */
function processesOfGroup(group: number): string[] {
  return globSync("/proc/[0-9]*/stat").flatMap((path) => {
    try {
      // "pid (name) state ppid pgrp …", and the name may hold anything.
      const [state, , pgrp] = readFileSync(path, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      if (Number(pgrp) !== group || state === "Z") return [];
      return [readFileSync(path.replace(/stat$/, "cmdline"), "utf8").replaceAll("\0", " ").trim().slice(0, 200)];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
}
