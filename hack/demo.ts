/**
 * `make demo`: a control plane, the operator and the examples, on this machine and gone afterwards. In a terminal it stays
 * until Ctrl-C, to be played with. Otherwise (CI=true, or no terminal) it runs through: 0 when all that it shows is true, 1
 * when something is not.
 */
import { ControlPlaneError, startControlPlane } from "./control-plane/index.ts";
import { keepDirectory } from "./control-plane/lifeline.ts";
import { runOperator } from "./demo/operator.ts";
import { ENVIRONMENTS, play } from "./demo/scenes.ts";
import { createStage, FactFailed } from "./demo/stage.ts";

const OPERATOR_STOPS_WITHIN_MS = 10_000;
const stays = process.stdin.isTTY && process.env["CI"] !== "true";
const interrupted = new Promise<"interrupted">((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve("interrupted"));
});

try {
  await demo();
} catch (error) {
  if (!(error instanceof ControlPlaneError) && !(error instanceof FactFailed)) throw error;
  const message =
    error instanceof FactFailed ? `The demo failed: this did not happen: ${error.message}` : error.message;
  process.stderr.write(`\n${message}\n`);
  process.exitCode = 1;
}

async function demo(): Promise<void> {
  process.stdout.write("Starting a Kubernetes control plane on this machine …\n");
  const began = performance.now();
  const cluster = await startControlPlane();
  const directory = await keepDirectory();
  try {
    const stage = createStage(cluster);
    stage.say(`It is up after ${((performance.now() - began) / 1000).toFixed(1)} s.`);
    stage.heading("Install the AppSecret type, and start the operator");
    const operator = await runOperator(cluster, stage, directory.path);
    const ended = await Promise.race([play(stage), interrupted]);
    if (stays && ended !== "interrupted") {
      stage.heading("It is yours now. In another terminal:");
      stage.say(`  export KUBECONFIG=${cluster.kubeconfigPath} PATH=${cluster.binDir}:$PATH`);
      stage.say(`  kubectl get appsecrets,secrets -n ${ENVIRONMENTS[0]}`);
      stage.say(`  kubectl describe appsecret orders-db -n ${ENVIRONMENTS[0]}`);
      stage.say("  kubectl explain appsecret.spec");
      stage.say(`  tail -f ${operator.log}`);
      stage.say("\nCtrl-C ends it and leaves nothing behind.");
      await interrupted;
    }
    await operator.stop("SIGTERM", OPERATOR_STOPS_WITHIN_MS);
    stage.say("\nStopped, and nothing is left.");
  } finally {
    await cluster.stop();
    await directory.remove();
  }
}
