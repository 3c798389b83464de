import { OPERATOR_NAME } from "#api/names";
import type { KubeConfig } from "./kubeconfig.ts";
import { createCredentialSource } from "./credentials.ts";
import { createDispatchers } from "./dispatchers.ts";
import { ApiError, MalformedReply, readStatus, RequestAborted, RequestTimeout, Unreachable } from "./api-error.ts";
import { exchange } from "./send.ts";
import type { HttpRequest, Outcome } from "./send.ts";
import { retryAfterMs, shouldRetry } from "./retry.ts";
import { sleep } from "#common/sleep";
import { stream } from "../cache/watch-stream.ts";

/**
 * The Kubernetes API as paths and JSON. Everything that a request may meet on its way is met here once: connections are
 * shared, every request has a deadline, credentials that rotated are read again, and what the server asks to be repeated
 * is. What comes out is the object, or one of the errors of errors.ts, none of which quotes the server.
 */
export type KubeClient = {
  get<T>(path: string, options?: RequestOptions): Promise<T>;
  create<T>(path: string, body: unknown, options?: RequestOptions): Promise<T>;
  patch<T>(path: string, patch: unknown, kind: PatchKind, options?: RequestOptions): Promise<T>;
  /** PUT: the object as a whole, refused with 409 when its resourceVersion is not the current one. */
  update<T>(path: string, body: unknown, options?: RequestOptions): Promise<T>;
  /** Refused with 409 when the object's uid or resourceVersion is another. 404 when it is gone, except after a retry: then we may have been the one. */
  remove(path: string, options?: RequestOptions & { uid?: string; resourceVersion?: string }): Promise<void>;
  /** A watch: each JSON line goes to `onValue` as it comes, in its own turn; resolves when the server ends the stream. */
  stream(path: string, options: StreamOptions): Promise<void>;
  /** Cuts every connection; what is under way fails with `Unreachable`. */
  close(): Promise<void>;
};

export type PatchKind = "merge" | "strategic" | "json";

export type RequestOptions = {
  query?: Record<string, string>;
  /** Asks for PartialObjectMetadata: the reply has no content, also that of a write. "list" where the reply is a list (the server refuses either for the other with 406). */
  metadataOnly?: boolean | "list";
  signal?: AbortSignal;
  /** Deadline of each attempt, in ms; 15 s unless told. */
  timeoutMs?: number;
  /** False: one attempt, for callers that repeat at their own pace. */
  retry?: boolean;
  /**
   * Asked each time that the request is about to leave: after it waited for a connection, and before each retry, which
   * may be many seconds after the call. What it throws ends the request. For writes that only a leader may make.
   */
  guard?: () => void;
};

export type StreamOptions = {
  query?: Record<string, string>;
  metadataOnly?: boolean;
  signal?: AbortSignal;
  /** After this many ms without a byte the connection is taken for dead. */
  idleMs: number;
  onStart?: () => void;
  onValue: (value: unknown) => void;
};

export type ClientOptions = {
  /** One call per attempt. `verb`: GET, POST, …, WATCH; `code`: the HTTP status, or `unreachable`, `timeout`, `aborted`, `withheld` (by the guard). */
  onRequest?: (verb: string, code: string, seconds: number) => void;
  /** Most connections for requests at once; each watch has one of its own besides. */
  connections?: number;
  /** How old what was read of tokens and certificates may get, in ms; a minute unless told. */
  rereadMs?: number;
  userAgent?: string;
};

const DEFAULT_TIMEOUT_MS = 15_000;

const PATCH_TYPE: Record<PatchKind, string> = {
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  json: "application/json-patch+json",
};

type Call = {
  method: HttpRequest["method"];
  path: string;
  body?: unknown;
  contentType?: string;
  /** Twice is the same as once. A JSON patch may append; a POST may create twice under a generated name. */
  idempotent: boolean;
};

