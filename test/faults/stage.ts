import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { layout } from "#testbed/control-plane/servers";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import type { AppSecret } from "#api/schema/spec";
import type { Api, Recording } from "#support/operator/api";
import { connect } from "#support/operator/api";
import type { Environment, Secret } from "#support/operator/environment";
import { createEnvironment } from "#support/operator/environment";
import type { Operator } from "#support/operator/operator";
import { startOperator } from "#support/operator/operator";
import { logIn, OPERATOR_ACCOUNT, writeKubeconfig } from "#support/operator/service-account";
import { createHistory } from "./history.ts";
import type { History } from "./history.ts";
import type { Proxy, ProxyOptions } from "#support/fault-proxy/proxy";
import { startProxy } from "#support/fault-proxy/proxy";

// Operators start by the hundred here: compiled once, each starts with less than half the work. They end by SIGKILL, after
// which there is no coverage to be had.
process.env["NODE_COMPILE_CACHE"] ??= "node_modules/.cache/appsecret-operator";
delete process.env["NODE_V8_COVERAGE"];

/** An operator behind a proxy, and the namespaces that it watches. */
export type Stage = {
  readonly api: Api;
  readonly proxy: Proxy;
  readonly environments: readonly Environment[];
  /** Makes further namespaces, which the operator watches from its next start on. */
  extend: (count: number) => Promise<Environment[]>;
  /** The one that runs, or ran last. */
  readonly operator: Operator;
  start: () => Promise<Operator>;
  /** Kills it now and starts another one; nobody has to wait for that. */
  crash: () => void;
  /** Resolves when no start is under way; throws what a start threw. */
  settled: () => Promise<void>;
  /** What happens to a namespace from now on, for the promises of history.ts. */
  watch: (env: Environment) => Promise<History>;
  close: () => Promise<void>;
};

export type StageOptions = {
  prefix: string;
  /** How many namespaces. */
  namespaces?: number;
  flags?: readonly string[];
  seed?: number;
  /** Of the cluster; that of the test runner unless told. */
  env?: NodeJS.ProcessEnv;
};

/** Does not start the operator yet. The rights have to be there: see `installRights`. */
export async function createStage(options: StageOptions): Promise<Stage> {
  const { prefix, namespaces = 1, flags = [], seed = 1, env = process.env } = options;
  const api = await connect(env);
  const proxy = await startProxy({ ...(await insteadOfServer(env)), seed });
  const environments = await Promise.all(Array.from({ length: namespaces }, () => createEnvironment(api, prefix)));
  const login = await throughProxy(await logIn(api, OPERATOR_ACCOUNT), proxy);
  const recordings: Recording<object>[] = [];
  let operator: Operator | undefined;
  let starting: Promise<unknown> = Promise.resolve();

  async function start(): Promise<Operator> {
    const names = environments.map(({ namespace }) => namespace);
    operator = await startOperator({ kubeconfig: login.kubeconfig, namespaces: names, flags });
    return operator;
  }

  return {
    api,
    proxy,
    environments,
    async extend(count) {
      const more = await Promise.all(Array.from({ length: count }, () => createEnvironment(api, prefix)));
      environments.push(...more);
      return more;
    },
    get operator() {
      if (operator === undefined) throw new Error("no operator has been started yet");
      return operator;
    },
    start,
    crash() {
      // The signal is sent before this returns: nothing that the operator does now can come through.
      const killed = operator?.stop("SIGKILL");
      starting = Promise.all([starting, killed])
        // The one whose start was under way: of two crashes in a row it would keep running beside the next one.
        .then(() => operator?.stop("SIGKILL"))
        .then(start);
      // Whoever waits in `settled` hears of it.
      starting.catch(() => undefined);
    },
    async settled() {
      await starting;
    },
    async watch({ paths }) {
      const secrets = await api.record<Secret>(paths.secrets);
      const appSecrets = await api.record<AppSecret>(paths.appSecrets);
      recordings.push(secrets, appSecrets);
      return createHistory({
        secrets: secrets.events,
        appSecrets: appSecrets.events,
        requests: proxy.requests,
        appSecretsPath: paths.appSecrets,
        secretsPath: paths.secrets,
      });
    },
    async close() {
      await starting.catch(() => undefined);
      await operator?.stop("SIGKILL");
      for (const recording of recordings) recording.stop();
      for (const { namespace } of environments) await api.remove(`/api/v1/namespaces/${namespace}`);
      await login.remove();
      await proxy.close();
      await api.close();
    },
  };
}

/** What a proxy needs to stand in for the API server: the files of the local control plane (testbed/control-plane). */
export async function insteadOfServer(env: NodeJS.ProcessEnv): Promise<ProxyOptions> {
  const { certificateAuthority, servingCertificate, servingKey } = layout(dirname(env["KUBECONFIG"] ?? ""));
  if (!existsSync(servingKey)) {
    throw new Error(
      "The fault tests need the local control plane, for the key of its API server. Unset USE_EXISTING_CLUSTER.",
    );
  }
  const [ca, cert, key] = await Promise.all(
    [certificateAuthority, servingCertificate, servingKey].map((path) => readFile(path)),
  );
  return { server: (await loadKubeConfig(env)).server, ca, certificate: { cert: cert!, key: key! } };
}

/** The same login, with the proxy in the server's place. */
export async function throughProxy(login: Awaited<ReturnType<typeof logIn>>, proxy: Proxy) {
  const text = await readFile(login.kubeconfig, "utf8");
  await login.remove();
  return writeKubeconfig(text.replace(/"server": "[^"]+"/, `"server": "${proxy.url}"`));
}
