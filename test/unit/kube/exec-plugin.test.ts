/** A kubeconfig's credential plugin: what it gets, what it may answer, and how it fails. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OperatorError } from "#common/operator-error";
import type { ExecPlugin, KubeConfig } from "#kube/client/access";
import { createCredentialSource } from "#kube/client/credentials";
import { runExecPlugin } from "#kube/client/exec-plugin";

import { loadKubeConfig } from "#kube/client/kubeconfig";

const SECRET = "canary-91c2";
const V1 = "client.authentication.k8s.io/v1";
const LIMITS = { timeoutMs: 10_000, outputBytes: 100_000 };

/** A plugin that is a program of Node. */
function plugin(script: string, more: Partial<ExecPlugin> = {}): ExecPlugin {
  return {
    apiVersion: V1,
    command: process.execPath,
    args: ["--eval", script],
    env: {},
    interactiveMode: "Never",
    provideClusterInfo: false,
    ...more,
  };
}

const config = (exec: ExecPlugin): KubeConfig => ({
  server: "https://api",
  inCluster: false,
  cluster: { name: "c", tlsServerName: "api.internal", execConfig: { audience: "x" } },
  user: { name: "jane", exec },
});
const answer = (status: object, apiVersion: string = V1): string =>
  `console.log(${JSON.stringify(JSON.stringify({ apiVersion, kind: "ExecCredential", status }))})`;
const run = (exec: ExecPlugin, limits = LIMITS) => runExecPlugin(exec, config(exec), Buffer.from("CA"), limits);

test("a plugin returns a token and when it expires", async () => {
  const status = { token: "t", expirationTimestamp: "2030-01-01T00:00:00Z" };
  assert.equal(await run(plugin(answer(status))), { token: "t", expiresAtMs: Date.UTC(2030, 0, 1) });
});

test("a plugin returns a certificate with its key, without an end", async () => {
  const status = { clientCertificateData: "C", clientKeyData: "K" };
  const { cert, key, expiresAtMs } = await run(plugin(answer(status)));
  assert.equal([String(cert), String(key), expiresAtMs], ["C", "K", Infinity]);
});

test("it gets its variables, this process's, and KUBERNETES_EXEC_INFO, with the cluster if it wants to know", async () => {
  const script = `
    const { EXTRA, PATH, KUBERNETES_EXEC_INFO } = process.env;
    const token = JSON.stringify({ EXTRA, hasPath: PATH !== undefined, info: JSON.parse(KUBERNETES_EXEC_INFO) });
    console.log(JSON.stringify({ apiVersion: "${V1}beta1", kind: "ExecCredential", status: { token } }))`;
  for (const provideClusterInfo of [false, true]) {
    const { token = "" } = await run(
      plugin(script, { apiVersion: `${V1}beta1`, env: { EXTRA: "e" }, provideClusterInfo }),
    );
    const cluster = {
      server: "https://api",
      "tls-server-name": "api.internal",
      "certificate-authority-data": Buffer.from("CA").toString("base64"),
      config: { audience: "x" },
    };
    assert.equal(JSON.parse(token), {
      EXTRA: "e",
      hasPath: true,
      info: {
        apiVersion: `${V1}beta1`,
        kind: "ExecCredential",
        spec: { interactive: false, ...(provideClusterInfo ? { cluster } : {}) },
      },
    });
  }
});

