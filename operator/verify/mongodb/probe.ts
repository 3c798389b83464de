/** What one database server says of a connection string. The outcome is a value. */
import type { Socket } from "node:net";
import { createConnection } from "./connection.ts";
import type { Break } from "./connection.ts";
import { logIn } from "./login.ts";
import type { LoginFailure } from "./login.ts";
import { authSourceOf } from "./uri.ts";
import type { MongoUri } from "./uri.ts";
import type { Reply } from "./wire.ts";

export type ProbeOutcome =
  /** `isOld`: drivers of today refuse a server of this version, and older ones do not. */
  | { kind: "Welcome"; isOld: boolean }
  /** It said hello and fits. The login, if there is one, is not for the check. */
  | { kind: "Greeted"; isOld: boolean }
  | Break
  | LoginFailure
  /** There is no user in the connection string, and the server wants one. */
  | { kind: "LoginMissing" }
  | { kind: "NotAuthorized" }
  /** No driver that is in use talks to a server of this version. */
  | { kind: "UnsupportedVersion" }
  /** The connection string says loadBalanced=true, and the server is not behind such a load balancer. */
  | { kind: "NotLoadBalanced" }
  /** A member of another replica set than the one that is named, or of none. */
  | { kind: "OtherReplicaSet" }
  /** A member that is starting, recovering or shutting down, an arbiter, or an error that passes. */
  | { kind: "NotReady" }
  /** The server refuses a command that every MongoDB server knows. `code`: MongoDB's number of the error. */
  | { kind: "CommandRefused"; code: number };

/**
 * The wire versions that the current drivers accept: MongoDB 4.4 to 9.0, as the Node.js driver 7.9 has it. Written here and
 * not taken from a package, because an upgrade must not turn a database that works into one that is refused.
 */
const MIN_WIRE_VERSION = 9;
/** MongoDB 3.6, as the Node.js drivers 5 and 6 have it: Amazon DocumentDB and Azure Cosmos DB still have such versions. */
const MIN_WIRE_VERSION_OF_OLDER_DRIVERS = 6;
const MAX_WIRE_VERSION = 29;

/** For the server's log. */
const NAME = "appsecret-operator";

/** MongoDB's error codes, from mongo/base/error_codes.yml. */
const UNAUTHORIZED = 13;
/** What Atlas says instead of nearly every other. */
const ATLAS_ERROR = 8000;
/** CommandNotFound, CommandNotSupported, InvalidNamespace. */
const COMMAND_REFUSED = [59, 115, 73];

export type Probe = {
  /** Open and unread. The caller destroys it, which ends a probe that is under way. */
  socket: Socket;
  uri: MongoUri;
  database: string;
};

/**
 * Says hello, logs in, pings the database and finds out whether the user may do anything there.
 *
 * hello comes first, on its own, and the login only if it fits: a server of another replica set or of an unsupported version
 * never sees one. (Drivers send both in one message, to save a round trip.)
 *
 * `ping` needs no right at all. `listCollections` with nameOnly and authorizedCollections is accepted from every user who has
 * any right on anything in the database, and from nobody else (MongoDB manual, listCollections, "Required Access"). The
 * filter matches no collection: a reply with many would leave a cursor open at the server.
 */
export async function probe({ socket, uri, database }: Probe): Promise<ProbeOutcome> {
  const connection = createConnection(socket);
  const mayLogIn = uri.doubts.reach === "Login";
  const credentials = mayLogIn ? uri.credentials : undefined;
  const authSource = authSourceOf(uri);
  const mechanism = credentials?.mechanism ?? "DEFAULT";
  const details = {
    client: { application: { name: NAME }, driver: { name: NAME, version: "1" }, os: { type: process.platform } },
    ...(credentials !== undefined &&
      mechanism === "DEFAULT" && { saslSupportedMechs: `${authSource}.${credentials.username}` }),
  };
  const greeting = uri.loadBalanced
    ? await connection.command("admin", { hello: 1, loadBalanced: true, ...details })
    : await connection.legacyCommand("admin", { ismaster: 1, helloOk: true, ...details });
  if ("broken" in greeting) return greeting.broken;
  const hello = greeting.reply;
  const unfit = refusal(hello, uri) ?? unfitness(hello, uri);
  if (unfit !== undefined) return unfit;
  const isOld = (hello.maxWireVersion ?? 0) < MIN_WIRE_VERSION;
  if (!mayLogIn) return { kind: "Greeted", isOld };

  if (credentials !== undefined) {
    // Servers before 4.0 list no mechanisms and know SCRAM-SHA-1 only, as do those that resemble them.
    const offered = hello.saslSupportedMechs ?? (isOld ? ["SCRAM-SHA-1"] : undefined);
    const failure = await logIn(connection, credentials, authSource, offered);
    if (failure !== undefined) return failure;
  }
  const commands = [
    { ping: 1 },
    { listCollections: 1, nameOnly: true, authorizedCollections: true, filter: { name: "" } },
  ];
  // Or a secondary would refuse, to which the application's driver will not send what a primary has to do.
  const anyMember = hello.setName !== undefined && { $readPreference: { mode: "primaryPreferred" } };
  for (const command of commands) {
    const exchange = await connection.command(database, { ...command, ...anyMember });
    if ("broken" in exchange) return exchange.broken;
    const refused = refusal(exchange.reply, uri);
    if (refused !== undefined) return refused;
  }
  return { kind: "Welcome", isOld };
}

/** What speaks against using this server any further, from its reply to hello. */
function unfitness(hello: Reply, uri: MongoUri): ProbeOutcome | undefined {
  const { minWireVersion = 0, maxWireVersion = 0, setName } = hello;
  if (maxWireVersion < MIN_WIRE_VERSION_OF_OLDER_DRIVERS || minWireVersion > MAX_WIRE_VERSION)
    return { kind: "UnsupportedVersion" };
  if (uri.loadBalanced && hello.serviceId === undefined) return { kind: "NotLoadBalanced" };
  if (uri.replicaSet !== undefined && setName !== uri.replicaSet) return { kind: "OtherReplicaSet" };
  const isMember = setName !== undefined || hello.isreplicaset === true;
  const isUsable = [hello.isWritablePrimary, hello.ismaster, hello.secondary].includes(true);
  return isMember && (!isUsable || hello.arbiterOnly === true) ? { kind: "NotReady" } : undefined;
}

/** What a refused command says, other than one of a login. */
function refusal({ ok, code = 0 }: Reply, { credentials }: MongoUri): ProbeOutcome | undefined {
  if (ok === 1) return undefined;
  if (code === UNAUTHORIZED || code === ATLAS_ERROR) {
    return { kind: credentials === undefined ? "LoginMissing" : "NotAuthorized" };
  }
  return COMMAND_REFUSED.includes(code) ? { kind: "CommandRefused", code } : { kind: "NotReady" };
}
