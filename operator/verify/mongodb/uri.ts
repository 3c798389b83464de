/**
 * Reads a connection string as far as a live check needs it. Pure: no look-up and no connection.
 *
 * The only parser of the check. It shares its grammar with the rules at apply (mongodb-grammar.ts): what they refuse, it refuses.
 * It refuses what no driver or no server takes. What some drivers read otherwise, or only the application can use (files and
 * sockets of its container, proxies, its identity), it leaves to the application: `doubts` says so.
 *
 * Form: MongoDB's "Connection String" and "URI Options" specifications.
 */
import { mongodbUriProblem } from "#api/types/database/mongodb-uri";
import { mongoUriParts } from "#api/types/database/mongodb-grammar";
import type { MongoUriParts } from "#api/types/database/mongodb-grammar";
import { doubtCombinations, refuseContradictions } from "./contradictions.ts";
import { readHosts } from "./hosts.ts";
import type { HostAndPort } from "./hosts.ts";
import { UNCHECKED_MECHANISMS, isChecked, mechanismProblem } from "./mechanisms.ts";
import type { Login, Mechanism } from "./mechanisms.ts";
import { isTrue } from "./option-values.ts";
import { readOptions } from "./query.ts";
import type { Options } from "./refusal.ts";
import { Refused, badOption, badUri, collectDoubts } from "./refusal.ts";
import type { DoubtCollector, Doubts, Refusal } from "./refusal.ts";
import { ownTrust } from "./trust.ts";
import type { OwnTrust } from "./trust.ts";

export type Credentials = Login & { mechanism?: Mechanism };

/** What a `mongodb://` string says, and a `mongodb+srv://` string together with its DNS records. */
export type MongoUri = {
  /** Empty for mongodb+srv:// whose record was not read yet, and where there is nothing to dial. */
  hosts: readonly HostAndPort[];
  srv?: { host: string; serviceName: string };
  tls: boolean;
  credentials?: Credentials;
  /** As given. See `authSourceOf`. */
  authSource?: string;
  /** The path of the URI. */
  defaultDatabase?: string;
  replicaSet?: string;
  loadBalanced: boolean;
  /** What the mistake may be when the server refuses the login. A sentence. */
  loginHint?: string;
  /** What the check cannot check. */
  doubts: Doubts;
  /** Which certificates the application accepts beside those that the check does. */
  ownTrust: OwnTrust;
};

/** The database that knows the user (MongoDB's "Authentication" specification). */
export function authSourceOf({ authSource, defaultDatabase, credentials }: MongoUri): string {
  return authSource ?? defaultDatabase ?? (credentials?.mechanism === "PLAIN" ? "$external" : "admin");
}

/** A Secret holds up to a megabyte, and parsing that much would delay all other work by half a second. */
const MAX_CHARACTERS = 16_384;
const CONTROL = /[\x00-\x1f\x7f]/;

/** Never throws, whatever the text is. */
export function parseMongoUri(uri: string): MongoUri | { refusal: Refusal } {
  try {
    return parse(uri);
  } catch (error) {
    if (error instanceof Refused) return { refusal: error.refusal };
    throw error;
  }
}

function parse(uri: string): MongoUri {
  if (uri.length > MAX_CHARACTERS) throw badUri(`The connection string is longer than ${MAX_CHARACTERS} characters.`);
  const problem = mongodbUriProblem(uri);
  const parts = mongoUriParts(uri);
  if (problem !== undefined || parts === undefined)
    throw badUri(`The connection string ${problem ?? "has no scheme"}.`);

  const collector = collectDoubts();
  const options = readOptions(parts.query, collector);
  const place = { isSrv: parts.isSrv, isSeveral: parts.hosts.length > 1 };
  refuseContradictions(options, place);
  doubtCombinations(options, collector);
  const hosts = readHosts(parts.hosts, collector);
  refuseWritesThatFail(options, hosts, collector);
  const tls = readTls(options, parts.isSrv, collector);
  const credentials = readCredentials(parts, options, tls, collector);
  const database = readDatabase(parts, collector);
  const [authSource, replicaSet] = [options.get("authSource"), options.get("replicaSet")];
  const srvHost = hosts[0]?.host;
  return {
    hosts: parts.isSrv ? [] : hosts,
    ...(parts.isSrv &&
      srvHost !== undefined && { srv: { host: srvHost, serviceName: options.get("srvServiceName") ?? "mongodb" } }),
    tls,
    ...(credentials !== undefined && { credentials }),
    ...(authSource !== undefined && { authSource }),
    ...(database !== "" && { defaultDatabase: database }),
    ...(replicaSet !== undefined && { replicaSet }),
    loadBalanced: isTrue(options.get("loadBalanced")),
    ...loginHintOf(parts),
    doubts: collector.doubts(),
    ownTrust: ownTrust(options),
  };
}