const failures: [what: string, exec: ExecPlugin, says: string][] = [
  ["exits with an error", plugin(`console.error("${SECRET}"); process.exit(3)`), "failed with exit code 3"],
  ["writes no JSON", plugin(`console.log("${SECRET}")`), `did not write an ExecCredential of ${V1}`],
  [
    "answers in another version",
    plugin(answer({ token: SECRET }, `${V1}beta1`)),
    `did not write an ExecCredential of ${V1}`,
  ],
  ["returns nothing of use", plugin(answer({})), "returned neither a token nor a certificate"],
  [
    "returns half a pair",
    plugin(answer({ token: SECRET, clientKeyData: SECRET })),
    "returned a certificate without its key, or a key alone",
  ],
  ["does not exist", plugin("", { command: "no-such-program-91c2" }), "does not exist"],
  ["cannot be started", plugin(`\0${SECRET}`), "could not be started"],
  [
    "needs a person",
    plugin("", { interactiveMode: "Always" }),
    "needs a terminal (interactiveMode: Always), and standard input is none",
  ],
];
for (const [what, exec, says] of failures) {
  test(`a plugin that ${what} is an error that does not quote it`, async () => {
    const error = await run(exec).catch((thrown: unknown) => thrown);
    assert.instance(error, OperatorError);
    assert.is((error as OperatorError).code, "InvalidCredentials");
    const { message } = error as OperatorError;
    assert.is(message, `the exec plugin "${exec.command}" of user "jane" in the kubeconfig ${says}`);
  });
}

test("a plugin that hangs, and whose own child holds the pipe, is given up in time", async () => {
  const script = `require("node:child_process").spawn("sleep", ["2"], { stdio: "inherit" }); setInterval(() => 0, 1000)`;
  const began = performance.now();
  const error = await run(plugin(script), { ...LIMITS, timeoutMs: 500 }).catch((thrown: unknown) => thrown);
  assert.match(String(error), "did not finish within 0.5 s");
  assert.ok(performance.now() - began < 1900, "before the child of the plugin ended");
  await sleep(2000);
});

test("a plugin that does not stop writing is given up", async () => {
  const script = `setInterval(() => process.stdout.write("${SECRET}".repeat(1000)), 1)`;
  const error = await run(plugin(script), { ...LIMITS, outputBytes: 50_000 }).catch((thrown: unknown) => thrown);
  assert.match(String(error), "wrote more than 50000 bytes");
});

test("a token is kept until it expires or is refused", async () => {
  const folder = mkdtempSync(join(tmpdir(), "appsecret-plugin-"));
  try {
    const calls = join(folder, "calls");
    writeFileSync(calls, "");
    const counting = (expiresInMs: number) =>
      plugin(`
        const fs = require("node:fs");
        fs.appendFileSync("${calls}", "x");
        const status = {
          token: String(fs.readFileSync("${calls}").length),
          expirationTimestamp: new Date(Date.now() + ${expiresInMs}).toISOString(),
        };
        console.log(JSON.stringify({ apiVersion: "${V1}", kind: "ExecCredential", status }))`);
    const kept = createCredentialSource(config(counting(600_000)), 1);
    const token = async (source: typeof kept) => (await source.get()).headers["authorization"];
    assert.is(await token(kept), "Bearer 1");
    await sleep(10);
    assert.is(await token(kept), "Bearer 1", "read again, and the plugin not called");
    kept.distrust();
    await sleep(10);
    assert.is(await token(kept), "Bearer 2");

    const short = createCredentialSource(config(counting(1)), 1);
    assert.is(await token(short), "Bearer 3");
    await sleep(20);
    assert.is(await token(short), "Bearer 4");
    assert.is(readFileSync(calls, "utf8"), "xxxx");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a relative path of a plugin is relative to its kubeconfig, a bare name is looked up in PATH", async () => {
  const folder = mkdtempSync(join(tmpdir(), "appsecret-plugin-"));
  try {
    const file = join(folder, "config");
    for (const [command, expected] of [
      ["./bin/login", join(folder, "bin/login")],
      ["login", "login"],
    ]) {
      const user = { exec: { apiVersion: `${V1}beta1`, command, args: null, env: null } };
      const text = {
        "current-context": "x",
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        clusters: [{ name: "c", cluster: { server: "https://api" } }],
        users: [{ name: "u", user }],
      };
      writeFileSync(file, JSON.stringify(text));
      const { exec } = (await loadKubeConfig({ KUBECONFIG: file })).user;
      assert.is(exec?.command, expected);
      assert.is(exec?.interactiveMode, "IfAvailable");
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
