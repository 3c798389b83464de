/** Logs in over a connection: once, because accounts are locked after a few wrong attempts. The outcome is a value. */
import { Binary } from "bson";
import type { Break, Connection } from "./connection.ts";
import { SCRAM_MECHANISMS, beginScram } from "./scram.ts";
import type { ScramMechanism } from "./scram.ts";
import type { Credentials } from "./uri.ts";
import type { Reply } from "./wire.ts";

export type LoginFailure =
  | Break
  /** User, password, authSource or mechanism. */
  | { kind: "LoginRefused" }
  | { kind: "MechanismRefused" }
  /** SCRAM-SHA-256 forbids the password (RFC 4013). */
  | { kind: "LoginImpossible" }
  /** The server accepts the login, but cannot prove that it knows the password. */
  | { kind: "ServerUnproven" }
  /** The server wants the password hashed so rarely that it could be guessed, or more often than any right server does. */
  | { kind: "IterationsOutOfBounds" }
  /** An error that passes. */
  | { kind: "NotReady" };

/** MongoDB's error codes, from mongo/base/error_codes.yml. */
/** AuthenticationFailed, UserNotFound, and what Atlas says instead of nearly every other. */
const LOGIN_REFUSED = [18, 11, 8000];
/** MechanismUnavailable; servers before 5.0 say BadValue. */
const MECHANISM_REFUSED = [334, 2];

/**
 * @param source the database that knows the user
 * @param offered the mechanisms that the server's hello lists for this user, if it lists any
 * @returns undefined once the login is complete and, with SCRAM, the server has proved itself
 */
export async function logIn(
  connection: Connection,
  { username, password, mechanism = "DEFAULT" }: Credentials,
  source: string,
  offered: readonly string[] | undefined,
): Promise<LoginFailure | undefined> {
  if (mechanism === "PLAIN") {
    return plain(connection, source, `\0${username}\0${password}`);
  }
  return scram(connection, isScram(mechanism) ? mechanism : negotiated(offered), source, username, password);
}

async function plain(connection: Connection, source: string, payload: string): Promise<LoginFailure | undefined> {
  const start = { saslStart: 1, mechanism: "PLAIN", payload: binary(payload), autoAuthorize: 1 };
  const exchange = await connection.command(source, start);
  if ("broken" in exchange) return exchange.broken;
  const { reply } = exchange;
  return refusal(reply) ?? (reply.done === true ? undefined : { kind: "NotMongoDB" });
}

async function scram(
  connection: Connection,
  mechanism: ScramMechanism,
  source: string,
  username: string,
  password: string,
): Promise<LoginFailure | undefined> {
  const login = beginScram(mechanism, username, password);
  if (login === undefined) return { kind: "LoginImpossible" };

  const options = { skipEmptyExchange: true };
  const start = { saslStart: 1, mechanism, payload: binary(login.first), autoAuthorize: 1, options };
  const started = await connection.command(source, start);
  if ("broken" in started) return started.broken;
  const { conversationId, payload: serverFirst } = started.reply;
  const refused = refusal(started.reply);
  if (refused !== undefined) return refused;
  if (serverFirst === undefined || conversationId === undefined) return { kind: "NotMongoDB" };

  const answer = await login.answer(serverFirst);
  if (answer.kind !== "Proof") return answer.kind === "Malformed" ? { kind: "NotMongoDB" } : answer;
  const proceed = (payload: string) =>
    connection.command(source, { saslContinue: 1, conversationId, payload: binary(payload) });

  const finished = await proceed(answer.final);
  if ("broken" in finished) return finished.broken;
  const refusedFinally = refusal(finished.reply);
  if (refusedFinally !== undefined) return refusedFinally;
  if (!answer.proves(finished.reply.payload ?? "")) return { kind: "ServerUnproven" };
  if (finished.reply.done === true) return undefined;

  // Servers without skipEmptyExchange (before 4.4, and some that only resemble MongoDB) want one more message.
  const closing = await proceed("");
  if ("broken" in closing) return closing.broken;
  return refusal(closing.reply) ?? (closing.reply.done === true ? undefined : { kind: "NotMongoDB" });
}

function isScram(mechanism: string): mechanism is ScramMechanism {
  return (SCRAM_MECHANISMS as readonly string[]).includes(mechanism);
}

/** As drivers choose. A server lists nothing for a user whom it does not know: the login then fails by either mechanism. */
function negotiated(offered: readonly string[] | undefined): ScramMechanism {
  return offered === undefined || offered.includes("SCRAM-SHA-256") ? "SCRAM-SHA-256" : "SCRAM-SHA-1";
}

function refusal({ ok, code = 0 }: Reply): LoginFailure | undefined {
  if (ok === 1) return undefined;
  if (LOGIN_REFUSED.includes(code)) return { kind: "LoginRefused" };
  return { kind: MECHANISM_REFUSED.includes(code) ? "MechanismRefused" : "NotReady" };
}

function binary(text: string): Binary {
  return new Binary(Buffer.from(text));
}
