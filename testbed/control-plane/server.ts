/** One server of the control plane: started until it is ready, stopped, and started again with the same command line. */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ControlPlaneError } from "./failure.ts";
import { spawnKept } from "./lifeline.ts";
import type { KeptProcess } from "./lifeline.ts";
import { commandLine } from "./servers.ts";
import type { Flags } from "./servers.ts";

/** Of a server under load on a small machine: the first start takes about 2 s. */
const READY_WITHIN_MS = 90_000;
const STOPS_WITHIN_MS = 15_000;
const POLL_MS = 40;
const LOG_TAIL_LINES = 15;

export type Server = {
  readonly pid: number | undefined;
  /**
   * Resolves when the server is ready; nothing happens when it runs already.
   *
   * @throws {ControlPlaneError} `ServerFailed` with the end of its log, when it ended or did not become ready.
   */
  start(): Promise<void>;
  /** Resolves when the process is gone. One that does not end in 15 s is killed. */
  stop(signal?: NodeJS.Signals): Promise<void>;
};

export type ServerOptions = {
  name: string;
  program: string;
  flags: () => Flags;
  logFile: string;
  cwd: string;
  /** Asked again and again after a start; `log` gives what the server has logged since that start. */
  isReady: (log: () => Promise<string>) => Promise<boolean>;
  /** Called when the server exits without `stop`. */
  onCrash: (message: string) => void;
};

export function createServer(options: ServerOptions): Server {
  let current: KeptProcess | undefined;
  /** Length of the log when the server was started last, in characters. */
  let logBefore = 0;

  async function waitUntilReady(process: KeptProcess): Promise<void> {
    const deadline = performance.now() + READY_WITHIN_MS;
    while (process.running && performance.now() < deadline) {
      if (await options.isReady(logSinceStart)) return;
      await sleep(POLL_MS);
    }
    const what = process.running ? `was not ready in ${READY_WITHIN_MS / 1000} s` : "exited at once";
    current = undefined;
    await process.stop("SIGKILL", 0);
    throw new ControlPlaneError("ServerFailed", `${options.name} ${what}. Its log ends with:\n${await logTail()}`);
  }

  async function wholeLog(): Promise<string> {
    return readFile(options.logFile, "utf8").catch(() => "");
  }
  async function logSinceStart(): Promise<string> {
    return (await wholeLog()).slice(logBefore);
  }
  async function logTail(): Promise<string> {
    return (await logSinceStart()).trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
  }

  return {
    get pid() {
      return current?.running ? current.pid : undefined;
    },
    async start() {
      if (current?.running) return;
      logBefore = (await wholeLog()).length;
      const started = await spawnKept(options.program, commandLine(options.flags()), {
        cwd: options.cwd,
        output: { file: options.logFile },
      });
      current = started;
      await waitUntilReady(started);
      void started.exited.then(async (code) => {
        if (current !== started) return;
        options.onCrash(`${options.name} exited unexpectedly (code ${code}). Its log ends with:\n${await logTail()}`);
      });
    },
    async stop(signal = "SIGTERM") {
      const stopping = current;
      current = undefined;
      await stopping?.stop(signal, STOPS_WITHIN_MS);
    },
  };
}
