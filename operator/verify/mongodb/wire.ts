/**
 * MongoDB's wire protocol, as far as a client of a few commands needs it: commands go out, and a reply comes back as the
 * few fields that a check reads.
 *
 * Format: a header of four int32 (length, id, id replied to, operation code), then the body.
 * https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
 */
import { Binary, ObjectId, deserialize, serialize } from "bson";
import type { Document } from "bson";
import { z } from "zod";

/** Replies to hello, to a login and to a listing of nothing have a few hundred bytes. */
const MAX_REPLY_BYTES = 256 * 1024;
const HEADER_BYTES = 16;

/** OP_REPLY answers OP_QUERY, and OP_MSG answers OP_MSG. OP_COMPRESSED was not negotiated, and may be a bomb. */
const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;

/** What precedes the document. OP_MSG: flags, and the kind of the first section (0). OP_REPLY: flags, cursor, position, count. */
const REPLY_PREFIX_BYTES = new Map([
  [OP_MSG, 5],
  [OP_REPLY, 20],
]);

/** A field of another type counts as absent: no server gets far with one. */
const ifIs = <T extends z.ZodType>(type: T) => type.optional().catch(undefined);

const replySchema = z.object({
  ok: z.number(),
  code: ifIs(z.number()),
  // Of hello
  ismaster: ifIs(z.boolean()),
  isWritablePrimary: ifIs(z.boolean()),
  secondary: ifIs(z.boolean()),
  arbiterOnly: ifIs(z.boolean()),
  isreplicaset: ifIs(z.boolean()),
  setName: ifIs(z.string()),
  minWireVersion: ifIs(z.number()),
  maxWireVersion: ifIs(z.number()),
  serviceId: ifIs(z.instanceof(ObjectId)),
  saslSupportedMechs: ifIs(z.array(z.string())),
  // Of a login
  conversationId: ifIs(z.number()),
  done: ifIs(z.boolean()),
  payload: ifIs(z.instanceof(Binary).transform((payload) => Buffer.from(payload.value()).toString())),
});

/** The fields of a reply that a check reads. Everything else that a server says is dropped here. */
export type Reply = z.output<typeof replySchema>;

/** A command for `database`. */
export function encodeCommand(id: number, database: string, command: Document): Buffer {
  // No flags, and one section of kind 0.
  return message(id, OP_MSG, Buffer.alloc(5), serialize({ ...command, $db: database }));
}

/** The same in the form that every server understands, with which drivers say hello. */
export function encodeLegacyCommand(id: number, database: string, command: Document): Buffer {
  const collection = Buffer.from(`${database}.$cmd\0`);
  const skipAndCount = Buffer.alloc(8);
  skipAndCount.writeInt32LE(-1, 4);
  return message(id, OP_QUERY, Buffer.alloc(4), collection, skipAndCount, serialize(command));
}

function message(id: number, operation: number, ...parts: Uint8Array[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const bytes = Buffer.concat([header, ...parts]);
  bytes.writeInt32LE(bytes.length, 0);
  bytes.writeInt32LE(id, 4);
  bytes.writeInt32LE(operation, 12);
  return bytes;
}

/** The length of the message that begins with these four bytes or more; undefined when no reply has such a length. */
export function messageLength(bytes: Buffer): number | undefined {
  const length = bytes.readInt32LE(0);
  return length < HEADER_BYTES || length > MAX_REPLY_BYTES ? undefined : length;
}

/** @returns undefined when the message is not a reply to the command with this id */
export function decodeReply(bytes: Buffer, id: number): Reply | undefined {
  const prefix = REPLY_PREFIX_BYTES.get(bytes.readInt32LE(12));
  const isReply = bytes.readInt32LE(8) === id;
  if (!isReply || prefix === undefined || bytes.length < HEADER_BYTES + prefix + 4) return undefined;
  const start = HEADER_BYTES + prefix;
  try {
    const document = deserialize(bytes.subarray(start, start + bytes.readInt32LE(start)), { bsonRegExp: true });
    return replySchema.safeParse(document).data;
  } catch {
    return undefined;
  }
}
