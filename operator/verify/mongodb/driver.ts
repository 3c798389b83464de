/** What is asked of a database server: by the driver, through a relay. The outcome is a value. */
import { MongoClient, MongoCompatibilityError, MongoServerError } from "mongodb";
import type { Document } from "mongodb";
import type { Break } from "./relay.ts";
import type { MongoUri } from "./uri.ts";

export type Asking = {
  /** Of the relay, on 127.0.0.1. */
  port: number;
  uri: MongoUri;
  /** The one that is pinged. */
  database: string;
  timeoutMs: number;
  /** Cuts the way to the server: the driver then fails by itself. */
  cut: () => void;
  /** Why the relay lost its server, where it did. */
  broken: () => Break | undefined;
};

export type Answer =
  | { kind: "Welcome" }
  | Break
  /** The login failed: user, password, authSource or mechanism. */
  | { kind: "LoginRefused" }
  | { kind: "MechanismRefused" }
  /** The password cannot be used with SCRAM-SHA-256 at all (RFC 4013). */
  | { kind: "LoginImpossible" }
  /** There is no user in the connection string, and the server wants one. */
  | { kind: "LoginMissing" }
  | { kind: "NotAuthorized" }
  | { kind: "TooOld" }
  /** Of another replica set than the one that is named, or of none. */
  | { kind: "OtherReplicaSet" }
  /** A member that is starting, recovering or shutting down, an arbiter, or an error that passes. */
  | { kind: "NotReady" }
  /** A command that every MongoDB server knows is refused. `code`: MongoDB's number of the error. */
  | { kind: "CommandRefused"; code: number };

/** MongoDB's error codes, from mongo/base/error_codes.yml. */
const UNAUTHORIZED = 13;
/** AuthenticationFailed, UserNotFound, and what Atlas says instead of nearly every other. */
const LOGIN_REFUSED = [18, 11, 8000];
/** MechanismUnavailable; servers before 5.0 say BadValue. */
const MECHANISM_REFUSED = [334, 2];
const ATLAS_ERROR = 8000;
/** CommandNotFound, CommandNotSupported, InvalidNamespace. */
const COMMAND_REFUSED = [59, 115, 73];

/**
 * Logs in, pings the database and asks whether its user may do anything there. At most one login attempt: accounts are
 * locked after a few wrong ones. Never rejects.
 *
 * `ping` needs no right at all. `listCollections` with nameOnly and authorizedCollections is taken from everyone who has
 * any right on anything in the database, and from nobody else (MongoDB manual, listCollections, "Required Access"). The
 * filter matches no collection: an answer of many would leave a cursor open at the server.
 */
export async function ask(asking: Asking): Promise<Answer> {
  const { uri, database, cut } = asking;
  const client = createClient(asking);
  let unfit: Answer | undefined;
  try {
    const heartbeat = new Promise<never>((_resolve, reject) => {
      // It comes before the login: a stranger's server does not get to see one.
      client.on("serverHeartbeatSucceeded", ({ reply }) => {
        unfit ??= fitness(reply, uri);
        if (unfit === undefined) return;
        cut();
        reject(new Error(unfit.kind));
      });
      // The driver would go on trying until its time is up.
      client.on("serverHeartbeatFailed", ({ failure }) => reject(failure));
    });
    heartbeat.catch(() => undefined);
    const work = askDatabase(client, database);
    work.catch(() => undefined);
    await Promise.race([work, heartbeat]);
    return { kind: "Welcome" };
  } catch (error) {
    return unfit ?? classify(error, asking);
  } finally {
    await client.close().catch(() => undefined);
  }
}

function createClient({ port, uri, timeoutMs }: Asking): MongoClient {
  const { credentials } = uri;
  const authSource = uri.authSource ?? uri.defaultDatabase ?? "admin";
  const mechanism = credentials?.mechanism;
  return new MongoClient(`mongodb://127.0.0.1:${port}/${uri.loadBalanced ? "?loadBalanced=true" : ""}`, {
    ...(!uri.loadBalanced && { directConnection: true }),
    ...(credentials !== undefined && {
      auth: { username: credentials.username, password: credentials.password },
      authSource: mechanism === "PLAIN" ? "$external" : authSource,
      ...(mechanism !== undefined && { authMechanism: mechanism }),
    }),
    appName: "appsecret-operator",
    connectTimeoutMS: timeoutMs,
    serverSelectionTimeoutMS: timeoutMs,
    socketTimeoutMS: timeoutMs,
    maxPoolSize: 1,
    retryReads: false,
    retryWrites: false,
    maxAdaptiveRetries: 0,
    // A heartbeat that is waited for would open a third connection.
    serverMonitoringMode: "poll",
    // Or MONGODB_LOG_ALL in the environment would have the driver write to our log by itself.
    mongodbLogComponentSeverities: { default: "off" },
  });
}

async function askDatabase(client: MongoClient, database: string): Promise<void> {
  const db = client.db(database);
  await db.command({ ping: 1 });
  await db.command({ listCollections: 1, nameOnly: true, authorizedCollections: true, filter: { name: "" } });
}

/** What speaks against asking this server any further, from its reply to hello. */
function fitness(hello: Document, uri: MongoUri): Answer | undefined {
  if (uri.replicaSet !== undefined && hello["setName"] !== uri.replicaSet) return { kind: "OtherReplicaSet" };
  const isMember = hello["setName"] !== undefined || hello["isreplicaset"] === true;
  const isUsable = [hello["isWritablePrimary"], hello["ismaster"], hello["secondary"]].includes(true);
  return isMember && (!isUsable || hello["arbiterOnly"] === true) ? { kind: "NotReady" } : undefined;
}

function classify(error: unknown, { uri, broken }: Asking): Answer {
  if (error instanceof MongoCompatibilityError) return { kind: "TooOld" };
  if (error instanceof MongoServerError) return classifyCode(error, uri);
  const why = broken();
  if (why !== undefined) return why;
  // The driver's own preparation of the password throws bare errors (saslprep: "Prohibited character").
  if (error instanceof Error && error.constructor === Error) return { kind: "LoginImpossible" };
  return error instanceof Error && /Timeout/.test(error.name) ? { kind: "TimedOut" } : { kind: "NotMongoDB" };
}

function classifyCode(error: MongoServerError, uri: MongoUri): Answer {
  const code = typeof error.code === "number" ? error.code : 0;
  const isLogin = error.hasErrorLabel("HandshakeError");
  if (isLogin && LOGIN_REFUSED.includes(code)) return { kind: "LoginRefused" };
  if (isLogin && MECHANISM_REFUSED.includes(code)) return { kind: "MechanismRefused" };
  if (code === UNAUTHORIZED || code === ATLAS_ERROR) {
    return { kind: uri.credentials === undefined ? "LoginMissing" : "NotAuthorized" };
  }
  return COMMAND_REFUSED.includes(code) ? { kind: "CommandRefused", code } : { kind: "NotReady" };
}
