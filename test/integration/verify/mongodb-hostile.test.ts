/** The MongoDB check against servers that are broken, slow, old, or out to harm the operator. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { pbkdf2 } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { deflateSync } from "node:zlib";
import { Binary, ObjectId } from "bson";
import type { Document } from "bson";
import { startFront } from "#testbed/servers/mongodb-front";
import type { Front, FrontOptions } from "#testbed/servers/mongodb-front";
import {
  OP_COMPRESSED,
  OP_MSG,
  createCommandReader,
  wireMessage,
  reply,
  replyBytes,
} from "#testbed/servers/mongodb-wire";
import type { Command } from "#testbed/servers/mongodb-wire";
import { DOMAIN, LOGIN, PASSWORD, USER, WRONG_LOGIN, inShort, verdictOn } from "#support/verify/check";
import type { CheckOptions, Expected } from "#support/verify/check";
import { eventually } from "#support/operator/eventually";
import { refusingPort } from "#support/verify/refusing";
import { startScripted } from "#support/verify/scripted";

const rejections: unknown[] = [];
process.on("unhandledRejection", (reason) => rejections.push(reason));

const users = { [USER]: { password: PASSWORD } };
/** Every address that this process connects to, as the kernel is asked for it. */
const dialled: string[] = [];
const onSocket = (event: unknown) => {
  const { socket } = event as { socket: Socket };
  socket.on("connectionAttempt", (address, port) => dialled.push(`${address}:${port}`));
};

async function withFront<T>(options: FrontOptions, work: (front: Front) => Promise<T>): Promise<T> {
  const front = await startFront({ users, ...options });
  try {
    return await work(front);
  } finally {
    await front.close();
  }
}

const uri = (port: number, options = "") => `mongodb://${LOGIN}127.0.0.1:${port}/${options}`;

// Servers that say hello and let people in, and still are not what was asked for.

type FrontCase = [name: string, front: FrontOptions, options: string, expected: Expected, message?: RegExp];

const MEMBER = { setName: "canary-rs", hosts: ["127.0.0.1:1"], ismaster: true, isWritablePrimary: true };
const SECONDARY = { ...MEMBER, ismaster: false, isWritablePrimary: false, secondary: true };
const RECOVERING = { ...MEMBER, ismaster: false, isWritablePrimary: false };
const failing = (code: number, name = "listCollections") => ({
  answer: (command: Command): Document =>
    command.name === name ? { ok: 0, code, errmsg: "canary-host said no" } : { ok: 1 },
});

