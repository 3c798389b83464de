import { spawn } from "node:child_process";
import { once } from "node:events";
import { eventually } from "./eventually.ts";

/** The operator as a real process, with what it says and how it ends. */
export type Operator = {
  readonly pid: number;
  /** Everything that it wrote so far, to either stream. */
  output: () => string;
  /** Its log, parsed. A line that is no JSON object is not in it. */
  log: () => LogLine[];
  /** The page that Prometheus reads. */
  metrics: () => Promise<string>;
  /** The HTTP status of /livez or /readyz. */
  health: (path: "/livez" | "/readyz") => Promise<number>;
  /** The sum of a metric's series that have these labels. */
  metric: (name: string, labels?: Record<string, string>) => Promise<number>;
  /** Sends the signal and waits for the end. Fine when it has ended already. */
  stop: (signal?: NodeJS.Signals) => Promise<Ending>;
  ended: Promise<Ending>;
};

export type LogLine = { level: string; msg: string; namespace?: string; name?: string; [field: string]: unknown };

/** `code` is null after a signal that it did not catch; `ms`: from the start or, after `stop`, from the signal. */
export type Ending = { code: number | null; signal: NodeJS.Signals | null; ms: number };

export type OperatorOptions = {
  kubeconfig: string;
  /** None: all. */
  namespaces?: readonly string[];
  /** Further flags. Live checks are made only with --no-offline. */
  flags?: readonly string[];
  /** One that the kernel chooses unless told: no other process can take that before this one listens. */
  metricsPort?: number;
};

const MAIN = "operator/main.ts";

/**
 * What has begun is finished, which takes as long as the API server takes for it. Shorter than the operator's own deadline
 * for that (20 s): it is not this that ends it.
 */
export const ENDS_WITHIN_MS = 15_000;

/** Starts the operator and returns at once: for the tests of how it fails to start. */
export function spawnOperator(options: OperatorOptions): Operator {
  const { kubeconfig, namespaces = [], flags = [], metricsPort = 0 } = options;
  const args = [
    MAIN,
    `--metrics-address=127.0.0.1:${metricsPort}`,
    ...(namespaces.length > 0 ? [`--namespaces=${namespaces.join(",")}`] : []),
    ...(flags.includes("--no-offline") ? [] : ["--offline"]),
    ...flags,
  ];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let began = performance.now();
  let output = "";
  const hear = (chunk: string) => (output += chunk);
  child.stdout.setEncoding("utf8").on("data", hear);
  child.stderr.setEncoding("utf8").on("data", hear);
  const ended = once(child, "close").then(([code, signal]): Ending => {
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, ms: performance.now() - began };
  });
  // The last piece is "", or a line of which the rest is still to come.
  const lines = () => output.split("\n").slice(0, -1);
  const log = () => lines().flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as LogLine] : []));
  let port: unknown;
  const ask = (path: string) => {
    port ??= log().find(({ msg }) => msg === "starting")?.["metricsPort"];
    if (port === undefined) throw new Error(`it does not listen yet:\n${output}`);
    return fetch(`http://127.0.0.1:${port as number}${path}`);
  };
  const page = async (path: string) => {
    const reply = await ask(path);
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
    return reply.text();
  };

  return {
    pid: child.pid ?? 0,
    output: () => output,
    log,
    metrics: () => page("/metrics"),
    metric: async (name, labels = {}) => sum(await page("/metrics"), name, labels),
    health: async (path) => (await ask(path)).status,
    async stop(signal = "SIGTERM") {
      if (child.exitCode === null && child.signalCode === null) {
        began = performance.now();
        child.kill(signal);
      }
      return ended;
    },
    ended,
    ...{ ready: () => page("/readyz") },
  };
}

/** Starts the operator and waits until it is ready. When that fails, the error has its log. */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const operator = spawnOperator(options) as Operator & { ready(): Promise<string> };
  try {
    await Promise.race([
      eventually(() => operator.ready(), 60_000),
      operator.ended.then(({ code }) => Promise.reject(new Error(`it ended with exit code ${code}`))),
    ]);
    return operator;
  } catch (error) {
    await operator.stop("SIGKILL");
    throw new Error(`the operator did not become ready:\n${operator.output()}`, { cause: error });
  }
}

function sum(page: string, name: string, labels: Record<string, string>): number {
  return page
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)))
    .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
