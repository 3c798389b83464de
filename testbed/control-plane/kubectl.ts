/** Runs kubectl and collects what it says. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

export type KubectlResult = { code: number; stdout: string; stderr: string };

/** Resolves also when kubectl fails: `code` says so. `input` goes to its stdin, for `kubectl apply -f -`. */
export async function runKubectl(
  path: string,
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; input?: string | undefined },
): Promise<KubectlResult> {
  const child = spawn(path, args, { env: options.env, stdio: ["pipe", "pipe", "pipe"] });
  const code = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve(status ?? 1));
  });
  // kubectl may end before it has read everything.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const [exitCode, stdout, stderr] = await Promise.all([code, text(child.stdout), text(child.stderr)]);
  return { code: exitCode, stdout, stderr };
}
