import { Agent, request as send } from "undici";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import { createCredentialSource } from "#kube/client/credentials";

/**
 * The API server as the person sees it whose kubeconfig it is: whole replies, refusals too. Not the operator's own client,
 * because that one hides what the server says and writes in the operator's name.
 */
export type Api = {
  /** With KUBECONFIG for the same cluster. */
  readonly env: NodeJS.ProcessEnv;
  request<T = unknown>(method: string, path: string, options?: RequestOptions): Promise<Reply<T>>;
  /** @throws when the object is not there, or for any other refusal */
  get<T>(path: string): Promise<T>;
  /** `undefined` when the object is not there. */
  find<T>(path: string): Promise<T | undefined>;
  create<T>(path: string, body: unknown): Promise<T>;
  /** Server-side apply: what `kubectl apply --server-side` sends. */
  apply<T>(path: string, body: unknown): Promise<T>;
  merge<T>(path: string, patch: unknown): Promise<T>;
  /** Fine when there is nothing to delete. */
  remove(path: string): Promise<void>;
  /** Everything that happens to a collection from now on. Stop it, or the test file does not end. */
  record<T extends object>(path: string): Promise<Recording<T>>;
  text(path: string): Promise<string>;
  close(): Promise<void>;
};

export type Reply<T> = { status: number; body: T; text: string };
export type RequestOptions = { body?: unknown; contentType?: string };
export type WatchEvent<T> = { type: "ADDED" | "MODIFIED" | "DELETED"; object: T };
export type Recording<T> = { events: readonly WatchEvent<T>[]; stop(): void };

/** Unlike the operator's: whatever it owns, the operator does not. */
const FIELD_MANAGER = "a-person";

/** @param env whose KUBECONFIG names the cluster; that of the test runner unless told */
export async function connect(env: NodeJS.ProcessEnv = process.env): Promise<Api> {
  const config = await loadKubeConfig(env);
  const { headers, tls } = await createCredentialSource(config).get();
  const agent = new Agent({ connect: tls, headersTimeout: 30_000, bodyTimeout: 0 });
  const options = { dispatcher: agent, headers: { ...headers, accept: "application/json" } };

  async function request<T>(method: string, path: string, { body, contentType }: RequestOptions = {}) {
    const writes = method === "POST" || method === "PATCH" || method === "PUT";
    const url = `${config.server}${path}${writes ? `${path.includes("?") ? "&" : "?"}fieldManager=${FIELD_MANAGER}` : ""}`;
    const reply = await send(url, {
      ...options,
      method: method as "GET",
      headers: { ...options.headers, "content-type": contentType ?? "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await reply.body.text();
    return { status: reply.statusCode, text, body: (text.startsWith("{") ? JSON.parse(text) : undefined) as T };
  }

  async function demand<T>(method: string, path: string, demanded: RequestOptions = {}): Promise<T> {
    const { status, text, body } = await request<T>(method, path, demanded);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
    return body;
  }

  return {
    env,
    request,
    get: (path) => demand("GET", path),
    async find<T>(path: string) {
      const { status, body, text } = await request<T>("GET", path);
      if (status === 404) return undefined;
      if (status >= 300) throw new Error(`GET ${path}: ${status} ${text}`);
      return body;
    },
    create: (path, body) => demand("POST", path, { body }),
    apply: (path, body) =>
      demand("PATCH", `${path}?force=true&fieldValidation=Strict`, {
        body,
        contentType: "application/apply-patch+yaml",
      }),
    merge: (path, body) => demand("PATCH", path, { body, contentType: "application/merge-patch+json" }),
    async remove(path) {
      const { status, text } = await request("DELETE", path);
      if (status >= 300 && status !== 404) throw new Error(`DELETE ${path}: ${status} ${text}`);
    },
    async record<T extends object>(path: string) {
      const { metadata } = await demand<{ metadata: { resourceVersion: string } }>("GET", `${path}?limit=1`);
      const events: WatchEvent<T>[] = [];
      const ended = new AbortController();
      const query = `watch=true&resourceVersion=${metadata.resourceVersion}&timeoutSeconds=600`;
      const { body } = await send(`${config.server}${path}?${query}`, { ...options, signal: ended.signal });
      void readLines(body, (line) => events.push(JSON.parse(line) as WatchEvent<T>), ended.signal);
      return { events, stop: () => ended.abort() };
    },
    text: async (path) => (await request("GET", path)).text,
    close: () => agent.destroy(),
  };
}

async function readLines(from: AsyncIterable<Buffer>, take: (line: string) => void, signal: AbortSignal) {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const chunk of from) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      lines.forEach(take);
    }
  } catch (error) {
    if (!signal.aborted) console.error("a recording ended:", error);
  }
}