const FRONTS: FrontCase[] = [
  ["a primary of the set that is named", { hello: MEMBER }, "?replicaSet=canary-rs", "Yes"],
  ["a secondary of the set that is named", { hello: SECONDARY }, "?replicaSet=canary-rs", "Yes"],
  ["a member of a set, and none is named", { hello: MEMBER }, "", "Yes"],
  ["a member of another set", { hello: MEMBER }, "?replicaSet=canary-other", "No RejectedServer", /replicaSet/],
  ["a member that recovers", { hello: RECOVERING }, "", "Silence Unreachable", /not ready/],
  ["an arbiter", { hello: { ...RECOVERING, arbiterOnly: true } }, "", "Silence Unreachable", /not ready/],
  [
    "a member without a set yet",
    { hello: { ...RECOVERING, setName: undefined, isreplicaset: true } },
    "",
    "Silence Unreachable",
  ],
  ["a load balancer that is told", { hello: { serviceId: new ObjectId() } }, "?loadBalanced=true", "Yes"],
  ["no load balancer where one is named", {}, "?loadBalanced=true", "No RejectedServer", /Remove that option/],
  ["a server that wants one more message in a login", { emptyExchange: true }, "", "Yes"],
  ["a server that is too old", { hello: { maxWireVersion: 5 } }, "", "No RejectedServer", /upgrade the server/],
  [
    "a server that drivers of today refuse",
    { hello: { maxWireVersion: 6 } },
    "",
    "Unverifiable CannotBeChecked",
    /4\.4/,
  ],
  [
    "a server that is too new for every driver",
    { hello: { minWireVersion: 999, maxWireVersion: 999 } },
    "",
    "No RejectedServer",
  ],
  ["not authorised (13)", failing(13), "", "No RejectedNotAuthorized"],
  ["what Atlas says of rights (8000)", failing(8000), "", "No RejectedNotAuthorized"],
  ["a command that is not known (59)", failing(59), "", "No RejectedServer", /MongoDB error 59/],
  ["a name that no database can have (73)", failing(73), "", "No RejectedServer", /database's name/],
  ["a member that steps down (10107)", failing(10_107, "ping"), "", "Silence Unreachable", /not ready/],
  ["a member that shuts down (91)", failing(91, "ping"), "", "Silence Unreachable", /not ready/],
];
for (const [name, front, options, expected, message = /./] of FRONTS) {
  test(name, async () => {
    const verdict = await withFront(front, ({ port }) => verdictOn(uri(port, options)));
    assert.is(inShort(verdict), expected, verdict.message);
    assert.match(verdict.message, message);
  });
}

test("a server of another set, or one that is too old, gets to see no login", async () => {
  for (const hello of [{ ...MEMBER, setName: "canary-other" }, { maxWireVersion: 5 }]) {
    await withFront({ hello }, async (front) => {
      await verdictOn(uri(front.port, "?replicaSet=canary-rs"));
      assert.is(front.logins, 0);
    });
  }
});

test("members that a server announces are never dialled, be they metadata addresses or other ports", async () => {
  const trap = await startScripted(() => undefined);
  const members = ["169.254.169.254:27017", `127.0.0.1:${trap.port}`, "[fd00:ec2::254]:80"];
  const hello = {
    ...MEMBER,
    hosts: members,
    passives: members,
    arbiters: members,
    primary: members[0],
    me: members[1],
  };
  subscribe("net.client.socket", onSocket);
  dialled.length = 0;
  try {
    await withFront({ hello }, async ({ port }) => {
      assert.is(inShort(await verdictOn(uri(port, "?replicaSet=canary-rs"))), "Yes");
      assert.ok(dialled.includes(`127.0.0.1:${port}`));
      assert.ok(dialled.every((address) => address.startsWith("127.0.0.1:") && address !== `127.0.0.1:${trap.port}`));
    });
    assert.is(trap.accepted, 0);
  } finally {
    unsubscribe("net.client.socket", onSocket);
    await trap.close();
  }
});

test("a name with two servers: the one that said hello gets the login, and no other when it hangs up", async () => {
  const inside = await startScripted(() => undefined, { address: "127.0.0.3" });
  let logins = 0;
  const outside = createServer((socket) => {
    outside.close();
    socket.on("error", () => socket.destroy());
    greeting(({ name }) => {
      if (name === "saslStart") logins += 1;
      socket.destroy();
      return undefined;
    })(socket);
  });
  outside.listen(inside.port, "127.0.0.2");
  await once(outside, "listening");
  try {
    const lookup = async () => ["127.0.0.2", "127.0.0.3"].map((address) => ({ address, family: 4 as const }));
    const verdict = await verdictOn(`mongodb://${LOGIN}db.${DOMAIN}:${inside.port}/`, { timeoutMs: 1_000, lookup });
    assert.is(inShort(verdict), "Silence Unreachable");
    assert.is(logins, 1);
    assert.is(inside.accepted, 0);
  } finally {
    await inside.close();
  }
});

test("a hello with a field of a wrong type harms nobody, whichever field it is", async () => {
  const fields = [
    "setName",
    "hosts",
    "me",
    "primary",
    "tags",
    "setVersion",
    "electionId",
    "topologyVersion",
    "lastWrite",
    "msg",
  ];
  fields.push(
    "logicalSessionTimeoutMinutes",
    "$clusterTime",
    "operationTime",
    "compression",
    "saslSupportedMechs",
    "serviceId",
  );
  fields.push(
    "maxBsonObjectSize",
    "maxWriteBatchSize",
    "minWireVersion",
    "speculativeAuthenticate",
    "connectionId",
    "ok",
  );
  const values = [null, -1, "canary", [], { payload: 1 }];
  for (const field of fields) {
    await Promise.all(
      values.map(async (value) => {
        // With a right serviceId, the check goes on to the login.
        const front = { hello: { serviceId: new ObjectId(), [field]: value }, scramIterations: 4_096 };
        await withFront(front, async ({ port }) => {
          for (const options of ["", "?loadBalanced=true"]) await verdictOn(uri(port, options), { timeoutMs: 300 });
        });
      }),
    );
    await sleep(1);
    assert.equal(rejections, [], field);
  }
});

// Servers that speak something else, or the protocol as an attacker would.

/** Answers each command with what `answer` gives; undefined is silence. */
function scripted(answer: (command: Command) => Buffer | undefined): (socket: Socket) => void {
  return (socket) => {
    const read = createCommandReader();
    socket.on("data", (chunk: Buffer) => {
      for (const command of read(chunk)) {
        const bytes = answer(command);
        if (bytes !== undefined) socket.write(bytes);
      }
    });
  };
}

const HELLO = { ismaster: true, isWritablePrimary: true, helloOk: true, minWireVersion: 0, maxWireVersion: 21, ok: 1 };
const isHello = ({ name }: Command) => /^(hello|isMaster|ismaster)$/.test(name);
/** Greets like a server, and leaves the rest to `answer`. */
const greeting = (answer: (command: Command) => Buffer | undefined) =>
  scripted((command) => (isHello(command) ? reply(command, HELLO) : answer(command)));

/** 64 MiB of nothing, in 64 KiB. */
const BOMB = deflateSync(Buffer.concat([Buffer.alloc(5), Buffer.alloc(64 * 1024 * 1024)]));

function bomb(command: Command): Buffer {
  const head = Buffer.alloc(9);
  head.writeInt32LE(OP_MSG, 0);
  head.writeInt32LE(64 * 1024 * 1024 + 5, 4);
  head[8] = 2; // zlib
  return wireMessage(OP_COMPRESSED, command.id, head, BOMB);
}

/** Documents in documents, 7 bytes a level. */
function deep(levels: number): Buffer {
  const size = (level: number) => 5 + level * 8;
  const heads = Array.from({ length: levels }, (_, index) => {
    const head = Buffer.from([0, 0, 0, 0, 3, 97, 0]);
    head.writeInt32LE(size(levels - index), 0);
    return head;
  });
  return Buffer.concat([...heads, Buffer.from([5, 0, 0, 0, 0]), Buffer.alloc(levels)]);
}

function announced(length: number): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(length, 0);
  header.writeInt32LE(OP_MSG, 12);
  return header;
}