export function createClient(config: KubeConfig, options: ClientOptions = {}): KubeClient {
  const source = createCredentialSource(config, options.rereadMs);
  const dispatchers = createDispatchers(
    config,
    source,
    options.connections === undefined ? {} : { connections: options.connections },
  );
  const { origin, pathname } = new URL(config.server);
  const prefix = pathname === "/" ? "" : pathname;
  const userAgent = options.userAgent ?? OPERATOR_NAME;
  const stopped = new AbortController();

  async function attempt(call: Call, requestOptions: RequestOptions, body: string | null): Promise<Outcome> {
    const startedAt = performance.now();
    const { dispatcher, credentials } = await dispatchers.acquire("request");
    const outcome = await exchange(dispatcher, {
      origin,
      method: call.method,
      path: prefix + withQuery(call.path, queryOf(call, requestOptions)),
      headers: {
        ...credentials.headers,
        "user-agent": userAgent,
        accept: accept(requestOptions.metadataOnly),
        ...(body === null ? {} : { "content-type": call.contentType ?? "application/json" }),
      },
      body,
      timeoutMs: requestOptions.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      signal: requestOptions.signal,
      guard: requestOptions.guard,
    });
    noticeDistrust(outcome);
    const code = outcome.kind === "reply" ? String(outcome.status) : outcome.kind;
    options.onRequest?.(call.method, code, (performance.now() - startedAt) / 1000);
    return outcome;
  }

  /** What an outcome tells about the way to the server, beyond its own request. */
  function noticeDistrust(outcome: { kind: string; status?: number; networkCode?: string }): void {
    if (outcome.kind === "reply" && outcome.status === 401) source.distrust();
    if (outcome.kind === "unreachable" && TLS_DISTRUST.test(outcome.networkCode ?? "")) source.distrust();
    if (outcome.kind === "timeout" || outcome.kind === "silent") dispatchers.renew();
  }

  async function request<T>(call: Call, requestOptions: RequestOptions = {}): Promise<{ value: T; attempts: number }> {
    const body = call.body === undefined ? null : JSON.stringify(call.body);
    for (let attempts = 1; ; attempts += 1) {
      const outcome = await attempt(call, requestOptions, body);
      if (outcome.kind === "reply" && outcome.status >= 200 && outcome.status < 300) {
        return { value: parseObject<T>(call, outcome.body), attempts };
      }
      if (call.method === "DELETE" && attempts > 1 && outcome.kind === "reply" && outcome.status === 404) {
        return { value: undefined as T, attempts };
      }
      if (outcome.kind === "withheld") throw outcome.error;
      const retry = requestOptions.retry === false ? undefined : shouldRetry(outcome, attempts, call.idempotent);
      if (retry === undefined || stopped.signal.aborted) throw toError(call.method, call.path, outcome, requestOptions);
      await sleep(
        retry.waitMs,
        requestOptions.signal ? AbortSignal.any([requestOptions.signal, stopped.signal]) : stopped.signal,
      );
      if (requestOptions.signal?.aborted) throw new RequestAborted(call.method, call.path);
    }
  }

  const value = async <T>(call: Call, requestOptions?: RequestOptions): Promise<T> =>
    (await request<T>(call, requestOptions)).value;

  return {
    get: (path, o) => value({ method: "GET", path, idempotent: true }, o),
    create: (path, body, o) => value({ method: "POST", path, body, idempotent: false }, o),
    update: (path, body, o) => value({ method: "PUT", path, body, idempotent: true }, o),
    patch: (path, body, kind, o) =>
      value({ method: "PATCH", path, body, contentType: PATCH_TYPE[kind], idempotent: kind !== "json" }, o),
    async remove(path, { uid, resourceVersion, ...o } = {}) {
      const preconditions = { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) };
      const body = { apiVersion: "v1", kind: "DeleteOptions", preconditions };
      await request({ method: "DELETE", path, body, idempotent: true }, { metadataOnly: true, ...o });
    },

    async stream(path, o) {
      for (let attempts = 1; ; attempts += 1) {
        const startedAt = performance.now();
        const { dispatcher, credentials } = await dispatchers.acquire("watch");
        const outcome = await stream(dispatcher, {
          origin,
          path: prefix + withQuery(path, o.query ?? {}),
          headers: { ...credentials.headers, "user-agent": userAgent, accept: accept(o.metadataOnly) },
          idleMs: o.idleMs,
          signal: o.signal,
          onStart: () => {
            options.onRequest?.("WATCH", "200", (performance.now() - startedAt) / 1000);
            o.onStart?.();
          },
          onValue: o.onValue,
        });
        noticeDistrust(outcome);
        if (outcome.kind === "ended") return;
        if (outcome.kind === "reply")
          options.onRequest?.("WATCH", String(outcome.status), (performance.now() - startedAt) / 1000);
        if (outcome.kind === "malformed")
          throw outcome.error instanceof SyntaxError ? new MalformedReply("WATCH", path) : outcome.error;
        if (outcome.kind === "reply" && outcome.status === 401 && attempts === 1) continue;
        const failure = outcome.kind === "silent" ? { kind: "timeout" as const, sent: true } : outcome;
        throw toError("WATCH", path, failure, { timeoutMs: o.idleMs });
      }
    },

    async close() {
      stopped.abort();
      await dispatchers.close();
    },
  };
}

/** TLS failures after which the CA or our certificate may have to be read again. */
const TLS_DISTRUST = /CERT|SELF_SIGNED|UNABLE_TO|ERR_SSL|ERR_TLS/;

type Failure = Exclude<Outcome, { kind: "withheld" }>;

function toError(verb: string, path: string, outcome: Failure, options: RequestOptions): Error {
  switch (outcome.kind) {
    case "aborted":
      return new RequestAborted(verb, path);
    case "timeout":
      return new RequestTimeout(verb, path, { sent: outcome.sent, timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS });
    case "unreachable":
      return new Unreachable(verb, path, outcome);
    case "reply": {
      const status = readStatus(parseOrUndefined(outcome.body));
      const header = retryAfterMs(outcome.headers["retry-after"]);
      return new ApiError(verb, path, {
        status: outcome.status,
        ...status,
        ...(header === undefined ? {} : { retryAfterSeconds: header / 1000 }),
      });
    }
  }
}

function parseObject<T>({ method, path }: Call, body: Buffer): T {
  const value = parseOrUndefined(body);
  if (typeof value !== "object" || value === null) throw new MalformedReply(method, path);
  return value as T;
}

/** JSON.parse says in its message what it could not parse, which may be a Secret; so its error ends here. */
function parseOrUndefined(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** There is no second choice in it, so that a server that cannot do it says 406, and never sends the content instead. */
function accept(metadataOnly: RequestOptions["metadataOnly"]): string {
  if (!metadataOnly) return "application/json";
  return `application/json;as=PartialObjectMetadata${metadataOnly === "list" ? "List" : ""};g=meta.k8s.io;v=v1`;
}

function queryOf({ method }: Call, { query }: RequestOptions): Record<string, string> {
  const writes = method === "POST" || method === "PUT" || method === "PATCH";
  return writes ? { fieldManager: OPERATOR_NAME, ...query } : (query ?? {});
}

function withQuery(path: string, query: Record<string, string>): string {
  const text = new URLSearchParams(query).toString();
  return text === "" ? path : `${path}?${text}`;
}
