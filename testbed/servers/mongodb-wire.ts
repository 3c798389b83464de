/**
 * MongoDB's wire protocol, as far as a server for tests needs it: commands in OP_MSG, and in OP_QUERY, with which drivers
 * still say hello. A command is one BSON document whose first key is its name.
 */
import { BSON } from "bson";
import type { Document } from "bson";

const OP_REPLY = 1;
const OP_QUERY = 2004;
export const OP_COMPRESSED = 2012;
export const OP_MSG = 2013;
const HEADER_BYTES = 16;

export type Command = {
  id: number;
  operation: number;
  /** First key of `document`. */
  name: string;
  document: Document;
  /** The whole message, as it came. */
  bytes: Buffer;
};

/** Cuts a stream of bytes into commands. Throws for what is no command: a test's own fault. */
export function createCommandReader(): (chunk: Buffer) => Command[] {
  let waiting: Buffer = Buffer.alloc(0);
  return (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    const commands: Command[] = [];
    while (waiting.length >= HEADER_BYTES && waiting.length >= waiting.readInt32LE(0)) {
      const length = waiting.readInt32LE(0);
      commands.push(readCommand(waiting.subarray(0, length)));
      waiting = waiting.subarray(length);
    }
    return commands;
  };
}

function readCommand(bytes: Buffer): Command {
  const operation = bytes.readInt32LE(12);
  const at = documentOffset(bytes, operation);
  const document = BSON.deserialize(bytes.subarray(at, at + bytes.readInt32LE(at)));
  return { id: bytes.readInt32LE(4), operation, name: Object.keys(document)[0] ?? "", document, bytes };
}

function documentOffset(bytes: Buffer, operation: number): number {
  // Flags, then a section of kind 0 with the command; sections of other kinds may follow.
  if (operation === OP_MSG) return HEADER_BYTES + 4 + 1;
  // Flags, the collection's name with a NUL, two numbers.
  if (operation === OP_QUERY) return bytes.indexOf(0, HEADER_BYTES + 4) + 1 + 8;
  throw new Error(`operation ${operation} is no command`);
}

/** The answer to a command, in the form that it asks for. */
export function reply(to: Pick<Command, "id" | "operation">, document: Document): Buffer {
  return replyBytes(to, BSON.serialize(document));
}

/** The same with a document that was encoded by the caller. */
export function replyBytes(to: Pick<Command, "id" | "operation">, document: Uint8Array): Buffer {
  if (to.operation === OP_MSG) return wireMessage(OP_MSG, to.id, Buffer.alloc(4 + 1), document);
  // Flags, cursor (8 bytes), starting from, number of documents.
  const head = Buffer.alloc(20);
  head.writeInt32LE(1, 16);
  return wireMessage(OP_REPLY, to.id, head, document);
}

export function wireMessage(operation: number, to: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeInt32LE(HEADER_BYTES + body.length, 0);
  header.writeInt32LE(to, 8);
  header.writeInt32LE(operation, 12);
  return Buffer.concat([header, body]);
}
