/**
 * Looks at what a database server sends before the driver does, a whole message at a time.
 *
 * The driver trusts its server: a hello with a `serviceId` of the wrong type is an unhandled rejection in it, and that
 * ends a process (mongodb 7.9). So it gets no message of the server's own, but one that is written anew from the few
 * fields that a check needs, where they have the type that they should have. Whom a server calls the members of its set,
 * the driver does not even read.
 *
 * Format: MongoDB's wire protocol: a header of four int32 (length, id, id replied to, operation code), then the body.
 */
import { BSON, Binary, ObjectId } from "mongodb";
import type { Document } from "mongodb";

/** Replies to hello, to a login and to a listing of nothing have a few hundred bytes. */
const MAX_MESSAGE_BYTES = 256 * 1024;
const MAX_TOTAL_BYTES = 2 * 1024 * 1024;
const HEADER_BYTES = 16;

/** OP_REPLY answers the first hello, OP_MSG all else. OP_COMPRESSED was not agreed on, and may be a bomb. */
const OP_REPLY = 1;
const OP_MSG = 2013;
/** OP_MSG: flags, and the kind of the first section, which is 0. OP_REPLY: flags, cursor, position, count. */
const PREFIX_BYTES = new Map([
  [OP_MSG, 5],
  [OP_REPLY, 20],
]);

/**
 * The iteration count of a SCRAM server-first-message (RFC 5802 §5.1), from a million on. MongoDB's defaults are 10,000
 * and 15,000. Read as loosely as the driver does (parseInt), wherever in the message it stands.
 */
const ENDLESS_SCRAM = /i=\s*\+?0*[1-9]\d{6}/;

type Judge = (value: unknown) => boolean;
const isNumber: Judge = (value) => typeof value === "number";
const isBoolean: Judge = (value) => typeof value === "boolean";
const isString: Judge = (value) => typeof value === "string";
const isStrings: Judge = (value) => Array.isArray(value) && value.every(isString);
const isPayload: Judge = (value) =>
  value instanceof Binary && !ENDLESS_SCRAM.test(Buffer.from(value.value()).toString());

const SASL_FIELDS: Readonly<Record<string, Judge>> = {
  conversationId: isNumber,
  done: isBoolean,
  payload: isPayload,
};

/** All that a check needs of a reply. */
const FIELDS: Readonly<Record<string, Judge>> = {
  ok: isNumber,
  code: isNumber,
  // Of hello
  ismaster: isBoolean,
  isWritablePrimary: isBoolean,
  secondary: isBoolean,
  arbiterOnly: isBoolean,
  isreplicaset: isBoolean,
  setName: isString,
  msg: isString,
  minWireVersion: isNumber,
  maxWireVersion: isNumber,
  serviceId: (value) => value instanceof ObjectId,
  saslSupportedMechs: isStrings,
  ...SASL_FIELDS,
};

export type Guard = {
  /** Gives what the driver may see of a chunk, empty while no message is whole; undefined when all must end here. */
  take(chunk: Buffer): Buffer | undefined;
  /** Whether a whole message was seen. */
  readonly answered: boolean;
};

export function createGuard(): Guard {
  let waiting: Buffer = Buffer.alloc(0);
  let total = 0;
  let answered = false;
  return {
    get answered() {
      return answered;
    },
    take(chunk) {
      total += chunk.length;
      if (total > MAX_TOTAL_BYTES) return undefined;
      waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
      const passed: Buffer[] = [];
      while (waiting.length >= 4) {
        const length = waiting.readInt32LE(0);
        if (length < HEADER_BYTES || length > MAX_MESSAGE_BYTES) return undefined;
        if (waiting.length < length) break;
        const message = rewrite(waiting.subarray(0, length));
        if (message === undefined) return undefined;
        passed.push(message);
        answered = true;
        waiting = waiting.subarray(length);
      }
      return Buffer.concat(passed);
    },
  };
}

function rewrite(message: Buffer): Buffer | undefined {
  const prefix = PREFIX_BYTES.get(message.readInt32LE(12));
  if (prefix === undefined || message.length < HEADER_BYTES + prefix + 4) return undefined;
  const start = HEADER_BYTES + prefix;
  let document: Document;
  try {
    const end = start + message.readInt32LE(start);
    document = BSON.deserialize(message.subarray(start, end), { bsonRegExp: true });
  } catch {
    return undefined;
  }
  const clean = pick(document, FIELDS);
  if (clean["ok"] === undefined) return undefined;
  const speculation: unknown = Object.hasOwn(document, "speculativeAuthenticate")
    ? document["speculativeAuthenticate"]
    : 0;
  if (typeof speculation === "object" && speculation !== null) {
    clean["speculativeAuthenticate"] = pick(speculation, SASL_FIELDS);
  }
  const body = BSON.serialize(clean);
  const written = Buffer.concat([message.subarray(0, start), body]);
  written.writeInt32LE(written.length, 0);
  // No flags: among them is one that says that more replies come to the same question.
  written.writeInt32LE(0, HEADER_BYTES);
  return written;
}

function pick(document: Document, fields: Readonly<Record<string, Judge>>): Document {
  const known = Object.entries(fields).filter(
    ([name, isRight]) => Object.hasOwn(document, name) && isRight(document[name]),
  );
  return Object.fromEntries(known.map(([name]) => [name, document[name] as unknown]));
}
