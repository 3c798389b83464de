/** Installs the type, the policies and the operator's rights, and runs the operator beside the cluster, as its ServiceAccount. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ControlPlane } from "#testbed/control-plane/index";
import { spawnKept } from "#testbed/control-plane/lifeline";
import type { KeptProcess } from "#testbed/control-plane/lifeline";
import { freePort } from "#testbed/control-plane/ports";
import type { Servers } from "./servers.ts";
import type { Stage } from "./stage.ts";

const ACCOUNT = { name: "appsecret-operator", namespace: "appsecret-system" } as const;
const LOG_TAIL_LINES = 15;

export type RunningOperator = KeptProcess & {
  logFile: string;
  metricsUrl: string;
  isReady: () => Promise<boolean>;
  /** How long it has been running, with one decimal. */
  seconds: () => string;
};

export async function install(stage: Stage): Promise<void> {
  stage.heading("Install the AppSecret CRD and run the operator");
  await stage.run("kubectl apply -f crds/");
  await stage.quietly("kubectl wait --for=condition=Established crd/appsecrets.appsecret.dev --timeout=60s");
  await stage.quietly("kubectl apply -f hack/rbac.yaml");
}

/**
 * Starts the operator, which ends when this program does. It is not ready yet.
 *
 * @param directory where its kubeconfig and its log go: `$DEMO` of the command that is shown
 */
export async function startOperator(
  cluster: ControlPlane,
  stage: Stage,
  servers: Servers,
  directory: string,
): Promise<RunningOperator> {
  const kubeconfig = join(directory, "operator.kubeconfig");
  await writeFile(kubeconfig, await kubeconfigOf(ACCOUNT, stage), { mode: 0o600 });
  const logFile = join(directory, "operator.log");
  const address = `127.0.0.1:${await freePort()}`;
  const flags = [...servers.operatorFlags, `--metrics-address=${address}`];
  stage.say(
    "The operator has only the permissions of hack/rbac.yaml. The flags are for the local servers; public ones need none:",
  );
  stage.command(`KUBECONFIG=$DEMO/operator.kubeconfig node operator/main.ts \\
    ${flags.join(" \\\n    ")} >> $DEMO/operator.log`);
  const began = performance.now();
  const args = flags.map((flag) => flag.replace("$DEMO", directory));
  const operator = await spawnKept(process.execPath, ["operator/main.ts", ...args], {
    env: { ...cluster.env, KUBECONFIG: kubeconfig },
    output: { file: logFile },
  });
  return Object.assign(operator, {
    logFile,
    metricsUrl: `http://${address}/metrics`,
    isReady: () =>
      fetch(`http://${address}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    seconds: () => ((performance.now() - began) / 1000).toFixed(1),
  });
}

/** The current kubeconfig, with a token of the ServiceAccount in place of the person's own credentials. */
async function kubeconfigOf({ name, namespace }: typeof ACCOUNT, stage: Stage): Promise<string> {
  const token = await stage.quietly(`kubectl create token ${name} -n ${namespace} --duration=24h`);
  const current = await stage.quietly("kubectl config view --raw --minify --flatten -o json");
  const config = JSON.parse(current.stdout) as { users: { name: string; user: object }[] };
  config.users = config.users.map((user) => ({ ...user, user: { token: token.stdout.trim() } }));
  return JSON.stringify(config);
}

export async function logTail({ logFile }: RunningOperator): Promise<string> {
  const log = await readFile(logFile, "utf8").catch(() => "(no log)");
  return log.trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
}
