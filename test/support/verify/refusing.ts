import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";

/**
 * A port of 127.0.0.1 that refuses connections until this process ends: the near end of a connection of ours, at which nobody
 * listens and nobody else can. Of a port that is merely free, some other program may think the same.
 */
export async function refusingPort(): Promise<number> {
  const server = createServer((socket) => socket.unref()).unref();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1").unref();
  await once(socket, "connect");
  return socket.localPort!;
}
