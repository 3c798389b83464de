import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttpServer } from "node:http";
import { Agent, request as send } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import type { KubeConfig } from "#kube/client/kubeconfig";

/**
 * Two ways to stand between a client and the test's API server: one passes bytes on and counts connections, the other
 * understands HTTP and does what networks and busy servers do. The second one is spoken to without TLS, so that it can
 * read the watches; behind it everything is as it is.
 */

export type CountingProxy = {
  /** The test's cluster, by way of this proxy. */
  config: KubeConfig;
  /** Connections that were accepted so far. */
  readonly accepted: number;
  close(): Promise<void>;
};

export async function countConnections(): Promise<CountingProxy> {
  const real = loadKubeConfig();
  const { hostname, port } = new URL(real.server);
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((client) => {
    accepted += 1;
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true).on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  });
  return {
    config: { ...real, server: `https://127.0.0.1:${await listen(server)}` },
    get accepted() {
      return accepted;
    },
    close: () => close(server, sockets),
  };
}

export type Seen = {
  method: string;
  path: string;
  query: URLSearchParams;
  /** Of the reply, once there is one. */ status?: number;
};

/** `reset`: RST after the request was read. `hang`: nothing ever comes. */
export type Answer = "reset" | "hang" | { status: number; headers?: Record<string, string>; body?: object | string };

export type FaultyProxy = {
  config: KubeConfig;
  /** Every request so far. */
  readonly seen: readonly Seen[];
  /** Answers in place of the API server; `undefined` lets the request pass. Asked for each request. */
  answer: (request: Seen) => Answer | undefined | Promise<Answer | undefined>;
  /** What becomes of a line of a watch: none, itself, several. */
  line: (line: string, request: Seen) => string[] | Promise<string[]>;
  /** RST on every connection. */
  cut(): void;
  /** From now on nothing is passed on, in either direction, of what is under way or comes; no FIN, no data. */
  stall(): void;
  /** For new connections the stall is over; those that were stalled stay so. */
  heal(): void;
  close(): Promise<void>;
};

export async function createFaultyProxy(): Promise<FaultyProxy> {
  const real = loadKubeConfig();
  const { hostname, port } = new URL(real.server);
  const { caData, caFile } = real.cluster;
  const agent = new Agent({
    keepAlive: true,
    ...(caData ? { ca: Buffer.from(caData, "base64") } : {}),
    ...(caFile ? { ca: await readFile(caFile) } : {}),
  });
  const sockets = new Set<Socket>();
  const stalled = new WeakSet<Socket>();
  const seen: Seen[] = [];
  let stalling = false;

  const server = createHttpServer((request, response) => void pass(request, response).catch(() => response.destroy()));
  server.keepAliveTimeout = 0;
  server.on("connection", (socket) => {
    sockets.add(socket);
    if (stalling) stalled.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  });

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://proxy");
    const about: Seen = { method: request.method ?? "", path: url.pathname, query: url.searchParams };
    const { socket } = request;
    if (stalled.has(socket)) return;
    seen.push(about);
    const answer = await proxy.answer(about);
    if (answer === "hang" || stalled.has(socket)) return;
    if (answer === "reset") return void socket.resetAndDestroy();
    if (answer !== undefined) {
      about.status = answer.status;
      const body = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body ?? {});
      response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers }).end(body);
      return;
    }
    const upstream = send({
      ...{ agent, host: hostname, port, path: request.url, method: request.method },
      headers: { ...request.headers, host: `${hostname}:${port}` },
    });
    response.once("close", () => upstream.destroy());
    upstream.on("error", () => socket.resetAndDestroy());
    request.pipe(upstream);
    const [reply] = (await once(upstream, "response")) as [IncomingMessage];
    if (stalled.has(socket)) return;
    if (reply.statusCode !== undefined) about.status = reply.statusCode;
    response.writeHead(reply.statusCode ?? 502, reply.headers);
    if (about.query.get("watch") === "true" && reply.statusCode === 200) {
      response.flushHeaders();
      for await (const line of createInterface({ input: reply })) {
        for (const passed of await proxy.line(line, about)) if (!stalled.has(socket)) response.write(`${passed}\n`);
      }
      if (!stalled.has(socket)) response.end();
    } else {
      reply.on("data", (chunk) => stalled.has(socket) || response.write(chunk));
      reply.on("end", () => stalled.has(socket) || response.end());
    }
  }

  const proxy: FaultyProxy = {
    config: {
      ...real,
      server: `http://127.0.0.1:${await listen(server)}`,
      cluster: { ...real.cluster, skipTLSVerify: true },
    },
    seen,
    answer: () => undefined,
    line: (line) => [line],
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    stall() {
      stalling = true;
      for (const socket of sockets) stalled.add(socket);
    },
    heal() {
      stalling = false;
    },
    async close() {
      await close(server, sockets);
      agent.destroy();
    },
  };
  return proxy;
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  server.close();
  for (const socket of sockets) socket.destroy();
  await once(server, "close");
}
