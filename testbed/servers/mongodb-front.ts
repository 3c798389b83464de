/**
 * A MongoDB server's front: TLS, hello, and logins with real password checks. What a client may do once it is in, goes on
 * to a database behind the front (FerretDB, which checks no passwords), or is answered by a function.
 */
import { once } from "node:events";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { Binary } from "bson";
import type { Document } from "bson";
import { createCommandReader, reply } from "./mongodb-wire.ts";
import type { Command } from "./mongodb-wire.ts";
import { SCRAM_MECHANISMS, converse, userName } from "./scram.ts";
import type { Conversation, ScramMechanism } from "./scram.ts";
import type { Certificate } from "./tls.ts";

export type User = {
  password: string;
  /** The databases that the user may work in. Default: all. */
  databases?: readonly string[];
  /** The database that knows the user. Default: admin. */
  source?: string;
  /** Default: both SCRAM mechanisms. PLAIN is for users of $external. */
  mechanisms?: readonly (ScramMechanism | "PLAIN")[];
};

export type FrontOptions = {
  /** Without them nobody has to log in. */
  users?: Readonly<Record<string, User>>;
  /** The certificate that is shown: with it, TLS only. */
  tls?: Certificate;
  /** 0 or none: any free one. */
  port?: number;
  /** Of this machine, for clients elsewhere. Default: loopback. */
  address?: string;
  /** Put into every reply to hello. */
  hello?: Document;
  /** Opens a connection to the database behind. */
  backend?: () => Socket;
  /** Without `backend`, answers what is allowed. Default: an empty database. */
  answer?: (command: Command) => Document;
  /** Instead of the number of iterations that SCRAM has in MongoDB. */
  scramIterations?: number;
  /** Ends a SCRAM login with one empty message more, as MongoDB did before 4.4 and servers that resemble it still do. */
  emptyExchange?: boolean;
};

export type Front = {
  readonly port: number;
  /** How many logins were tried: right, wrong or not finished. */
  readonly logins: number;
  /** How many connections were accepted, and how many are open now. */
  readonly accepted: number;
  readonly open: number;
  /** The names of all commands that came. */
  readonly commands: readonly string[];
  /** Cuts every connection. */
  close(): Promise<void>;
};

const BEFORE_LOGIN = ["hello", "isMaster", "ismaster", "ping", "buildInfo", "endSessions"];
const UNAUTHORIZED = { ok: 0, code: 13, codeName: "Unauthorized" };
const LOGIN_FAILED = { ok: 0, errmsg: "Authentication failed.", code: 18, codeName: "AuthenticationFailed" };
const MECHANISM_UNAVAILABLE = {
  ...{ ok: 0, errmsg: "mechanism not enabled" },
  ...{ code: 334, codeName: "MechanismUnavailable" },
};

export const LOOPBACK = "127.0.0.1";

