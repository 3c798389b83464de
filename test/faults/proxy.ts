import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request as send } from "undici";
import type { Asked, Fault, Rule } from "./rules.ts";
import { asked, createRules } from "./rules.ts";
import { createWatchStream } from "./watch-stream.ts";

/**
 * A proxy between one operator and the API server, at which anything can go wrong.
 *
 * It bears the API server's own certificate, so that the operator trusts it, and passes tokens on. What it is told to do
 * (rules.ts) it does to whole requests, and to a watch line by line. It remembers every request: which of the versions in
 * a recording are the operator's is told by the replies that came through here.
 */
export type Proxy = {
  readonly url: string;
  /** Adds a rule; the function that it gives takes it back. */
  rule: (rule: Rule) => () => void;
  /** Takes all rules back. */
  calm: () => void;
  /** All requests so far, oldest first. Whoever runs for long empties it. */
  readonly requests: Passed[];
  /** When the last request came in or the last reply went out, on the clock of performance.now(). */
  readonly lastActive: () => number;
  close: () => Promise<void>;
};

/** A request that came in. `status`: what the API server answered; undefined when it has not, or was not asked. */
export type Passed = {
  readonly method: string;
  readonly path: string;
  readonly kind: Asked["kind"];
  readonly at: number;
  /** As it was sent: `Bearer …`. */
  readonly authorization: string | undefined;
  fault?: Fault["kind"];
  status?: number;
  /** Of a write: the version that it made. Of a delete: the uid that was demanded. */
  resourceVersion?: string;
  uid?: string;
};

export type ProxyOptions = {
  /** `https://host:port` of the API server. */
  server: string;
  /** PEM files: what to trust there, and what to show here. */
  caPath: string;
  certificatePath: string;
  keyPath: string;
  seed?: number;
};

type Reply = { status: number; headers: Record<string, string | string[] | undefined>; body: Buffer };

/** Of one connection only (RFC 9110 section 7.6.1). */
const HOP_BY_HOP = ["connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length"];

