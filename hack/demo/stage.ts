/** What the demo says and shows. Every command that it prints is the one that it runs. */
import { styleText } from "node:util";
import type { ControlPlane, KubectlResult } from "../control-plane/index.ts";

/** Something that the demo promised to show did not happen. */
export class FactFailed extends Error {}

export type Stage = {
  heading(text: string): void;
  say(text: string): void;
  /** Prints the command and what it answers, and gives the answer. `shown` changes what is printed of it. */
  kubectl(
    args: readonly string[],
    options?: { input?: string; shown?: (stdout: string) => string },
  ): Promise<KubectlResult>;
  /** The same without a word. */
  quietly(args: readonly string[], input?: string): Promise<KubectlResult>;
  /** Tries until `holds`, for at most 15 s, and says what was shown. @throws FactFailed */
  fact(text: string, holds: () => Promise<boolean> | boolean): Promise<void>;
};

const FACT_WITHIN_MS = 15_000;
const POLL_MS = 50;

export function createStage(cluster: ControlPlane): Stage {
  const print = (text: string) => void process.stdout.write(`${text}\n`);
  const style = (format: "bold" | "cyan" | "green" | "red", text: string) =>
    process.stdout.isTTY ? styleText(format, text) : text;
  return {
    heading: (text) => print(`\n${style("bold", text)}`),
    say: (text) => print(text),
    async kubectl(args, { input, shown = (stdout: string) => stdout } = {}) {
      print(style("cyan", `$ kubectl ${args.map(quoted).join(" ")}`));
      if (input !== undefined) print(indent(input.trimEnd(), "    | "));
      const result = await cluster.kubectl(args, input === undefined ? {} : { input });
      print(indent(`${shown(result.stdout)}${result.stderr}`.trimEnd(), "    "));
      return result;
    },
    quietly: (args, input) => cluster.kubectl(args, input === undefined ? {} : { input }),
    async fact(text, holds) {
      const began = performance.now();
      while (!(await holds())) {
        if (performance.now() - began > FACT_WITHIN_MS) {
          print(style("red", `✘ ${text}`));
          throw new FactFailed(text);
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
      print(style("green", `✔ ${text}`));
    },
  };
}

function indent(text: string, by: string): string {
  return text.replaceAll(/^/gm, by);
}

function quoted(argument: string): string {
  return /^[-\w./:=,@]+$/.test(argument) ? argument : `'${argument}'`;
}
