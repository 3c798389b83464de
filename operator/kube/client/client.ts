import { sleep } from "#common/sleep";
import { MalformedReply, RequestAborted, toError } from "./api-error.ts";
import { parseOrUndefined } from "./json.ts";
import type { KubeConfig } from "./access.ts";
import { shouldRetry } from "./retry.ts";
import type { HttpRequest, Outcome } from "./send.ts";
import type { Transport, TransportOptions } from "./transport.ts";
import { createTransport } from "./transport.ts";

/**
 * The Kubernetes API as paths and JSON. Everything that can happen to a request on its way is handled here once:
 * connections are shared, every request has a deadline, rotated credentials are read again, and what the server wants
 * repeated is repeated. A caller gets the object, or one of the errors of api-error.ts, none of which quotes the server.
 */
export type KubeClient = {
  get<T>(path: string, options?: RequestOptions): Promise<T>;
  create<T>(path: string, body: unknown, options?: RequestOptions): Promise<T>;
  patch<T>(path: string, patch: unknown, kind: PatchKind, options?: RequestOptions): Promise<T>;
  /** PUT: the whole object, refused with 409 when its resourceVersion is not the current one. */
  update<T>(path: string, body: unknown, options?: RequestOptions): Promise<T>;
  /**
   * Refused with 409 when the object's uid or resourceVersion is another one. 404 when the object is gone, except after a
   * retry: the first attempt may have deleted it.
   */
  remove(path: string, options?: RequestOptions & { uid?: string; resourceVersion?: string }): Promise<void>;
  /** A watch: each JSON line goes to `onValue` as it comes, in its own turn; resolves when the server ends the stream. */
  stream(path: string, options: StreamOptions): Promise<void>;
  /** Cuts every connection; what is under way fails with `Unreachable`. */
  close(): Promise<void>;
};

export type PatchKind = "merge" | "strategic";

export type RequestOptions = {
  query?: Record<string, string>;
  /**
   * Requests PartialObjectMetadata: the reply has no content, not even that of a write. "list" where the reply is a list
   * (the server refuses either one for the other with 406).
   */
  metadataOnly?: boolean | "list";
  signal?: AbortSignal;
  /** Deadline of each attempt, in ms; the default is 15 s. */
  timeoutMs?: number;
  /** False: one attempt, for callers that repeat at their own pace. */
  retry?: boolean;
  /**
   * Called each time the request is about to leave: after it waited for a connection, and before each retry, which may be
   * many seconds after the call. If it throws, the request ends with that error. For writes that only a leader may make.
   */
  beforeSend?: () => void;
};

export type StreamOptions = {
  query?: Record<string, string>;
  metadataOnly?: boolean;
  signal?: AbortSignal;
  /** After this many ms without a byte the connection counts as dead. */
  idleMs: number;
  onStart?: () => void;
  onValue: (value: unknown) => void;
};

export type ClientOptions = TransportOptions & {
  /**
   * Whose writes these are, in `metadata.managedFields`. Each program has its own: what one field manager wrote, another
   * one leaves alone.
   */
  fieldManager: string;
  /** The default is the field manager. */
  userAgent?: string;
};

const DEFAULT_TIMEOUT_MS = 15_000;

const PATCH_TYPE: Record<PatchKind, string> = {
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
};

type Call = { method: HttpRequest["method"]; path: string; body?: unknown; contentType?: string };

export function createClient(config: KubeConfig, options: ClientOptions): KubeClient {
  const { fieldManager, userAgent = fieldManager } = options;
  const transport = createTransport(config, userAgent, options);
  const stopped = new AbortController();

  async function request<T>(call: Call, callOptions: RequestOptions = {}): Promise<T> {
    const { method, path } = call;
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = callOptions;
    const attempt = toAttempt(call, { ...callOptions, timeoutMs }, fieldManager);
    for (let attempts = 1; ; attempts += 1) {
      const outcome = await transport.send(attempt);
      if (isDone(method, outcome, attempts)) {
        return outcome.status === 404 ? (undefined as T) : parseObject<T>(call, outcome.body);
      }
      if (outcome.kind === "withheld") throw outcome.error;
      const retry = callOptions.retry === false ? undefined : shouldRetry(outcome, attempts, method !== "POST");
      if (retry === undefined || stopped.signal.aborted) throw toError(method, path, outcome, timeoutMs);
      await sleep(retry.waitMs, signal ? AbortSignal.any([signal, stopped.signal]) : stopped.signal);
      if (signal?.aborted) throw new RequestAborted(method, path);
    }
  }

  return {
    get: (path, o) => request({ method: "GET", path }, o),
    create: (path, body, o) => request({ method: "POST", path, body }, o),
    update: (path, body, o) => request({ method: "PUT", path, body }, o),
    patch: (path, body, kind, o) => request({ method: "PATCH", path, body, contentType: PATCH_TYPE[kind] }, o),
    async remove(path, { uid, resourceVersion, ...o } = {}) {
      const preconditions = { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) };
      const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions };
      await request({ method: "DELETE", path, body }, { metadataOnly: true, ...o });
    },
    stream: (path, o) => watch(transport, path, o),
    async close() {
      stopped.abort();
      await transport.close();
    },
  };
}

function toAttempt(
  { method, path, body, contentType = "application/json" }: Call,
  { query, metadataOnly, timeoutMs, signal, beforeSend }: RequestOptions & { timeoutMs: number },
  fieldManager: string,
): Parameters<Transport["send"]>[0] {
  const writes = method === "POST" || method === "PUT" || method === "PATCH";
  return {
    method,
    path,
    query: writes ? { fieldManager, ...query } : (query ?? {}),
    headers: { accept: accept(metadataOnly), ...(body === undefined ? {} : { "content-type": contentType }) },
    body: body === undefined ? null : JSON.stringify(body),
    timeoutMs,
    signal,
    beforeSend,
  };
}

function isDone(method: string, outcome: Outcome, attempts: number): outcome is Outcome & { kind: "reply" } {
  if (outcome.kind !== "reply") return false;
  if (outcome.status >= 200 && outcome.status < 300) return true;
  // The first DELETE had an effect, and its reply was lost.
  return method === "DELETE" && attempts > 1 && outcome.status === 404;
}

async function watch(transport: Transport, path: string, options: StreamOptions): Promise<void> {
  const { query = {}, metadataOnly, signal, idleMs, onStart = () => undefined, onValue } = options;
  const request = { path, query, headers: { accept: accept(metadataOnly) }, idleMs, signal, onStart, onValue };
  for (let attempts = 1; ; attempts += 1) {
    const outcome = await transport.watch(request);
    if (outcome.kind === "ended") return;
    if (outcome.kind === "malformed")
      throw outcome.error instanceof SyntaxError ? new MalformedReply("WATCH", path) : outcome.error;
    if (outcome.kind === "reply" && outcome.status === 401 && attempts === 1) continue;
    const failure = outcome.kind === "silent" ? { kind: "timeout" as const, sent: true } : outcome;
    throw toError("WATCH", path, failure, idleMs);
  }
}

function parseObject<T>({ method, path }: Call, body: Buffer): T {
  const value = parseOrUndefined(body);
  if (typeof value !== "object" || value === null) throw new MalformedReply(method, path);
  return value as T;
}

/** It offers no second choice, so a server that cannot do it answers 406, and never sends the content instead. */
function accept(metadataOnly: RequestOptions["metadataOnly"]): string {
  if (!metadataOnly) return "application/json";
  return `application/json;as=PartialObjectMetadata${metadataOnly === "list" ? "List" : ""};g=meta.k8s.io;v=v1`;
}
