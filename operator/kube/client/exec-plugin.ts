import { spawn } from "node:child_process";
import { z } from "zod";
import { OperatorError } from "#common/operator-error";
import { parseOrUndefined } from "./json.ts";
import type { ExecPlugin, KubeConfig } from "./access.ts";

export type PluginCredential = {
  token?: string;
  /** PEM. */
  cert?: Buffer;
  key?: Buffer;
  /** Epoch in ms; Infinity if the plugin sets no end. */
  expiresAtMs: number;
};

export type PluginLimits = { timeoutMs: number; outputBytes: number };

/** An SDK of a cloud provider may need some seconds for its own login. */
const LIMITS: PluginLimits = { timeoutMs: 60_000, outputBytes: 1_048_576 };
/** A person has to type a password, or to press a key. */
const INTERACTIVE_TIMEOUT_MS = 300_000;

const output = z.looseObject({
  apiVersion: z.string(),
  kind: z.literal("ExecCredential"),
  status: z.looseObject({
    token: z.string().optional(),
    clientCertificateData: z.string().optional(),
    clientKeyData: z.string().optional(),
    expirationTimestamp: z.iso.datetime({ offset: true }).nullish(),
  }),
});

/**
 * Runs the plugin of the kubeconfig's user.
 *
 * @param ca the cluster's CA certificates in PEM, for a plugin that wants to know them
 * @throws OperatorError `InvalidCredentials`. It never quotes what the plugin wrote, which may be the credential.
 */
export async function runExecPlugin(
  plugin: ExecPlugin,
  config: KubeConfig,
  ca: Buffer | undefined,
  limits: PluginLimits = LIMITS,
): Promise<PluginCredential> {
  const failed = (what: string): OperatorError =>
    new OperatorError(
      "InvalidCredentials",
      `the exec plugin "${plugin.command}" of user "${config.user.name}" in the kubeconfig ${what}`,
    );
  const hasTerminal = process.stdin.isTTY;
  if (plugin.interactiveMode === "Always" && !hasTerminal) {
    throw failed("needs a terminal (interactiveMode: Always), and standard input is none");
  }
  const interactive = plugin.interactiveMode !== "Never" && hasTerminal;
  const env = { ...process.env, ...plugin.env, KUBERNETES_EXEC_INFO: infoFor(plugin, config, ca, interactive) };
  // Node throws what it was given, for instance an argument with a NUL in it.
  const run = await runProgram(plugin, env, interactive, limits).catch(() => ({ failure: "could not be started" }));
  if ("failure" in run) throw failed(run.failure);
  return readOutput(run.stdout, plugin.apiVersion, failed);
}

/** What the plugin may know of the cluster, as kubectl passes it on. */
function infoFor(
  plugin: ExecPlugin,
  { server, cluster }: KubeConfig,
  ca: Buffer | undefined,
  interactive: boolean,
): string {
  const { skipTLSVerify, tlsServerName, proxyUrl, execConfig } = cluster;
  const about = {
    server,
    "tls-server-name": tlsServerName,
    "insecure-skip-tls-verify": skipTLSVerify,
    "certificate-authority-data": ca?.toString("base64"),
    "proxy-url": proxyUrl,
    config: execConfig,
  };
  const spec = { interactive, ...(plugin.provideClusterInfo ? { cluster: about } : {}) };
  return JSON.stringify({ apiVersion: plugin.apiVersion, kind: "ExecCredential", spec });
}

function runProgram(
  { command, args }: ExecPlugin,
  env: NodeJS.ProcessEnv,
  interactive: boolean,
  { timeoutMs, outputBytes }: PluginLimits,
): Promise<{ stdout: string } | { failure: string }> {
  return new Promise((resolve) => {
    const person = interactive ? "inherit" : "ignore";
    const child = spawn(command, args, { env, stdio: [person, "pipe", person] });
    const chunks: Buffer[] = [];
    let size = 0;

    function end(result: { stdout: string } | { failure: string }): void {
      clearTimeout(timer);
      // Whatever the plugin itself started may still hold the pipe.
      child.stdout.destroy();
      resolve(result);
    }
    function giveUp(failure: string): void {
      child.kill("SIGKILL");
      end({ failure });
    }

    const limitMs = interactive ? Math.max(timeoutMs, INTERACTIVE_TIMEOUT_MS) : timeoutMs;
    const timer = setTimeout(() => giveUp(`did not finish within ${limitMs / 1000} s`), limitMs);
    child.stdout.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > outputBytes) giveUp(`wrote more than ${outputBytes} bytes`);
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      end({
        failure: error.code === "ENOENT" ? "does not exist" : `could not be started (${error.code ?? "unknown"})`,
      });
    });
    child.on("close", (code, signal) => {
      if (code === 0) end({ stdout: Buffer.concat(chunks).toString("utf8") });
      else end({ failure: code === null ? `was ended by ${String(signal)}` : `failed with exit code ${code}` });
    });
  });
}

function readOutput(
  stdout: string,
  apiVersion: ExecPlugin["apiVersion"],
  failed: (what: string) => OperatorError,
): PluginCredential {
  const { data } = output.safeParse(parseOrUndefined(stdout));
  if (data?.apiVersion !== apiVersion) throw failed(`did not write an ExecCredential of ${apiVersion}`);
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = data.status;
  if (Boolean(cert) !== Boolean(key)) throw failed("returned a certificate without its key, or a key alone");
  if (!token && !cert) throw failed("returned neither a token nor a certificate");
  return {
    ...(token ? { token } : {}),
    ...(cert && key ? { cert: Buffer.from(cert), key: Buffer.from(key) } : {}),
    expiresAtMs: expirationTimestamp ? Date.parse(expirationTimestamp) : Infinity,
  };
}
