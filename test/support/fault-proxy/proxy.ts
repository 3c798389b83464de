import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import { Agent, request as send } from "undici";
import type { Asked, Fault, Rule } from "./rules.ts";
import { asked, createRules } from "./rules.ts";
import { createWatchStream } from "./watch-stream.ts";

/**
 * The proxy between a client and the API server of the test's cluster, at which anything can go wrong. It does what its rules
 * (rules.ts) and hooks say to whole requests, and to a watch line by line.
 *
 * With a certificate it takes the API server's place, so that an operator that trusts the one trusts the other; without one
 * it speaks plain HTTP. It passes tokens on, and remembers every request: the replies that come through here say which
 * of the versions in a recording are the operator's.
 */
export type Proxy = {
  readonly url: string;
  /** Adds a rule; the function that it gives takes it back. */
  rule: (rule: Rule) => () => void;
  /** Takes all rules back. */
  calm: () => void;
  /** All requests so far, oldest first. A long run empties it. */
  readonly requests: Passed[];
  /** When the last request came in or the last reply went out, on the clock of performance.now(). */
  readonly lastActive: () => number;
  /** Ends every connection, with a RST where there is no TLS. */
  cut: () => void;
  /** From now on nothing is passed on in either direction, of what is under way or comes: no FIN, no data. */
  stall: () => void;
  /** For new connections the stall is over; those that were stalled stay so. */
  heal: () => void;
  close: () => Promise<void>;
};

/** A request that came in. `status`: of the API server's reply; undefined while there is none, or when there will be none. */
export type Passed = Asked & {
  /** By the clock of performance.now(). */
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
  /** What to trust there, as PEM. */
  ca?: string | Buffer | undefined;
  /** What to show here, as PEM; none: plain HTTP. */
  certificate?: { cert: Buffer; key: Buffer };
  /** Of the dice of the rules. */
  seed?: number;
  /** Chooses the fault of a request for which no rule does. */
  faultOf?: (request: Passed) => Fault | undefined | Promise<Fault | undefined>;
  /** What becomes of a line of a watch: none, itself, several. */
  line?: (line: string, request: Passed) => readonly string[] | Promise<readonly string[]>;
};

type Reply = { status: number; headers: Record<string, string | string[] | undefined>; body: Buffer };

/** Of one connection only (RFC 9110 section 7.6.1). */
const HOP_BY_HOP = ["connection", "keep-alive", "transfer-encoding", "upgrade", "host", "content-length"];

export async function startProxy(options: ProxyOptions): Promise<Proxy> {
  const { server, ca, certificate, seed = 1, line: rewrite = (line: string) => [line] } = options;
  const upstream = new Agent({ connect: ca === undefined ? {} : { ca }, headersTimeout: 0, bodyTimeout: 0 });
  const rules = createRules(seed);
  const requests: Passed[] = [];
  const sockets = new Set<Socket>();
  const stalled = new WeakSet<Socket>();
  let stalling = false;
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
    if (stalled.has(from.socket)) return;
    const what = asked(from.method ?? "GET", from.url ?? "/");
    const passed: Passed = { ...what, at: performance.now(), authorization: from.headers.authorization };
    lastActive = passed.at;
    requests.push(passed);
    const fault = rules.faultOf(what) ?? (await options.faultOf?.(passed));
    if (fault !== undefined) passed.fault = fault.kind;
    const body = await readAll(from);
    if (stalled.has(from.socket)) return;

    switch (fault?.kind) {
      case "answer":
        answer(to, fault);
        return;
      case "happen":
      case "cut":
        if (fault.executed) await forward(from, body, passed);
        if (fault.kind === "happen") fault.what();
        end(from.socket);
        return;
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
    if (stalled.has(from.socket)) return;
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
      write(text) {
        if (!stalled.has(from.socket)) to.write(text);
      },
      end: () => void to.end(),
      cut: () => end(from.socket),
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
    if (stalled.has(from.socket)) return;
    passed.status = reply.statusCode;
    if (!to.headersSent) to.writeHead(reply.statusCode, without(reply.headers, HOP_BY_HOP));
    if (reply.statusCode !== 200) return void to.end(Buffer.from(await reply.body.arrayBuffer()));
    to.flushHeaders();
    for await (const line of lines(reply.body)) {
      for (const changed of await rewrite(line, passed)) outlet.push(changed);
      if (listing === undefined) continue;
      listing.push(line);
      if (!line.includes('"k8s.io/initial-events-end"')) continue;
      lists.set(what.path, listing);
      listing = undefined;
    }
    outlet.flush();
    if (!stalled.has(from.socket)) to.end();
  }

  const listen = (from: IncomingMessage, to: ServerResponse) => {
    // The API server is away, or the client is: either way this connection is over.
    serve(from, to).catch(() => end(from.socket));
  };
  const listener = certificate ? createHttpsServer(certificate, listen) : createHttpServer(listen);
  listener.on(certificate ? "secureConnection" : "connection", (socket: Socket) => {
    sockets.add(socket);
    if (stalling) stalled.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
  });
  listener.on("tlsClientError", () => undefined);
  // Never closes an idle connection: the client would meet that as a fault.
  listener.keepAliveTimeout = 0;
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");

  return {
    url: `${certificate ? "https" : "http"}://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    rule: (rule) => rules.add(rule),
    calm: rules.clear,
    requests,
    lastActive: () => lastActive,
    cut() {
      for (const socket of sockets) end(socket);
    },
    stall() {
      stalling = true;
      for (const socket of sockets) stalled.add(socket);
    },
    heal() {
      stalling = false;
    },
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

function end(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

function answer(to: ServerResponse, fault: Extract<Fault, { kind: "answer" }>): void {
  const { status: code, retryAfterSeconds, headers, body } = fault;
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
    ...headers,
  });
  to.end(typeof body === "string" ? body : JSON.stringify(body ?? status));
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
