/** The wire protocol, as far as any bytes of a server may go. */
import { Binary, ObjectId, serialize } from "bson";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { OP_MSG, reply, wireMessage } from "#testbed/servers/mongodb-wire";
import { decodeReply, encodeCommand, encodeLegacyCommand, messageLength } from "#verify/mongodb/wire";

const HELLO = {
  ...{ ok: 1, ismaster: true, setName: "rs0", maxWireVersion: 21, serviceId: new ObjectId() },
  ...{ saslSupportedMechs: ["SCRAM-SHA-1"], payload: new Binary(Buffer.from("r=x")), conversationId: 1, done: false },
};
const message = reply({ id: 7, operation: OP_MSG }, HELLO);

test("a reply is read as the fields that a check needs, and no other", () => {
  const withMore = reply({ id: 7, operation: OP_MSG }, { ...HELLO, hosts: ["evil"], errmsg: "evil" });
  const read = decodeReply(withMore, 7);
  assert.equal(read, decodeReply(message, 7));
  assert.is(read?.payload, "r=x");
  assert.is(read?.setName, "rs0");
});

test("a field of a wrong type counts as absent", () => {
  const read = decodeReply(reply({ id: 7, operation: OP_MSG }, { ok: 1, setName: 5, payload: "x", done: 1 }), 7);
  assert.equal([read?.ok, read?.setName, read?.payload, read?.done], [1, undefined, undefined, undefined]);
});

test("a message that is no reply to the command is none", () => {
  assert.is(decodeReply(message, 8), undefined, "another id");
  assert.is(decodeReply(wireMessage(2012, 7, message.subarray(16)), 7), undefined, "another operation");
  assert.is(decodeReply(wireMessage(OP_MSG, 7), 7), undefined, "no document");
  assert.is(decodeReply(reply({ id: 7, operation: OP_MSG }, { ismaster: true }), 7), undefined, "no ok");
});

test("any bytes are read or refused, and never thrown at", () => {
  const mutation = fc.tuple(fc.nat(message.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(mutation, { maxLength: 20 }), fc.nat(message.length), (mutations, length) => {
      const bytes = Buffer.from(message);
      for (const [at, value] of mutations) bytes[at] = value;
      const cut = bytes.subarray(0, Math.max(16, length));
      messageLength(cut);
      decodeReply(cut, 7);
    }),
    { numRuns: 5_000 },
  );
});

test("lengths below a header and above 256 KiB belong to no reply", () => {
  const lengths = [-1, 0, 15, 16, 262_144, 262_145, 2_147_483_647].map((length) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(length);
    return messageLength(bytes);
  });
  assert.equal(lengths, [undefined, undefined, undefined, 16, 262_144, undefined, undefined]);
});

test("commands are encoded as the protocol has it", () => {
  const document = serialize({ ping: 1, $db: "orders" });
  const header = (length: number, operation: number) => {
    const words = Buffer.alloc(16);
    [length, 3, 0, operation].forEach((word, index) => words.writeInt32LE(word, index * 4));
    return words;
  };
  assert.equal(
    encodeCommand(3, "orders", { ping: 1 }),
    Buffer.concat([header(21 + document.length, 2013), Buffer.alloc(5), document]),
  );
  const legacy = serialize({ ismaster: 1 });
  assert.equal(
    encodeLegacyCommand(3, "admin", { ismaster: 1 }),
    Buffer.concat([
      ...[header(39 + legacy.length, 2004), Buffer.alloc(4), Buffer.from("admin.$cmd\0")],
      ...[Buffer.from([0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), legacy],
    ]),
  );
});

test.run();