/** Retryable writes are the default of drivers, and these servers refuse them: reads work, the first write fails. */
function refuseWritesThatFail(options: Options, hosts: readonly HostAndPort[], doubts: DoubtCollector): void {
  if (options.get("retryWrites") === "false") return;
  const isAt = (domain: RegExp) => hosts.some(({ host }) => domain.test(host));
  if (isAt(/\.docdb(-elastic)?\.amazonaws\.com(\.cn)?\.?$/)) {
    throw badOption(
      "retryWrites must be false for Amazon DocumentDB, which refuses retryable writes (retryWrites=false)",
    );
  }
  if (isAt(/\.(mongo\.cosmos|documents)\.azure\.com\.?$/)) {
    doubts.add("writes may fail at Azure Cosmos DB without retryWrites=false");
  }
}

function readTls(options: Options, isSrv: boolean, doubts: DoubtCollector): boolean {
  const written = options.get("tls") ?? options.get("ssl");
  if (written !== undefined) return isTrue(written);
  const implying = [...options.keys()].find((name) => IMPLYING_TLS.has(name));
  if (!isSrv && implying !== undefined)
    doubts.add(`${implying} implies TLS for some drivers (write tls=true)`, "Nothing");
  return isSrv;
}

/** PyMongo switches TLS on where one of these is set. */
const IMPLYING_TLS = new Set([
  "tlsInsecure",
  "tlsAllowInvalidCertificates",
  "tlsAllowInvalidHostnames",
  "tlsCAFile",
  "tlsCRLFile",
  "tlsCertificateKeyFile",
  "tlsCertificateKeyFilePassword",
  "tlsDisableOCSPEndpointCheck",
]);

function readCredentials(
  parts: MongoUriParts,
  options: Options,
  tls: boolean,
  doubts: DoubtCollector,
): Credentials | undefined {
  const mechanism = options.get("authMechanism")?.toUpperCase();
  const login = readLogin(parts, doubts);
  if (mechanism === undefined) return login;
  const problem = mechanismProblem(mechanism, login, options);
  if (problem !== undefined) throw badOption(problem);
  const why = UNCHECKED_MECHANISMS.get(mechanism);
  if (why !== undefined) doubts.add(`the login, because ${why} (${mechanism})`, "Hello");
  if (mechanism === "PLAIN" && !tls) doubts.add("the login, because it would send the password unencrypted", "Hello");
  if (login === undefined && why === undefined) doubts.add("authMechanism requires a login for some drivers");
  return login !== undefined && isChecked(mechanism) ? { ...login, mechanism } : undefined;
}

function readLogin({ user, password = "" }: MongoUriParts, doubts: DoubtCollector): Login | undefined {
  if (user === undefined) return undefined;
  const login = { username: decodeURIComponent(user), password: decodeURIComponent(password) };
  if (CONTROL.test(login.username + login.password)) {
    doubts.add(
      "the login, because user name or password has a control character, most often a line break (%0A): remove it",
      "Hello",
    );
  }
  if (`${user}${password}`.includes("+")) doubts.add("a + in the login is a space for PyMongo (write %2B)");
  return login;
}

/** Both may also be what the password is. */
function loginHintOf({ password = "" }: MongoUriParts): Pick<MongoUri, "loginHint"> {
  if (/^(<|%3c).*(>|%3e)$/i.test(password)) {
    return { loginHint: "The password has angle brackets around it, perhaps those of a placeholder." };
  }
  return /%25[0-9a-f]{2}/i.test(password)
    ? { loginHint: "The password has %25 before two hexadecimal digits: perhaps it was percent-encoded twice." }
    : {};
}

function readDatabase({ user, database, query }: MongoUriParts, doubts: DoubtCollector): string {
  const name = decodeURIComponent(database);
  // It is part of what the server gets to read: to many a server in the network, a line break would begin a command.
  if (CONTROL.test(name)) doubts.add("the database's name has a control character", "Nothing");
  // A password with a bare / or ? in it looks like a host with a path.
  if (user === undefined && (database + query).includes("@")) {
    doubts.add("an @ behind the hosts ends a login for some drivers (write %40)", "Nothing");
  }
  if (/^<.*>$/.test(name)) doubts.add("the database's name looks like a placeholder", "Hello");
  if (/[#\\]/.test(database)) doubts.add("drivers do not read # and \\ in the database's name alike", "Nothing");
  if (name.includes(".")) doubts.add("drivers do not read a dot in the database's name alike", "Hello");
  if (database.includes("+")) doubts.add("drivers do not read a + in the database's name alike", "Hello");
  return name;
}