const scramReply = (command: Command, text: string) =>
  reply(command, { ok: 1, conversationId: 1, done: false, payload: new Binary(Buffer.from(text)) });
const nonceOf = ({ document }: Command) =>
  /r=([^,]*)/.exec(Buffer.from((document["payload"] as Binary).value()).toString())?.[1] ?? "";
const impostor = greeting((command) => {
  if (command.name === "saslStart")
    return scramReply(command, `r=${nonceOf(command)}impostor,s=${Buffer.alloc(16).toString("base64")},i=4096`);
  return scramReply(command, `v=${Buffer.alloc(32, 7).toString("base64")}`);
});

/** The beginning of a reply that is not too large. */
function drip(socket: Socket): void {
  socket.write(announced(200_000));
  const timer = setInterval(() => socket.write(Buffer.alloc(1)), 1);
  socket.once("close", () => clearInterval(timer));
}

/** How late a busy machine may be with what is due. */
const LATE_MS = 5_000;

type ScriptCase = [
  name: string,
  script: (socket: Socket) => void,
  expected: Expected,
  message?: RegExp,
  options?: CheckOptions,
];

const SCRIPTS: ScriptCase[] = [
  ["accepts and says nothing", () => undefined, "Silence UnreachableTimeout", /in time/, { timeoutMs: 400 }],
  ["closes at once", (socket) => socket.destroy(), "Silence Unreachable", /without responding/],
  [
    "closes after hello",
    scripted((command) => (isHello(command) ? reply(command, HELLO) : undefined)),
    "Silence UnreachableTimeout",
    /./,
    { timeoutMs: 400 },
  ],
  [
    "hangs in the middle of a login",
    greeting(() => undefined),
    "Silence UnreachableTimeout",
    /in time/,
    { timeoutMs: 400 },
  ],
  [
    "closes in the middle of a login",
    (socket) => greeting(() => void socket.destroy())(socket),
    "Silence Unreachable",
    /in the middle/,
  ],
  ["resets the connection", (socket) => socket.resetAndDestroy(), "Silence Unreachable"],
  [
    "speaks HTTP",
    (socket) => socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\ncanary-host"),
    "No RejectedServer",
    /not as a MongoDB server/,
  ],
  ["speaks SSH", (socket) => socket.write("SSH-2.0-OpenSSH_9.2p1\r\n"), "No RejectedServer", /not as a MongoDB server/],
  [
    "speaks MySQL",
    (socket) => socket.write(Buffer.from("4a0000000a382e302e3333000b000000", "hex")),
    "Silence UnreachableTimeout",
    /./,
    { timeoutMs: 400 },
  ],
  ["announces a message of two gigabytes", (socket) => socket.write(announced(2_147_483_647)), "No RejectedServer"],
  ["announces a message of negative length", (socket) => socket.write(announced(-1)), "No RejectedServer"],
  ["announces an empty message", (socket) => socket.write(announced(0)), "No RejectedServer"],
  ["sends an unknown operation", (socket) => socket.write(wireMessage(2010, 0, Buffer.alloc(5))), "No RejectedServer"],
  ["sends a compressed bomb", scripted(bomb), "No RejectedServer"],
  [
    "sends a reply of a megabyte",
    scripted((command) => reply(command, { ...HELLO, filler: "x".repeat(1_000_000) })),
    "No RejectedServer",
  ],
  [
    "sends BSON that is none",
    scripted((command) => replyBytes(command, Buffer.from([9, 0, 0, 0, 99, 1, 2, 3, 0]))),
    "No RejectedServer",
  ],
  [
    "sends documents thirty thousand deep",
    scripted((command) => replyBytes(command, deep(30_000))),
    "No RejectedServer",
  ],
  [
    "asks for two thousand million SCRAM iterations",
    greeting((command) => scramReply(command, `r=${nonceOf(command)}x,s=AAAAAAAAAAAAAAAAAAAAAA==,i=2147483647`)),
    "No RejectedServer",
    /unsafe SCRAM iteration count/,
  ],
  [
    "asks for them in an odd order",
    greeting((command) => scramReply(command, `i= +2147483647,r=${nonceOf(command)}x,s=AAAAAAAAAAAAAAAAAAAAAA==`)),
    "No RejectedServer",
  ],
  [
    "asks for so few iterations that the password could be guessed",
    greeting((command) => scramReply(command, `r=${nonceOf(command)}x,s=AAAAAAAAAAAAAAAAAAAAAA==,i=1`)),
    "No RejectedServer",
    /unsafe SCRAM iteration count/,
  ],
  ["accepts any password, and cannot prove that it knows it", impostor, "No RejectedServer", /could not prove/],
  [
    "answers a login with a nonce of its own",
    greeting((command) => scramReply(command, "r=impostor,s=AAAAAAAAAAAAAAAAAAAAAA==,i=4096")),
    "No RejectedServer",
    /not as a MongoDB server/,
  ],
  [
    "says that a login is done before it began",
    greeting((command) =>
      reply(command, { ok: 1, conversationId: 1, done: true, payload: new Binary(Buffer.alloc(0)) }),
    ),
    "No RejectedServer",
  ],
  [
    "replies to another command than the one that it got",
    scripted((command) => reply({ ...command, id: command.id + 1 }, HELLO)),
    "No RejectedServer",
    /not as a MongoDB server/,
  ],
  [
    "sends its replies one byte at a time",
    (socket) => drip(socket),
    "Silence UnreachableTimeout",
    /in time/,
    { timeoutMs: 400 },
  ],
];
for (const [name, script, expected, message = /./, options = {}] of SCRIPTS) {
  test(`a server that ${name}`, async () => {
    const server = await startScripted(script);
    const began = performance.now();
    const before = process.cpuUsage();
    try {
      const verdict = await verdictOn(uri(server.port), options);
      assert.is(inShort(verdict), expected, verdict.message);
      assert.match(verdict.message, message);
      // Time on the processor is this check's own; the other clock runs on while a busy machine does something else.
      const { user, system } = process.cpuUsage(before);
      assert.ok(user + system < 2_500_000, `${user + system} µs`);
      assert.ok(performance.now() - began < (options.timeoutMs ?? 10_000) + LATE_MS);
    } finally {
      await server.close();
    }
  });
}

