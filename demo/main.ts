/**
 * `make demo`: a control plane, the operator, what it checks and the examples, on this machine and gone afterwards. On a
 * terminal it stays until Ctrl-C, to be tried out. Otherwise (CI=true, or no terminal) it runs through and exits with 0
 * when everything that it shows is true, else it says what is not and exits with 1.
 */
import { join } from "node:path";
import { ControlPlaneError, startControlPlane } from "#testbed/control-plane/index";
import type { ControlPlane } from "#testbed/control-plane/index";
import { keepDirectory } from "#testbed/control-plane/lifeline";
import { prepareGuest } from "./guest.ts";
import { install, logTail, startOperator } from "./operator.ts";
import type { RunningOperator } from "./operator.ts";
import { play } from "./scenes.ts";
import { startServers } from "./servers.ts";
import type { Servers } from "./servers.ts";
import { createStage, DemoError } from "./stage.ts";
import type { Stage } from "./stage.ts";

// The commands that it shows name files from here.
process.chdir(join(import.meta.dirname, ".."));

const OPENING = `The operator publishes a Secret only when its content works. This demo shows it
with a real Kubernetes API server, a real login provider and a real database.
Starting them takes a moment …`;
const OPERATOR_STOPS_WITHIN_MS = 10_000;
/** 128 + SIGINT, as a shell says it. */
const INTERRUPTED = 130;

const stays = process.stdin.isTTY && process.env["CI"] !== "true";
const interrupt = new AbortController();
let mustBeOrderly = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // While the programs are being built, or at a second Ctrl-C: every process ends with this one anyway (lifeline.ts).
    if (!mustBeOrderly || interrupt.signal.aborted) process.exit(INTERRUPTED);
    interrupt.abort();
  });
}

try {
  await demo();
} catch (error) {
  if (interrupt.signal.aborted) process.exit(INTERRUPTED);
  if (!(error instanceof ControlPlaneError) && !(error instanceof DemoError)) throw error;
  process.stderr.write(`\n${error.message}\n`);
  process.exitCode = 1;
}

async function demo(): Promise<void> {
  const began = performance.now();
  process.stdout.write(`${OPENING}\n\n`);
  /** The last one first. */
  const undo: (() => Promise<void>)[] = [];
  let operator: RunningOperator | undefined;
  try {
    const directory = await keepDirectory();
    undo.unshift(() => directory.remove());
    const servers = await startServers(directory.path);
    undo.unshift(() => servers.stop());
    const cluster = await startControlPlane();
    undo.unshift(() => cluster.stop());
    mustBeOrderly = true;
    const stage = createStage({ ...cluster.env, DEMO: directory.path }, interrupt.signal);
    undo.unshift(await prepareGuest(cluster, stage));
    sayWhatRuns(cluster, stage, servers, directory.path);
    stage.say(`Everything is up after ${((performance.now() - began) / 1000).toFixed(1)} s.`);
    await install(stage);
    operator = await startOperator(cluster, stage, servers, directory.path);
    await Promise.race([show(cluster, stage, servers, operator, directory.path), endOf(operator)]);
  } catch (error) {
    if (error instanceof DemoError && operator !== undefined) {
      throw new DemoError(`${error.message}\n\nThe operator's log ends with:\n${await logTail(operator)}`);
    }
    throw error;
  } finally {
    await operator?.stop("SIGTERM", OPERATOR_STOPS_WITHIN_MS);
    for (const step of undo) await step();
  }
  process.stdout.write("\nStopped. Nothing is left running.\n");
}

function sayWhatRuns(cluster: ControlPlane, stage: Stage, servers: Servers, directory: string): void {
  const rows = [
    cluster.server === undefined
      ? ["Kubernetes", "yours", `the cluster of KUBECONFIG=${cluster.kubeconfigPath}`]
      : ["Kubernetes", cluster.server.url, "API server, etcd, controller manager"],
    ...servers.table,
  ];
  for (const [name = "", address = "", what = ""] of rows) {
    stage.say(`  ${name.padEnd(15)}${address.padEnd(24)}${what}`);
  }
  stage.say(`In the commands below, $DEMO is ${directory}.`);
}

async function show(
  cluster: ControlPlane,
  stage: Stage,
  servers: Servers,
  operator: RunningOperator,
  directory: string,
): Promise<void> {
  await stage.fact(() => `The operator is ready after ${operator.seconds()} s.`, operator.isReady);
  await play(cluster, stage, servers, directory);
  if (stays) await stay(cluster, stage, operator, directory);
}

/** The operator must not exit while the demo runs. */
async function endOf(operator: RunningOperator): Promise<never> {
  const code = await operator.exited;
  throw new DemoError(`✘ The operator exited unexpectedly, with code ${code}.`);
}

async function stay(cluster: ControlPlane, stage: Stage, operator: RunningOperator, directory: string): Promise<void> {
  stage.heading("Try it yourself");
  stage.say(`In another terminal, run:

  cd ${process.cwd()}
  export KUBECONFIG=${cluster.kubeconfigPath}
  export PATH=${cluster.binDir}:$PATH
  export DEMO=${directory}

  kubectl get appsecrets -A -o wide                  the table again, with messages
  kubectl describe appsecret orders-db -n dev        its conditions and Events
  kubectl explain appsecret.spec.database            the fields and what they mean
  kubectl edit appsecret orders-settings -n dev      change a value, then look at its Secret
  kubectl delete appsecret orders-login -n dev       deletes its Secret, too
  curl ${operator.metricsUrl.padEnd(45)} the metrics of the operator
  tail -f $DEMO/operator.log                         the log of the operator

Make a mistake and look at the status and the Secret, or request a check:

  sed -f $DEMO/local.sed -e 's|/jwks$|/sign-in|' examples/authentication.yaml |
    kubectl apply -n dev -f -
  kubectl annotate appsecret orders-login -n dev --overwrite appsecret.dev/check-now=$(date +%s)

Press Ctrl-C to stop everything and remove it.`);
  await new Promise<void>((resolve) => {
    const nothingElseKeepsUsRunning = setInterval(() => undefined, 2 ** 30);
    interrupt.signal.addEventListener("abort", () => {
      clearInterval(nothingElseKeepsUsRunning);
      resolve();
    });
  });
}
