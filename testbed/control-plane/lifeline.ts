/**
 * Processes and directories that cannot outlive this program, however it ends: an exit, a crash, Ctrl-C or `kill -9`.
 *
 * Nothing here relies on code that this program runs on its way out, since after a SIGKILL there is none. Every process
 * is started by a small shell that holds the reading end of a pipe, its lifeline. This program holds the writing end, and the
 * kernel closes it when this program ends. The shell then kills its own process group: itself, the server, and whatever the server started.
 * Because the group is its own, no process id can have been handed to a stranger in the meantime. A temporary directory
 * is held in the same way, by a shell that removes it when the pipe ends.
 */
import { spawn } from "node:child_process";
import type { ChildProcess, StdioOptions } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { ControlPlaneError } from "./failure.ts";

/**
 * fd 0 is the lifeline. fd 3 tells this program the server's process id; the watching subshell keeps it open, so that its end
 * tells us that nothing is left. After an ordinary end the shell collects both of its children, so that none of them is
 * left to an init process that may not collect (containers often have none).
 */
const SUPERVISOR = `
exec 4<&0 </dev/null
"$@" 3>&- 4<&- &
server=$!
echo "$server" >&3
{ read -r _ <&4; kill -KILL 0; } &
watcher=$!
exec 3>&- 4<&-
wait "$server"
code=$?
kill -KILL "$watcher"
wait "$watcher"
exit "$code"
`;

/** The servers die by the same end of file, at the same time: a first try may meet a file that etcd has just made. */
const DIRECTORY_KEEPER = `
trap '' HUP INT TERM
directory=$(mktemp -d "$1/appsecret-control-plane.XXXXXX") || exit 1
echo "$directory"
read -r _
for _ in 1 2 3 4 5 6 7 8 9 10; do
  rm -rf "$directory" 2>/dev/null && exit 0
  sleep 0.2
done
exit 1
`;

/** The longest path of a Unix socket is 104 bytes on macOS, 108 on Linux; the socket's name needs the rest. */
const MAX_DIRECTORY_LENGTH = 90;

export type KeptProcess = {
  /** The process id of the program itself, not of the shell around it. */
  readonly pid: number;
  /** Resolves with the exit code (128 + n after signal n), once the program and everything that it started are gone. */
  readonly exited: Promise<number>;
  readonly running: boolean;
  /** `exited`, and keeps this program running until then. */
  done(): Promise<number>;
  /** Sends the signal, and SIGKILL when the program has not ended `withinMs` later. Resolves when it is gone. */
  stop(signal: NodeJS.Signals, withinMs: number): Promise<void>;
};

export type KeepOptions = {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Where the output goes: a file that is appended to, or a function that gets each line. */
  output: { file: string } | { stdout?: (line: string) => void; stderr?: (line: string) => void };
};

/**
 * Starts a program that ends when this one does. It does not keep this program alive.
 *
 * @throws {ControlPlaneError} `CannotStart` when no shell can be started.
 */
export async function spawnKept(command: string, args: readonly string[], options: KeepOptions): Promise<KeptProcess> {
  const file = "file" in options.output ? openSync(options.output.file, "a", 0o600) : undefined;
  const stdio: StdioOptions = ["pipe", file ?? "pipe", file ?? "pipe", "pipe"];
  const shell = spawn("/bin/sh", ["-c", SUPERVISOR, "sh", command, ...args], {
    stdio,
    // A session of its own: this program handles a Ctrl-C in the terminal and stops its children in order.
    detached: true,
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.env !== undefined && { env: options.env }),
  });
  if (file !== undefined) closeSync(file);
  if (!("file" in options.output)) {
    eachLine(shell.stdout, options.output.stdout);
    eachLine(shell.stderr, options.output.stderr);
  }

  let running = true;
  const exited = new Promise<number>((resolve) => {
    shell.once("exit", () => shell.stdin?.destroy());
    shell.once("error", () => shell.stdin?.destroy());
    shell.once("close", (code) => {
      running = false;
      resolve(code ?? 137);
    });
  });
  // An EPIPE on a lifeline means that its shell has gone already, which "close" reports.
  shell.stdin?.on("error", () => undefined);
  const pid = await firstLine(shell, shell.stdio[3] as Readable);
  letExit(shell);
  return {
    pid: Number(pid),
    exited,
    get running() {
      return running;
    },
    done: () => stayFor(exited),
    async stop(signal, withinMs) {
      const send = (name: NodeJS.Signals) => {
        try {
          if (running) process.kill(Number(pid), name);
        } catch {
          // ESRCH: it has ended, and `exited` is about to tell.
        }
      };
      send(signal);
      // A stopped one (SIGSTOP) would only see the signal when it is woken.
      if (signal !== "SIGKILL") send("SIGCONT");
      const timer = setTimeout(send, withinMs, "SIGKILL");
      await stayFor(exited);
      clearTimeout(timer);
    },
  };
}

export type KeptDirectory = { readonly path: string; remove(): Promise<void> };

/**
 * A temporary directory (mode 0700) that goes away with this program.
 *
 * @throws {ControlPlaneError} `CannotStart` when it cannot be made.
 */
export async function keepDirectory(): Promise<KeptDirectory> {
  const parent = tmpdir().length + "/appsecret-control-plane.XXXXXX".length <= MAX_DIRECTORY_LENGTH ? tmpdir() : "/tmp";
  const shell = spawn("/bin/sh", ["-c", DIRECTORY_KEEPER, "sh", parent], {
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
    // mktemp, rm and sleep have to be found also where PATH is empty.
    env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
  });
  const closed = new Promise<void>((resolve) => shell.once("close", () => resolve()));
  shell.stdin.on("error", () => undefined);
  const path = await firstLine(shell, shell.stdout);
  letExit(shell);
  return {
    path,
    async remove() {
      shell.stdin.end();
      await stayFor(closed);
    },
  };
}

function eachLine(stream: Readable | null, listener: ((line: string) => void) | undefined): void {
  if (stream === null) return;
  if (listener === undefined) stream.resume();
  else createInterface({ input: stream, crlfDelay: Infinity }).on("line", listener);
}

async function firstLine(shell: ChildProcess, stream: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const fail = (why: string) => reject(new ControlPlaneError("CannotStart", `Cannot start a process: ${why}`));
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const end = text.indexOf("\n");
      if (end >= 0) resolve(text.slice(0, end));
    });
    stream.once("end", () => fail("the shell ended at once"));
    shell.once("error", (error) => fail(error.message));
  });
}

/** A program that forgot to stop its control plane still ends, and its end stops the control plane. */
function letExit(shell: ChildProcess): void {
  shell.unref();
  for (const stream of shell.stdio) (stream as Socket | null)?.unref();
}

/** Keeps this program running while it waits. */
async function stayFor<T>(promise: Promise<T>): Promise<T> {
  const stay = setInterval(() => undefined, 2 ** 30);
  return promise.finally(() => clearInterval(stay));
}
