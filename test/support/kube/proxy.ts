import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect, createServer } from "node:net";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import type { KubeConfig } from "#kube/client/kubeconfig";
import type { Passed, Proxy } from "../fault-proxy/proxy.ts";
import { startProxy } from "../fault-proxy/proxy.ts";
import type { Fault } from "../fault-proxy/rules.ts";

/**
 * Two ways to stand between a client and the test's API server: one passes bytes on and counts connections, the other is
 * the fault proxy, with functions that a test sets. The client speaks plain HTTP to it.
 */

export type CountingProxy = {
  /** The test's cluster, by way of this proxy. */
  config: KubeConfig;
  /** Connections that were accepted so far. */
  readonly accepted: number;
  close(): Promise<void>;
};

export async function countConnections(): Promise<CountingProxy> {
  const real = await loadKubeConfig();
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
    close: () => closeAll(server, sockets),
  };
}

export type Seen = Passed;

/** `reset`: RST after the request was read. `hang`: nothing ever comes. */
export type Answer = "reset" | "hang" | { status: number; headers?: Record<string, string>; body?: object | string };

export type FaultyProxy = Pick<Proxy, "cut" | "stall" | "heal" | "close"> & {
  config: KubeConfig;
  /** Every request so far. */
  readonly seen: readonly Seen[];
  /** Answers in place of the API server; `undefined` lets the request pass. Called for each request. */
  answer: (request: Seen) => Answer | undefined | Promise<Answer | undefined>;
  /** What becomes of a line of a watch: none, itself, several. */
  line: (line: string, request: Seen) => string[] | Promise<string[]>;
};

export async function createFaultyProxy(): Promise<FaultyProxy> {
  const real = await loadKubeConfig();
  const { caData, caFile } = real.cluster;
  const { url, requests, cut, stall, heal, close } = await startProxy({
    server: real.server,
    ca: caFile ? await readFile(caFile) : caData && Buffer.from(caData, "base64"),
    faultOf: async (request) => faultFor(await proxy.answer(request)),
    line: (line, request) => proxy.line(line, request),
  });
  const proxy: FaultyProxy = {
    ...{ cut, stall, heal, close },
    config: { ...real, server: url, cluster: { ...real.cluster, skipTLSVerify: true } },
    seen: requests,
    answer: () => undefined,
    line: (line) => [line],
  };
  return proxy;
}

function faultFor(answer: Answer | undefined): Fault | undefined {
  if (answer === undefined) return undefined;
  if (answer === "hang") return { kind: "stall", executed: false };
  if (answer === "reset") return { kind: "cut", executed: false };
  // A Status object is what the API server sends; a test that wants one says so.
  return { kind: "answer", body: {}, ...answer };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function closeAll(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  server.close();
  for (const socket of sockets) socket.destroy();
  await once(server, "close");
}
