/** Commands and replies over one socket, one at a time. Why a reply does not come is a value. */
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Document } from "bson";
import { tlsFailure } from "../network/dial.ts";
import type { DialFailure } from "../network/dial.ts";
import { decodeReply, encodeCommand, encodeLegacyCommand, messageLength } from "./wire.ts";
import type { Reply } from "./wire.ts";

export type Break =
  | Extract<DialFailure, { kind: "TlsFailed" }>
  /** What came is not the reply of a MongoDB server, or is far larger than any reply that a check needs. */
  | { kind: "NotMongoDB" }
  /** The server closed the connection. `answered`: it had replied to something before. */
  | { kind: "Closed"; answered: boolean };

/** The server's reply, which may be a refusal, or why there is none. */
export type Exchange = { reply: Reply } | { broken: Break };

export type Connection = {
  command(database: string, command: Document): Promise<Exchange>;
  /** In the form of the wire protocol that servers of every age and kind understand. */
  legacyCommand(database: string, command: Document): Promise<Exchange>;
};

/** The socket must be open and unread. Destroying it ends a command that is under way. */
export function createConnection(socket: Socket): Connection {
  let lastId = 0;
  let pending: ((exchange: Exchange) => void) | undefined;
  let answered = false;
  let broken: Break | undefined;
  let chunks: Buffer[] = [];
  let size = 0;
  let needed = 4;

  function settle(exchange: Exchange): void {
    pending?.(exchange);
    pending = undefined;
  }

  function breakOff(why: Break): void {
    broken ??= why;
    socket.destroy();
    settle({ broken });
  }

  socket.on("data", (chunk: Buffer) => {
    if (broken !== undefined) return;
    chunks.push(chunk);
    size += chunk.length;
    if (size < needed) return;
    const bytes = Buffer.concat(chunks);
    const length = messageLength(bytes);
    if (length === undefined) return breakOff({ kind: "NotMongoDB" });
    chunks = [bytes];
    needed = length;
    if (size < length) return;
    // A server speaks when it is spoken to, and says one thing.
    const reply = pending !== undefined && size === length ? decodeReply(bytes, lastId) : undefined;
    if (reply === undefined) return breakOff({ kind: "NotMongoDB" });
    [chunks, size, needed, answered] = [[], 0, 4, true];
    settle({ reply });
  });
  socket.on("error", (error) => {
    // In TLS 1.3 a server reports only after the handshake that it requires a client certificate.
    const failure = tlsFailure(error, socket, (socket instanceof TLSSocket && socket.servername) || undefined);
    breakOff(failure.kind === "TlsFailed" ? failure : { kind: "Closed", answered });
  });
  socket.on("close", () => breakOff({ kind: "Closed", answered }));
  if (socket.destroyed) broken = { kind: "Closed", answered };

  function send(encode: typeof encodeCommand, database: string, command: Document): Promise<Exchange> {
    if (broken !== undefined) return Promise.resolve({ broken });
    lastId += 1;
    const { promise, resolve } = Promise.withResolvers<Exchange>();
    pending = resolve;
    socket.write(encode(lastId, database, command));
    return promise;
  }

  return {
    command: (database, command) => send(encodeCommand, database, command),
    legacyCommand: (database, command) => send(encodeLegacyCommand, database, command),
  };
}
