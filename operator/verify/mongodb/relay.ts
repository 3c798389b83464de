/**
 * A door that the driver connects through, on loopback, for one check of one host.
 *
 * The driver cannot be let out by itself. It dials what a server announces as the members of its replica set, takes a
 * reply of two gigabytes, unpacks compressed ones without a limit, and computes as many SCRAM iterations as the server
 * asks for: with 2^31 of them, four hostile servers hold all threads of Node's pool (files, DNS, crypto) for an hour.
 * So the driver only ever knows this door. Behind it is one address that was checked, dialled by us, with TLS by us; and
 * every reply is looked at, and written anew, before the driver sees it (guard.ts).
 */
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { tlsFailure } from "./dial.ts";
import type { DialFailure } from "./dial.ts";
import { createGuard } from "./reply-filter.ts";

export type Break =
  | DialFailure
  /** What came is no reply of MongoDB, or one that no check needs. */
  | { kind: "NotMongoDB" }
  /** The server closed the connection. `answered`: it had replied to something before. */
  | { kind: "Closed"; answered: boolean };

export type Relay = {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Why a connection of this relay ended, when the driver did not end it: the first one. */
  readonly broken: Break | undefined;
  /** Cuts every connection, at once. */
  close(): void;
};

/**
 * @param first a connection to the server, for the driver's first one
 * @param dialMore for each further one: the driver watches a server with one connection and works with another
 */
export async function openRelay(
  first: Socket,
  dialMore: () => Promise<{ socket: Socket } | { failure: DialFailure }>,
): Promise<Relay> {
  const sockets = new Set<Socket>([first]);
  let unused: Socket | undefined = first;
  let broken: Break | undefined;
  let closed = false;

  const breakOff = (why: Break, ...pair: Socket[]) => {
    if (!closed) broken ??= why;
    for (const socket of pair) socket.destroy();
  };

  function join(down: Socket, up: Socket): void {
    const guard = createGuard();
    let ended = false;
    up.on("data", (chunk: Buffer) => {
      const passed = guard.take(chunk);
      if (passed === undefined) breakOff({ kind: "NotMongoDB" }, down, up);
      else if (passed.length > 0) down.write(passed);
    });
    up.on("error", (error) => {
      // In TLS 1.3 a server says only after the handshake that it wants a client's certificate.
      const failure = tlsFailure(error);
      ended = true;
      breakOff(failure.kind === "TlsFailed" ? failure : { kind: "Closed", answered: guard.answered }, down, up);
    });
    up.on("close", () => {
      if (!ended && !down.destroyed) breakOff({ kind: "Closed", answered: guard.answered });
      // What it said before it closed still has to reach the driver.
      down.end();
    });
    down.on("close", () => up.destroy());
    down.pipe(up);
    if (up.destroyed) breakOff({ kind: "Closed", answered: false }, down);
  }

  const server = createServer((down) => {
    sockets.add(down);
    down.on("error", () => down.destroy());
    if (unused !== undefined) {
      join(down, unused);
      unused = undefined;
      return;
    }
    void dialMore().then((dialled) => {
      if ("failure" in dialled) return breakOff(dialled.failure, down);
      sockets.add(dialled.socket);
      if (closed || down.destroyed) dialled.socket.destroy();
      join(down, dialled.socket);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    get broken() {
      return broken;
    },
    close() {
      closed = true;
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
