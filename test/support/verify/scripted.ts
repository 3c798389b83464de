/** Servers that are no MongoDB servers, or ones that no FerretDB can be made to be. */
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

export type Scripted = {
  readonly port: number;
  /** How many connections were accepted. */
  readonly accepted: number;
  close(): Promise<void>;
};

/** Calls `script` with every connection. */
export async function startScripted(
  script: (socket: Socket) => void,
  { address = "127.0.0.1", port = 0 } = {},
): Promise<Scripted> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    script(socket);
    // One that is not read does not notice that the other side has gone.
    socket.resume();
  });
  server.listen(port, address);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
