/** Where a group of rows is measured: a control plane of its own, a client, and operators as real processes. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { kubeconfig, readCertificateAuthority } from "#testbed/control-plane/credentials";
import { bundle } from "../../hack/bundle.ts";
import { startControlPlane } from "#testbed/control-plane/index";
import type { ControlPlane } from "#testbed/control-plane/index";
import { keepDirectory, spawnKept } from "#testbed/control-plane/lifeline";
import type { KeptProcess } from "#testbed/control-plane/lifeline";
import { freePort } from "#testbed/control-plane/ports";
import { createClient } from "#kube/client/client";
import type { KubeClient } from "#kube/client/client";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import { installCrds } from "#support/cluster";
import type { Scale } from "./scale.ts";

export type World = {
  cluster: ControlPlane;
  /** The administrator's. */
  client: KubeClient;
  scale: Scale;
  churnMinutes: number;
  /** Shows how far this group is: `done` from 0 to 1. */
  progress: (done: number, what: string) => void;
  createNamespace: (name: string) => Promise<void>;
  /** Starts the operator with its default flags (and `more`) and waits until it is ready. */
  startOperator: (more?: OperatorStart) => Promise<Operator>;
};

export type OperatorStart = {
  flags?: readonly string[];
  nodeFlags?: readonly string[];
  /** The source instead of the bundle that the image has in it: a profile then tells files and lines. */
  fromSource?: boolean;
};

export type Operator = {
  readonly pid: number;
  /** From the start of the process to the first yes of /readyz. */
  readonly readyMs: number;
  /** SIGTERM, and SIGKILL when that does not help; or at once as told. */
  stop: (signal?: NodeJS.Signals) => Promise<void>;
};

const ACCOUNT = "/api/v1/namespaces/appsecret-system/serviceaccounts/appsecret-operator";
const BUNDLE = "bundle";
/** As in the Dockerfile. */
const IMAGE_ENV = { NODE_ENV: "production", MALLOC_ARENA_MAX: "1" };
const READY_WITHIN_MS = 120_000;
const STOPS_WITHIN_MS = 30_000;
const POLL_MS = 20;

/** Runs `use` in a new world, of which nothing is left afterwards. */
export async function inWorld<T>(
  options: Pick<World, "scale" | "churnMinutes" | "progress">,
  use: (world: World) => Promise<T>,
): Promise<T> {
  options.progress(0, "starting a control plane");
  const cluster = await startControlPlane();
  const directory = await keepDirectory();
  const client = createClient(await loadKubeConfig(cluster.env), { fieldManager: "bench" });
  const operators = new Set<KeptProcess>();
  try {
    await Promise.all([installCrds(cluster, ["hack/rbac.yaml"]), bundle(join(directory.path, BUNDLE))]);
    const login = join(directory.path, "operator.kubeconfig");
    await writeFile(login, await kubeconfigOfOperator(cluster, client), { mode: 0o600 });
    return await use({
      ...options,
      cluster,
      client,
      async createNamespace(name) {
        await client.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
      },
      startOperator: (more) => startOperator(cluster, login, directory.path, operators, more),
    });
  } finally {
    await Promise.all([...operators].map((operator) => operator.stop("SIGKILL", 0)));
    await client.close();
    await cluster.stop();
    await directory.remove();
  }
}

/** The operator runs under its ServiceAccount, with the rights that it has in a cluster. */
async function kubeconfigOfOperator({ server }: ControlPlane, client: KubeClient): Promise<string> {
  if (server === undefined) throw new Error("The bench needs a control plane of its own: unset USE_EXISTING_CLUSTER.");
  const { status } = await client.create<{ status: { token: string } }>(`${ACCOUNT}/token`, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: 86_400 },
  });
  const certificateAuthority = await readCertificateAuthority(server.certificatePath);
  return kubeconfig({ server: server.url, certificateAuthority, token: status.token });
}

async function startOperator(
  cluster: ControlPlane,
  login: string,
  directory: string,
  operators: Set<KeptProcess>,
  { flags = [], nodeFlags = [], fromSource = false }: OperatorStart = {},
): Promise<Operator> {
  const address = `127.0.0.1:${await freePort()}`;
  const log = join(directory, "operator.log");
  const began = performance.now();
  const main = fromSource ? "operator/main.ts" : join(directory, BUNDLE, "operator/main.js");
  const args = [...nodeFlags, main, `--metrics-address=${address}`, ...flags];
  const child = await spawnKept(process.execPath, args, {
    env: { ...cluster.env, ...IMAGE_ENV, KUBECONFIG: login },
    output: { file: log },
  });
  operators.add(child);
  const isReady = () =>
    fetch(`http://${address}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) {
    if (!child.running || performance.now() - began > READY_WITHIN_MS) {
      throw new Error(`the operator did not become ready; its log ends with:\n${await tail(log)}`);
    }
    await sleep(POLL_MS);
  }
  const readyMs = performance.now() - began;
  return {
    pid: child.pid,
    readyMs,
    async stop(signal = "SIGTERM") {
      await child.stop(signal, STOPS_WITHIN_MS);
      operators.delete(child);
    },
  };
}

async function tail(file: string): Promise<string> {
  return (await readFile(file, "utf8")).trimEnd().split("\n").slice(-15).join("\n");
}