test("a server that never stops talking is cut off", async () => {
  const server = await startScripted((socket) => {
    const chunk = Buffer.concat(Array.from({ length: 1_000 }, () => reply({ id: 1, operation: OP_MSG }, HELLO)));
    const talk = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on("drain", talk);
    talk();
  });
  const before = process.memoryUsage().rss;
  const verdict = await verdictOn(uri(server.port));
  await server.close();
  assert.is(inShort(verdict), "No RejectedServer");
  assert.ok(process.memoryUsage().rss - before < 100e6);
});

test("absurd iteration counts hold no thread of Node's pool", async () => {
  const server = await startScripted(
    greeting((command) => scramReply(command, `r=${nonceOf(command)}x,s=AAAAAAAAAAAAAAAAAAAAAA==,i=2147483647`)),
  );
  await Promise.all(Array.from({ length: 8 }, () => verdictOn(uri(server.port))));
  const began = performance.now();
  await new Promise((resolve) => pbkdf2("x", "y", 1, 16, "sha256", resolve));
  await server.close();
  // A thread that counts to two thousand million is back in ten minutes.
  assert.ok(performance.now() - began < LATE_MS);
});

test("the first member refuses the login: the second is not asked", async () => {
  await withFront({}, async (first) => {
    await withFront({}, async (second) => {
      const verdict = await verdictOn(`mongodb://${WRONG_LOGIN}127.0.0.1:${first.port},127.0.0.1:${second.port}/`);
      assert.is(inShort(verdict), "No RejectedAuthentication");
      assert.equal([first.logins, second.accepted], [1, 0]);
    });
  });
});

