/** What the tests of the CRD and of the admission policies need of the API server that the runner has started. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import https from "node:https";

import { createCredentialSource } from "#kube/client/credentials";
import { loadKubeConfig } from "#kube/client/kubeconfig";

export type Reply = { status: number; text: string; body: unknown };

export const MERGE_PATCH = { "content-type": "application/merge-patch+json" };
const APPSECRETS = "/apis/appsecret.dev/v1/namespaces";

/**
 * Plain requests, because the tests read the server's replies to the last character: as whoever the kubeconfig says, or as
 * the bearer of a token.
 */
export async function connect(token?: string) {
  const config = await loadKubeConfig();
  const server = new URL(config.server);
  const { headers: own, tls } = await createCredentialSource(config).get();
  const options: https.RequestOptions = { headers: own, ...tls };
  if (token !== undefined) {
    options.headers = { authorization: `Bearer ${token}` };
    delete options.cert;
    delete options.key;
  }
  const agent = new https.Agent({ ...(options as https.AgentOptions), keepAlive: true, maxSockets: 16 });

  function request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const sent = https.request(
        { ...options, agent, method, host: server.hostname, port: server.port, path, timeout: 30_000 },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode ?? 0, text, body: JSON.parse(text) as unknown });
          });
        },
      );
      sent.on("error", reject);
      sent.on("timeout", () => sent.destroy(new Error(`${method} ${path}: no answer`)));
      for (const [name, value] of Object.entries({ "content-type": "application/json", ...headers }))
        sent.setHeader(name, value);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  return {
    request,
    /** Creates an AppSecret as kubectl does: unknown fields are refused. */
    create: (namespace: string, name: string, spec: unknown, { dryRun = false, labels = {} } = {}): Promise<Reply> =>
      request("POST", `${APPSECRETS}/${namespace}/appsecrets?fieldValidation=Strict${dryRun ? "&dryRun=All" : ""}`, {
        apiVersion: "appsecret.dev/v1",
        kind: "AppSecret",
        metadata: { name, namespace, labels },
        spec,
      }),
    get: (namespace: string, name: string): Promise<Reply> =>
      request("GET", `${APPSECRETS}/${namespace}/appsecrets/${name}`),
    patch: (namespace: string, name: string, patch: unknown): Promise<Reply> =>
      request("PATCH", `${APPSECRETS}/${namespace}/appsecrets/${name}?fieldValidation=Strict`, patch, MERGE_PATCH),
    /** A namespace of its own for a test file. */
    async namespace(): Promise<string> {
      const name = `crd-${randomBytes(4).toString("hex")}`;
      const { status, text } = await request("POST", "/api/v1/namespaces", { metadata: { name } });
      if (status !== 201) throw new Error(`no namespace: ${text}`);
      return name;
    },
    async close(namespace: string): Promise<void> {
      await request("DELETE", `/api/v1/namespaces/${namespace}`);
      agent.destroy();
    },
  };
}

/** kubectl, as a person runs it. */
export function kubectl(args: string[], input = ""): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn("kubectl", args, { stdio: "pipe" });
    const out = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (out.stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (out.stderr += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, ...out }));
    child.stdin.end(input);
  });
}
