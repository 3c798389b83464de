import { createServer, connect as dial } from "node:net";
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freePort } from "#testbed/control-plane/ports";
import type { Api } from "#support/operator/api";
import { connect } from "#support/operator/api";
import type { Environment } from "#support/operator/environment";
import { createEnvironment } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import type { Ending, Operator } from "#support/operator/operator";
import { ENDS_WITHIN_MS, spawnOperator, startOperator } from "#support/operator/operator";
import {
  createAccount,
  installRights,
  logIn,
  OPERATOR_ACCOUNT,
  writeKubeconfig,
} from "#support/operator/service-account";
import { custom } from "#support/operator/specs";

/** How the process starts, waits, fails and ends: one clear line, never a stack trace. */

let api: Api;
let env: Environment;
/** To be done at the end, also of a test that failed. */
const undo: (() => Promise<unknown>)[] = [];

test.before(async () => {
  api = await connect();
  await installRights();
  env = await createEnvironment(api, "process");
});

test.after.each(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

test.after(async () => {
  await api.remove(`/api/v1/namespaces/${env.namespace}`);
  await api.close();
});

async function kubeconfigFile(text: string): Promise<string> {
  const file = await writeKubeconfig(text);
  undo.push(file.remove);
  return file.kubeconfig;
}

async function asOperator(): Promise<string> {
  const login = await logIn(api, OPERATOR_ACCOUNT);
  undo.push(login.remove);
  return login.kubeconfig;
}

/** Started, and ended with the test at the latest. */
function spawned(kubeconfig: string, flags: readonly string[] = []): Operator {
  const operator = spawnOperator({ kubeconfig, namespaces: [env.namespace], flags });
  undo.push(() => operator.stop("SIGKILL"));
  return operator;
}

/** How it ended by itself; throws when it does not. */
async function ending(operator: Operator): Promise<Ending> {
  return Promise.race([
    operator.ended,
    delay(60_000, undefined, { ref: false }).then(() => {
      throw new Error(`it still runs:\n${operator.output()}`);
    }),
  ]);
}

/** The present cluster at another address, which nobody listens on unless the test does. */
async function elsewhere(kubeconfig: string): Promise<{ kubeconfig: string; port: number; server: URL }> {
  const port = await freePort();
  const text = await readFile(kubeconfig, "utf8");
  const server = new URL(/"server": "([^"]+)"/.exec(text)?.[1] ?? "");
  return { kubeconfig: await kubeconfigFile(text.replace(server.host, `127.0.0.1:${port}`)), port, server };
}

const CLUSTER = { name: "c", cluster: { server: "https://127.0.0.1:6443" } };
const CONTEXT = { name: "x", context: { cluster: "c", user: "u" } };
const kubeconfigOf = (user: object, current = "x") =>
  JSON.stringify({
    clusters: [CLUSTER],
    contexts: [CONTEXT],
    users: [{ name: "u", user }],
    "current-context": current,
  });

for (const [what, text, says] of [
  ["that is not YAML", "clusters: [", "neither YAML nor JSON"],
  ["that is empty", "", "is empty"],
  ["without a current context", kubeconfigOf({ token: "t" }, ""), "current-context is not set"],
  ["with a context that it does not have", kubeconfigOf({ token: "t" }, "prod"), 'there is no context "prod"'],
] as const) {
  test(`a kubeconfig ${what}: one line that says so, exit code 1`, async () => {
    const operator = spawned(await kubeconfigFile(text));
    assert.is((await ending(operator)).code, 1);
    assert.match(operator.output(), says);
    assert.match(operator.output().trimEnd().split("\n").at(-1) ?? "", /^appsecret-operator: .*\.?$/);
    assert.not.match(operator.output(), /\n {4}at /);
  });
}

test("a kubeconfig that is not there: one line that names it, exit code 1", async () => {
  const operator = spawned("/nowhere/kubeconfig");
  assert.is((await ending(operator)).code, 1);
  assert.is(operator.output(), "appsecret-operator: kubeconfig /nowhere/kubeconfig: the file cannot be read\n");
});

for (const [flags, says] of [
  [["--colour"], "there is no flag --colour"],
  [["--concurrency=many"], '--concurrency must be a whole number from 1 to 256, not "many"'],
  [["--log-level"], "--log-level needs a value"],
  [["start"], '"start" is not a flag'],
] as const) {
  test(`${flags.join(" ")}: one line that says what is allowed, exit code 2`, async () => {
    const operator = spawned("/nowhere", flags);
    assert.is((await ending(operator)).code, 2);
    assert.match(operator.output(), says);
    assert.is(operator.output().trimEnd().split("\n").length, 1);
  });
}

test("a port for the metrics that is taken: one line that names it, exit code 1", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  undo.push(async () => server.close());
  const { port } = server.address() as { port: number };
  const operator = spawnOperator({ kubeconfig: await asOperator(), metricsPort: port });
  undo.push(() => operator.stop("SIGKILL"));
  assert.is((await ending(operator)).code, 1);
  assert.match(
    operator.output(),
    `cannot listen on 127.0.0.1:${port} (--metrics-address): another process uses this port`,
  );
  assert.is(operator.output().trimEnd().split("\n").length, 1);
});