test("the first member hangs: the second still has time to say yes", async () => {
  const hanging = await startScripted(() => undefined);
  await withFront({}, async ({ port }) => {
    const list = `mongodb://${LOGIN}127.0.0.1:${hanging.port},127.0.0.1:${port}/`;
    assert.is(inShort(await verdictOn(list, { timeoutMs: 6_000 })), "Yes");
  });
  await hanging.close();
});

test("twenty hanging hosts cost no more than the whole check may take", async () => {
  const hanging = await startScripted(() => undefined);
  const hosts = Array.from({ length: 20 }, (_, index) => `m${index}.${DOMAIN}:${hanging.port}`);
  const began = performance.now();
  const verdict = await verdictOn(`mongodb://${LOGIN}${hosts.join(",")}/`, { timeoutMs: 2_000 });
  assert.is(inShort(verdict), "Silence UnreachableTimeout");
  // Were it two seconds for each of them, it would be 24 at least.
  assert.ok(performance.now() - began < 2_000 + LATE_MS);
  await hanging.close();
});

test("aborted, a check ends at once, whatever it waits for", async () => {
  const hanging = await startScripted(() => undefined);
  const midLogin = await startScripted(greeting(() => undefined));
  for (const text of [uri(hanging.port), uri(hanging.port, "?tls=true"), uri(midLogin.port)]) {
    const stop = new AbortController();
    const verdict = verdictOn(text, { signal: stop.signal, timeoutMs: 60_000, connectTimeoutMs: 60_000 });
    await sleep(150);
    const began = performance.now();
    stop.abort();
    assert.is((await verdict).answer, "Silence");
    assert.ok(performance.now() - began < LATE_MS, `${text}: before its own time is up`);
  }
  await hanging.close();
  await midLogin.close();
});

test("aborted before it began, a check connects nowhere", async () => {
  const server = await startScripted(() => undefined);
  assert.is((await verdictOn(uri(server.port), { signal: AbortSignal.abort() })).answer, "Silence");
  assert.is(server.accepted, 0);
  await server.close();
});

test("a check leaves no connection, timer or listener behind, whatever came of it", async () => {
  const hanging = await startScripted(() => undefined);
  const refusing = await refusingPort();
  await withFront({}, async (front) => {
    const stop = new AbortController();
    const work = () =>
      Promise.all([
        verdictOn(uri(front.port), { signal: stop.signal }),
        verdictOn(uri(front.port).replace(LOGIN, WRONG_LOGIN), { signal: stop.signal }),
        verdictOn(uri(hanging.port), { timeoutMs: 200, signal: stop.signal }),
        verdictOn(uri(refusing), { signal: stop.signal }),
      ]);
    await work();
    await sleep(300);
    const before = process.getActiveResourcesInfo().length;
    for (let round = 0; round < 10; round += 1) await work();
    await eventually(() => {
      assert.is(front.open, 0);
      assert.ok(process.getActiveResourcesInfo().length <= before, process.getActiveResourcesInfo().join());
    });
  });
  await hanging.close();
});

test("a check makes one connection, with one login", async () => {
  await withFront({}, async (front) => {
    await verdictOn(uri(front.port));
    assert.equal([front.accepted, front.logins], [1, 1]);
    assert.ok(front.commands.includes("ping"));
  });
});

test("nothing was rejected behind anyone's back", async () => {
  await sleep(100);
  assert.equal(rejections, []);
});

test.run();