export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  const { server, seed = 1 } = options;
  const [ca, cert, key] = await Promise.all(
    [options.caPath, options.certificatePath, options.keyPath].map((path) => readFile(path)),
  );
  const upstream = new Agent({ connect: { ca: ca! }, headersTimeout: 0, bodyTimeout: 0 });
  const rules = createRules(seed);
  const requests: Passed[] = [];
  const sockets = new Set<Socket>();
  /** The last list of each collection that went through, as lines. */
  const lists = new Map<string, string[]>();
  let lastActive = performance.now();

  async function forward(from: IncomingMessage, body: Buffer, passed: Passed): Promise<Reply> {
    const reply = await send(`${server}${from.url ?? ""}`, {
      dispatcher: upstream,
      method: from.method as "GET",
      headers: without(from.headers, HOP_BY_HOP),
      body: body.length > 0 ? body : null,
    });
    const whole = Buffer.from(await reply.body.arrayBuffer());
    lastActive = performance.now();
    passed.status = reply.statusCode;
    if (passed.kind === "write" && reply.statusCode < 300) note(passed, whole, body);
    return { status: reply.statusCode, headers: reply.headers, body: whole };
  }

  async function serve(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const what = asked(from.method ?? "GET", from.url ?? "/");
    const { authorization } = from.headers;
    const passed: Passed = {
      method: what.method,
      path: what.path,
      kind: what.kind,
      at: performance.now(),
      authorization,
    };
    lastActive = passed.at;
    const fault = rules.faultOf(what);
    if (fault !== undefined) passed.fault = fault.kind;
    requests.push(passed);
    const body = await readAll(from);
    const cut = () => void from.socket.destroy();

    switch (fault?.kind) {
      case "answer": {
        answer(to, fault.status, fault.retryAfterSeconds);
        return;
      }
      case "happen":
      case "cut":
        if (fault.executed) await forward(from, body, passed);
        if (fault.kind === "happen") fault.what();
        {
          cut();
          return;
        }
      case "stall":
        if (fault.executed) await forward(from, body, passed);
        return;
      case "delay":
        await delay(fault.ms);
        break;
      case "twice":
        await forward(from, body, passed);
        break;
      case "stale":
      case "stream":
      case undefined:
        break;
    }
    if (what.query.get("watch") === "true") return watch(what, from, to, passed, fault);
    const { status, headers, body: reply } = await forward(from, body, passed);
    to.writeHead(status, { ...without(headers, HOP_BY_HOP), "content-length": reply.length });
    to.end(reply);
  }

  async function watch(
    what: Asked,
    from: IncomingMessage,
    to: ServerResponse,
    passed: Passed,
    fault?: Fault,
  ): Promise<void> {
    const ended = new AbortController();
    to.once("close", () => ended.abort());
    const outlet = createWatchStream(fault?.kind === "stream" ? fault.faults : {}, {
      write: (text) => void to.write(text),
      end: () => void to.end(),
      cut: () => void from.socket.destroy(),
    });
    const old = fault?.kind === "stale" ? lists.get(what.path) : undefined;
    let url = from.url ?? "";
    if (old !== undefined && fault?.kind === "stale") {
      to.writeHead(200, { "content-type": "application/json" });
      for (const line of old) to.write(`${line}\n`);
      await delay(fault.lagMs);
      url = `${what.path}?${since(what.query, versionOf(old.at(-1) ?? ""))}`;
    }
    /** The lines of a list until its last one. */
    let listing = what.kind === "list" && old === undefined ? ([] as string[]) : undefined;
    const reply = await send(`${server}${url}`, {
      dispatcher: upstream,
      headers: without(from.headers, HOP_BY_HOP),
      signal: ended.signal,
    });
    passed.status = reply.statusCode;
    if (!to.headersSent) to.writeHead(reply.statusCode, without(reply.headers, HOP_BY_HOP));
    if (reply.statusCode !== 200) return void to.end(Buffer.from(await reply.body.arrayBuffer()));
    to.flushHeaders();
    for await (const line of lines(reply.body)) {
      outlet.push(line);
      if (listing === undefined) continue;
      listing.push(line);
      if (!line.includes('"k8s.io/initial-events-end"')) continue;
      lists.set(what.path, listing);
      listing = undefined;
    }
    outlet.flush();
    to.end();
  }

  const listener = createServer({ cert: cert!, key: key! }, (from, to) => {
    serve(from, to).catch(() => {
      // The API server is away, or the operator is: either way this connection is over.
      from.socket.destroy();
    });
  });
  listener.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
  });
  listener.on("tlsClientError", () => undefined);
  listener.keepAliveTimeout = 120_000;
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");

  return {
    url: `https://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    rule: (rule) => rules.add(rule),
    calm: rules.clear,
    requests,
    lastActive: () => lastActive,
    async close() {
      listener.close();
      for (const socket of sockets) socket.destroy();
      await upstream.destroy();
    },
  };
}

/** Which version a write made, or which object it removed. */
function note(passed: Passed, reply: Buffer, body: Buffer): void {
  if (passed.method === "DELETE") {
    const { preconditions } = JSON.parse(body.toString()) as { preconditions?: { uid?: string } };
    if (preconditions?.uid !== undefined) passed.uid = preconditions.uid;
    return;
  }
  const { metadata } = JSON.parse(reply.toString()) as { metadata?: { uid?: string; resourceVersion?: string } };
  if (metadata?.resourceVersion !== undefined) passed.resourceVersion = metadata.resourceVersion;
  if (metadata?.uid !== undefined) passed.uid = metadata.uid;
}

function answer(to: ServerResponse, code: number, retryAfterSeconds: number | undefined): void {
  const reasons: Record<number, string> = { 409: "Conflict", 410: "Expired", 429: "TooManyRequests" };
  const status = {
    kind: "Status",
    apiVersion: "v1",
    status: "Failure",
    reason: reasons[code] ?? "InternalError",
    code,
  };
  to.writeHead(code, {
    "content-type": "application/json",
    ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }),
  });
  to.end(JSON.stringify(status));
}

/** The watch that follows a list of this version. */
function since(query: URLSearchParams, resourceVersion: string): string {
  const next = new URLSearchParams(query);
  next.delete("sendInitialEvents");
  next.delete("resourceVersionMatch");
  next.set("resourceVersion", resourceVersion);
  return next.toString();
}

function versionOf(bookmark: string): string {
  const { object } = JSON.parse(bookmark) as { object: { metadata: { resourceVersion: string } } };
  return object.metadata.resourceVersion;
}

function without<T>(headers: Record<string, T>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)));
}

async function readAll(from: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of from) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function* lines(from: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of from) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((line) => line !== "");
  }
}
