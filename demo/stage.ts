/** What the demo prints. A shell runs each command exactly as it is printed. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { styleText } from "node:util";

/** The demo cannot go on, or what it promised to show did not happen. The message says which, for a person. */
export class DemoError extends Error {}

export type Answer = { code: number; stdout: string; stderr: string };

export type Stage = {
  heading(title: string): void;
  say(text: string): void;
  /** Prints a command that is run in another way. */
  command(command: string): void;
  /** Prints the command and its answer. */
  run(command: string): Promise<Answer>;
  /** Runs a command without printing it. @throws DemoError when it fails */
  quietly(command: string): Promise<Answer>;
  /** The same for a command that may fail. */
  attempt(command: string): Promise<Answer>;
  /** Tries until `holds` returns true, and prints the fact with a tick. @throws DemoError after `withinMs` */
  fact(what: string | (() => string), holds: () => Promise<boolean> | boolean, withinMs?: number): Promise<void>;
  /** The number of facts so far. */
  readonly facts: number;
};

export type Screen = { isTTY?: boolean; columns?: number; write(text: string): unknown };

const FACT_WITHIN_MS = 30_000;
const POLL_MS = 50;
/** Where the width is not known: a log file. */
const COLUMNS = 100;
const INDENT = "    ";

/**
 * @param env of the commands: KUBECONFIG, and a PATH with kubectl
 * @param signal once it is aborted nothing is printed and nothing is run any more
 */
export function createStage(env: Record<string, string>, signal: AbortSignal, screen: Screen = process.stdout): Stage {
  // A terminal that does not know its width says 0.
  const columns = Math.min(screen.columns || COLUMNS, 120);
  let facts = 0;
  const print = (line: string) => signal.aborted || screen.write(`${line}\n`);
  const style = (format: Parameters<typeof styleText>[0], line: string) =>
    screen.isTTY ? styleText(format, line, { validateStream: false }) : line;

  async function run(command: string): Promise<Answer> {
    signal.throwIfAborted();
    const child = spawn("/bin/sh", ["-c", command], { env, stdio: ["ignore", "pipe", "pipe"] });
    const code = new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status) => resolve(status ?? 1));
    });
    const [exitCode, stdout, stderr] = await Promise.all([code, text(child.stdout), text(child.stderr)]);
    signal.throwIfAborted();
    return { code: exitCode, stdout, stderr };
  }

  const showCommand = (command: string) => print(`${style("dim", "$")} ${style("cyan", command)}`);

  return {
    heading: (title) => print(`\n${style("bold", title)}`),
    say: (line) => print(wrap(line, columns)),
    command: showCommand,
    async run(command) {
      showCommand(command);
      const answer = await run(command);
      // A table keeps its lines whole; a message is broken between words. One line alone is no table.
      const stdout = answer.stdout.trimEnd();
      const wrapped = (message: string) => wrap(message, columns - INDENT.length);
      const lines = [stdout.includes("\n") ? stdout : wrapped(stdout), wrapped(answer.stderr.trimEnd())];
      const said = lines.filter((line) => line !== "").join("\n");
      if (said !== "") print(said.replaceAll(/^(?=.)/gm, INDENT));
      return answer;
    },
    async quietly(command) {
      const answer = await run(command);
      if (answer.code !== 0) throw new DemoError(`✘ ${command}\n${answer.stderr.trimEnd()}`);
      return answer;
    },
    attempt: run,
    async fact(what, holds, withinMs = FACT_WITHIN_MS) {
      const began = performance.now();
      while (!(await holds())) {
        signal.throwIfAborted();
        if (performance.now() - began > withinMs) {
          const name = typeof what === "string" ? what : what();
          throw new DemoError(`✘ The demo expected this, and it did not happen: ${name}`);
        }
        await sleep(POLL_MS);
      }
      signal.throwIfAborted();
      facts += 1;
      print(style("green", `✔ ${typeof what === "string" ? what : what()}`));
    },
    get facts() {
      return facts;
    },
  };
}

/** Breaks long lines between words. A line that begins with a space is a table or a command, and stays whole. */
export function wrap(message: string, columns: number): string {
  const lines: string[] = [];
  for (const whole of message.split("\n")) {
    if (whole.startsWith(" ")) {
      lines.push(whole);
      continue;
    }
    let line = "";
    for (const word of whole.split(" ")) {
      if (line !== "" && line.length + 1 + word.length > columns) {
        lines.push(line);
        line = word;
      } else {
        line = line === "" ? word : `${line} ${word}`;
      }
    }
    lines.push(line);
  }
  return lines.join("\n");
}
