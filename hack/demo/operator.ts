/** Installs the CRD, the policies and the operator's rights, and runs the operator beside the cluster, as itself. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { spawnKept } from "../control-plane/lifeline.ts";
import type { KeptProcess } from "../control-plane/lifeline.ts";
import { freePort } from "../control-plane/ports.ts";
import type { ControlPlane } from "../control-plane/index.ts";
import type { Stage } from "./stage.ts";

const ROOT = join(import.meta.dirname, "..", "..");

export type RunningOperator = KeptProcess & { log: string };

/**
 * @param directory where its kubeconfig and its log go
 * @returns the operator, once it is ready. It ends when this program does.
 */
export async function runOperator(cluster: ControlPlane, stage: Stage, directory: string): Promise<RunningOperator> {
  await stage.kubectl(["apply", "-f", "crds/"]);
  await stage.quietly(["wait", "--for=condition=Established", "crd/appsecrets.appsecret.dev", "--timeout=30s"]);
  await stage.quietly(["apply", "-f", join(ROOT, "hack/rbac.yaml")]);
  const kubeconfig = join(directory, "operator.kubeconfig");
  await writeFile(kubeconfig, await kubeconfigOfOperator(stage), { mode: 0o600 });

  const log = join(directory, "operator.log");
  const port = await freePort();
  const operator = await spawnKept(process.execPath, ["operator/main.ts", `--metrics-address=127.0.0.1:${port}`], {
    cwd: ROOT,
    env: { ...cluster.env, KUBECONFIG: kubeconfig },
    output: { file: log },
  });
  await stage.fact("The operator is ready. It runs as its own ServiceAccount, with the rights of hack/rbac.yaml.", () =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return Object.assign(operator, { log });
}

/** The current kubeconfig with a token of the operator's ServiceAccount in place of the user's credentials. */
async function kubeconfigOfOperator(stage: Stage): Promise<string> {
  const token = await stage.quietly(["create", "token", "appsecret-operator", "-n", "appsecret-system"]);
  const current = await stage.quietly(["config", "view", "--raw", "--minify", "-o", "json"]);
  if (token.code !== 0 || current.code !== 0) throw new Error(`no token for the operator: ${token.stderr}`);
  const config = JSON.parse(current.stdout) as { users: { name: string; user: object }[] };
  config.users = config.users.map(({ name }) => ({ name, user: { token: token.stdout.trim() } }));
  return JSON.stringify(config);
}