test("--help lists the flags on standard output, exit code 0", async () => {
  const operator = spawned("/nowhere", ["--help"]);
  assert.is((await ending(operator)).code, 0);
  for (const flag of ["--namespaces", "--concurrency", "--leader-elect", "--metrics-address", "--log-level"]) {
    assert.match(operator.output(), flag);
  }
});

const obstacles = (operator: Operator) =>
  operator.log().flatMap(({ obstacle }) => (typeof obstacle === "string" ? [obstacle] : []));

const isReady = (operator: Operator) => operator.log().some(({ msg }) => msg === "ready");

test("without a cluster it waits, says so once, and begins when the cluster is there", async () => {
  const { kubeconfig, port, server } = await elsewhere(await asOperator());
  const operator = spawned(kubeconfig);
  await eventually(() => assert.equal(obstacles(operator).length, 1));
  assert.match(obstacles(operator)[0] ?? "", /^The API server does not respond .*ECONNREFUSED/);
  const attempts = () => operator.metric("appsecret_api_requests_total", { code: "unreachable" });
  await eventually(async () => assert.ok((await attempts()) >= 3));
  assert.is(obstacles(operator).length, 1);

  const proxy = createServer((client) => {
    const through = dial(Number(server.port), server.hostname);
    client.pipe(through).pipe(client);
    for (const socket of [client, through]) socket.on("error", () => undefined);
  }).listen(port, "127.0.0.1");
  undo.push(async () => proxy.close());
  await eventually(() => assert.ok(isReady(operator)), 30_000);
  assert.equal((await operator.stop()).code, 0);
});

test("with a token file that is not there it says so, waits, and begins when the file is there", async () => {
  const text = await readFile(await asOperator(), "utf8");
  const tokenFile = `${await kubeconfigFile("")}.token`;
  const operator = spawned(await kubeconfigFile(text.replace(/"token": "[^"]+"/, `"tokenFile": "${tokenFile}"`)));
  await eventually(() =>
    assert.is(
      obstacles(operator)[0],
      `The operator has no credentials for the API server: ${tokenFile} cannot be read.`,
    ),
  );
  await writeFile(tokenFile, /"token": "([^"]+)"/.exec(text)?.[1] ?? "");
  await eventually(() => assert.ok(isReady(operator)), 30_000);
});

test("with a token that is not accepted it says so, and what to look at", async () => {
  const text = await readFile(await asOperator(), "utf8");
  const operator = spawned(await kubeconfigFile(text.replace(/"token": "[^"]+"/, '"token": "nobody"')));
  await eventually(() => assert.match(obstacles(operator)[0] ?? "", "rejected the operator's credentials"));
  assert.not.match(operator.output(), "nobody");
});

test("without rights it says which one it lacks and what to do, and begins when it has them", async () => {
  const account = await createAccount(api, env.namespace, "no-rights");
  const login = await logIn(api, account);
  undo.push(login.remove);
  const operator = spawned(login.kubeconfig);
  await eventually(() => {
    assert.equal(obstacles(operator), [
      `The operator is not allowed to list appsecrets in namespace ${env.namespace}. Bind its Role to the ServiceAccount or user that it runs as.`,
    ]);
  });
  await env.api.create(`/apis/rbac.authorization.k8s.io/v1/namespaces/${env.namespace}/rolebindings`, {
    metadata: { name: "operator" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "appsecret-operator" },
    subjects: [{ kind: "ServiceAccount", ...account }],
  });
  await eventually(() => assert.ok(isReady(operator)), 30_000);
  await env.apply("orders", custom({ A: "1" }));
  await env.ready("orders", "True/Published");
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} ends it at once with exit code 0, also while it waits for a cluster`, async () => {
    const { kubeconfig } = await elsewhere(await asOperator());
    const operator = spawned(kubeconfig);
    await eventually(() => assert.is(obstacles(operator).length, 1));
    const { code, ms } = await operator.stop(signal);
    assert.is(code, 0);
    assert.ok(ms < 3000, `it took ${ms} ms`);
    assert.is(operator.log().at(-1)?.msg, "stopped");
  });
}

test("SIGTERM amid work ends it promptly with exit code 0, and leaves nothing half-done to its successor", async () => {
  const names = Array.from({ length: 60 }, (_, index) => `busy-${index}`);
  const kubeconfig = await asOperator();
  const first = await startOperator({ kubeconfig, namespaces: [env.namespace] });
  undo.push(() => first.stop("SIGKILL"));
  const applied = Promise.all(names.map((name) => env.apply(name, custom({ A: "1" }))));
  await env.ready("busy-0", "True/Published");
  const { code, ms } = await first.stop();
  assert.is(code, 0);
  assert.ok(ms < ENDS_WITHIN_MS, `it took ${ms} ms`);
  assert.not.ok(first.log().some(({ level }) => level === "error"));
  await applied;

  const second = await startOperator({ kubeconfig, namespaces: [env.namespace] });
  undo.push(() => second.stop("SIGKILL"));
  for (const name of names) await env.ready(name, "True/Published");
});

test.run();
