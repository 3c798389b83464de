import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { OperatorError } from "#common/operator-error";

/** `true`, or why not, for a person who looks with curl. */
export type Health = boolean | string;

export type HealthSource = {
  /** Otherwise the kubelet restarts the Pod, so this is only for what a restart repairs. */
  isLive(): Health;
  /** Otherwise the Pod is taken out of its Service. */
  isReady(): Health;
  metrics(): Promise<{ contentType: string; text: Iterable<string> }>;
};

export type HealthServer = {
  /** The port that it listens on, also if 0 was requested. */
  readonly port: number;
  close(): Promise<void>;
};

const PLAIN = "text/plain; charset=utf-8";

/**
 * Serves /livez, /readyz and /metrics over plain HTTP: none of them carries a secret.
 *
 * @param address `host` undefined listens on all; port 0 takes a free one
 * @throws OperatorError `CannotListen`, one line
 */
export async function serveHealth(
  address: { host?: string | undefined; port: number },
  source: HealthSource,
): Promise<HealthServer> {
  const server = createServer((request, response) => void respond(request, response, source));
  await listen(server, address);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        // Prometheus keeps its connection open between scrapes.
        server.closeAllConnections();
      }),
  };
}

type Reply = { status: number; text: string | Iterable<string>; contentType?: string };

async function answer({ method, url }: IncomingMessage, source: HealthSource): Promise<Reply> {
  if (method !== "GET" && method !== "HEAD") return { status: 405, text: "use GET\n" };
  try {
    switch (url?.split("?")[0]) {
      case "/livez":
        return describe(source.isLive());
      case "/readyz":
        return describe(source.isReady());
      case "/metrics":
        return { status: 200, ...(await source.metrics()) };
      default:
        return { status: 404, text: "use /livez, /readyz or /metrics\n" };
    }
  } catch {
    // The message of the error may carry a secret; that the probe fails is visible anyway.
    return { status: 500, text: "internal error\n" };
  }
}

function describe(health: Health): Reply {
  if (health === true) return { status: 200, text: "ok\n" };
  return { status: 503, text: `${health === false ? "not ok" : health}\n` };
}

async function respond(request: IncomingMessage, response: ServerResponse, source: HealthSource): Promise<void> {
  const { status, text, contentType = PLAIN } = await answer(request, source);
  response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" });
  if (request.method === "HEAD") response.end();
  else if (typeof text === "string") response.end(text);
  // In pieces, so that a page of some megabytes is never in memory as a whole and blocks nothing else.
  else await pipeline(Readable.from(text), response).catch(() => undefined);
}

async function listen(server: Server, { host, port }: { host?: string | undefined; port: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why: Record<string, string> = {
        EADDRINUSE: "another process uses this port",
        EACCES: "this user is not allowed to use this port; use a port from 1024 up",
        EADDRNOTAVAIL: "this machine does not have this address",
        ENOTFOUND: "there is no such host",
      };
      const where = `${host?.includes(":") === true ? `[${host}]` : (host ?? "")}:${port}`;
      const reason = why[error.code ?? ""] ?? error.code ?? "unknown reason";
      reject(new OperatorError("CannotListen", `cannot listen on ${where} (--metrics-address): ${reason}`));
    });
    server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve);
  });
}
