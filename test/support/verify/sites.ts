/** Servers on loopback that do what a path tells them, and write down who came. */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { IncomingHttpHeaders, RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect, createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Certificate } from "#testbed/servers/tls";

export type Site = {
  readonly port: number;
  /** Of each connection the address that was dialled. */
  readonly dialled: string[];
  /** Those that are open. */
  readonly sockets: ReadonlySet<Socket>;
  readonly requests: { url: string; headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
};

export async function startSite(
  certificate: Certificate,
  answer: RequestListener,
  { address = "127.0.0.1", port = 0 } = {},
): Promise<Site> {
  const requests: Site["requests"] = [];
  const server = createHttpsServer({ cert: certificate.certPem, key: certificate.keyPem }, (request, response) => {
    requests.push({ url: request.url ?? "", headers: request.headers });
    answer(request, response);
  });
  return { ...(await listen(server, address, port)), requests };
}

/** A server for plain TCP: what it does with a connection is up to `greet`. */
export async function startTcpSite(greet: (socket: Socket) => void): Promise<Site> {
  return { ...(await listen(createTcpServer(greet), "127.0.0.1", 0)), requests: [] };
}

export type Proxy = Site & {
  readonly url: string;
  /** `host:port`, as the client asked for it. */
  readonly tunnels: string[];
};

/** A CONNECT proxy that leads everyone to `upstreamPort` on loopback, or refuses with an HTTP status. */
export async function startProxy(upstreamPort: number, { refuses }: { refuses?: number } = {}): Promise<Proxy> {
  const tunnels: string[] = [];
  const server = createHttpServer();
  server.on("connect", (request, socket: Socket) => {
    tunnels.push(request.url ?? "");
    if (refuses !== undefined) {
      socket.end(`HTTP/1.1 ${refuses} No\r\n\r\n`);
      return;
    }
    const upstream = connect(upstreamPort, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(upstream).pipe(socket);
    });
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  const site = await listen(server, "127.0.0.1", 0);
  return { ...site, requests: [], tunnels, url: `http://127.0.0.1:${site.port}` };
}

async function listen(server: Server, address: string, port: number): Promise<Omit<Site, "requests">> {
  const sockets = new Set<Socket>();
  const dialled: string[] = [];
  server.on("connection", (socket: Socket) => {
    dialled.push(socket.localAddress ?? "");
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(port, address);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    dialled,
    sockets,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}