/** Listens as soon as it is there. */
export async function startFront(options: FrontOptions): Promise<Front> {
  const sockets = new Set<Socket>();
  const commands: string[] = [];
  const counts = { logins: 0, accepted: 0 };

  const accept = (socket: Socket) => {
    counts.accepted += 1;
    serve(
      socket,
      options,
      (name) => commands.push(name),
      () => (counts.logins += 1),
    );
  };
  const server: Server =
    options.tls === undefined
      ? createTcpServer(accept)
      : createTlsServer({ cert: options.tls.certPem, key: options.tls.keyPem }, accept);
  // Of TLS too: connections whose handshake never ends must be cut like the others.
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(options.port ?? 0, options.address ?? LOOPBACK);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get logins() {
      return counts.logins;
    },
    get accepted() {
      return counts.accepted;
    },
    get open() {
      return sockets.size;
    },
    commands,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function serve(socket: Socket, options: FrontOptions, onCommand: (name: string) => void, onLogin: () => void): void {
  const { users } = options;
  let user: User | undefined;
  let login: { conversation: Conversation; user: User | undefined } | undefined;
  /** Whose login lacks nothing but the empty message. */
  let closing: User | undefined;
  let behind: Socket | undefined;
  const read = createCommandReader();

  socket.on("error", () => socket.destroy());
  socket.once("close", () => behind?.destroy());
  socket.on("data", (chunk: Buffer) => {
    for (const command of read(chunk)) {
      onCommand(command.name);
      const document = answerOf(command);
      if (document !== undefined) socket.write(reply(command, document));
      else forward(command);
    }
  });

  /** What the front answers itself; undefined for what the database behind has to answer. */
  function answerOf(command: Command): Document | undefined {
    const { name, document } = command;
    if (["hello", "isMaster", "ismaster"].includes(name)) return hello(document);
    if (name === "saslStart") return begin(document, document["$db"]);
    if (name === "saslContinue") return finish(document);
    const database = String(document["$db"] ?? "admin");
    const errmsg = `not authorized on ${database} to execute command { ${name} }`;
    if (users !== undefined && !BEFORE_LOGIN.includes(name)) {
      if (user === undefined) return { ...UNAUTHORIZED, errmsg: `command ${name} requires authentication` };
      if (user.databases?.includes(database) === false) return { ...UNAUTHORIZED, errmsg };
    }
    if (options.backend !== undefined) return undefined;
    return options.answer?.(command) ?? { ok: 1, ...(name === "listCollections" && emptyCursor(database)) };
  }

  function forward(command: Command): void {
    if (behind === undefined) {
      behind = options.backend?.();
      behind?.on("error", () => socket.destroy());
      behind?.once("close", () => socket.destroy());
      behind?.on("data", (chunk: Buffer) => socket.write(chunk));
    }
    behind?.write(command.bytes);
  }

  function hello(document: Document): Document {
    const asked: unknown = document["saslSupportedMechs"];
    const [source, name] = typeof asked === "string" ? split(asked) : [];
    const known = users?.[name ?? ""];
    const isKnown = known !== undefined && (known.source ?? "admin") === source;
    const first = document["speculativeAuthenticate"] as Document | undefined;
    const begun = first === undefined ? undefined : begin(first, first["db"]);
    return {
      ...{ ismaster: true, isWritablePrimary: true, helloOk: true, maxBsonObjectSize: 16_777_216 },
      ...{ maxMessageSizeBytes: 48_000_000, maxWriteBatchSize: 100_000, localTime: new Date() },
      ...{ connectionId: 1, minWireVersion: 0, maxWireVersion: 21, readOnly: false },
      ...(isKnown && { saslSupportedMechs: known.mechanisms ?? SCRAM_MECHANISMS }),
      // As MongoDB does it: a speculation that fails is not answered, and the client starts again.
      ...(begun?.["ok"] === 1 && { speculativeAuthenticate: begun }),
      ok: 1,
      ...options.hello,
    };
  }

  function begin(document: Document, source: unknown): Document {
    const first = textOf(document["payload"]);
    if (document["mechanism"] === "PLAIN") return plain(first, source);
    const mechanism = SCRAM_MECHANISMS.find((one) => one === document["mechanism"]);
    const known = Object.hasOwn(users ?? {}, userName(first)) ? users?.[userName(first)] : undefined;
    const owner = known !== undefined && (known.source ?? "admin") === source ? known : undefined;
    if (mechanism === undefined || owner?.mechanisms?.includes(mechanism) === false) {
      return MECHANISM_UNAVAILABLE;
    }
    onLogin();
    login = { conversation: converse(mechanism, first, owner?.password, options.scramIterations), user: owner };
    return { ok: 1, conversationId: 1, done: false, payload: binary(login.conversation.serverFirst) };
  }

  function plain(payload: string, source: unknown): Document {
    const [, name = "", password] = payload.split("\0");
    const known = Object.hasOwn(users ?? {}, name) ? users?.[name] : undefined;
    if (known?.mechanisms?.includes("PLAIN") !== true) return MECHANISM_UNAVAILABLE;
    onLogin();
    if (known.password !== password || source !== "$external") return LOGIN_FAILED;
    user = known;
    return { ok: 1, conversationId: 1, done: true, payload: binary("") };
  }

  function finish(document: Document): Document {
    if (closing !== undefined) {
      [user, closing] = [closing, undefined];
      return { ok: 1, conversationId: 1, done: true, payload: binary("") };
    }
    const final = login?.conversation.finish(textOf(document["payload"]));
    const granted = login?.user;
    login = undefined;
    if (final === undefined || granted === undefined) return LOGIN_FAILED;
    const done = options.emptyExchange !== true;
    if (done) user = granted;
    else closing = granted;
    return { ok: 1, conversationId: 1, done, payload: binary(final) };
  }
}

/** "admin.orders": a database's name has no dot. */
function split(text: string): [string, string] {
  const dot = text.indexOf(".");
  return [text.slice(0, dot), text.slice(dot + 1)];
}

function textOf(payload: unknown): string {
  return payload instanceof Binary ? Buffer.from(payload.value()).toString() : "";
}

function binary(text: string): Binary {
  return new Binary(Buffer.from(text));
}

function emptyCursor(database: string): Document {
  return { cursor: { id: 0, ns: `${database}.$cmd.listCollections`, firstBatch: [] } };
}
