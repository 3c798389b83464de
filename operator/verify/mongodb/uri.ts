/**
 * A connection string, read as far as a live check needs it. Pure: looks nothing up and connects nowhere.
 *
 * We read it ourselves, and the driver never sees it. The driver would obey all of it: open files and sockets of this
 * container, go through proxies, and dial hosts that a server announces.
 *
 * Form: MongoDB's "Connection String" and "URI Options" specifications.
 */
import { Reason } from "#api/status";
import { mongodbUriProblem } from "#api/types/database/mongodb-uri";
import { REFUSED_MECHANISMS, WHY_NOT_INSECURE, optionRule } from "./options.ts";

export type HostAndPort = { host: string; port: number };

export type Credentials = { username: string; password: string; mechanism?: Mechanism };
export type Mechanism = (typeof MECHANISMS)[number];

/** What both `mongodb://` and, after its DNS records were read, `mongodb+srv://` come to. */
export type MongoUri = {
  /** Not empty for mongodb:// ; empty for mongodb+srv:// until its record was read. */
  hosts: readonly HostAndPort[];
  srv?: { host: string; serviceName: string };
  tls: boolean;
  credentials?: Credentials;
  /** As given; the default depends on `defaultDatabase`. */
  authSource?: string;
  /** The path of the URI: the user's database where authSource names none. */
  defaultDatabase?: string;
  replicaSet?: string;
  loadBalanced: boolean;
};

/** Why a connection string cannot be checked. `message` is for a status: it quotes nothing but documented option names. */
export type Refusal = { reason: Reason; message: string };

/** The seed list of a large sharded cluster; each host costs a look-up and perhaps a connection. */
export const MAX_HOSTS = 20;
/** A Secret holds a megabyte, and judging so much would hold up everyone else for half a second. */
const MAX_CHARACTERS = 16_384;

const MECHANISMS = ["DEFAULT", "SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN"] as const;
const PARTS =
  /^mongodb(?<srv>\+srv)?:\/\/((?<user>[^:/?#@]*)(:(?<password>[^:/?#@]*))?@)?(?<hosts>[^/?#@]+)(\/(?<database>[^?#@]*))?(\?(?<query>[^#@]*))?$/;
const HOST = /^(?<name>[-_.a-zA-Z0-9]+|\[[0-9a-fA-F:.]+\])(:(?<port>[0-9]{1,5}))?$/;
/** RFC 6335 §5.1, and the underscore is added by us. */
const SERVICE_NAME = /^[a-zA-Z0-9-]{1,15}$/;
const CONTROL = /[\x00-\x1f\x7f]/;

/** A refusal on its way out of the parser: never leaves this file. */
class Refused extends Error {
  readonly refusal: Refusal;

  constructor(reason: Reason, message: string) {
    super(reason);
    this.refusal = { reason, message };
  }
}

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
  if (problem !== undefined) throw badUri(`The connection string ${problem}.`);
  const parts = PARTS.exec(uri)?.groups;
  if (parts === undefined) {
    throw badUri("The connection string has a # or @ where none may be: percent-encode it (%23, %40).");
  }
  const isSrv = parts["srv"] !== undefined;
  const options = readOptions(parts["query"] ?? "");
  const hosts = readHosts(parts["hosts"] ?? "");
  const tls = readTls(options) ?? isSrv;
  const credentials = readCredentials(parts["user"], parts["password"], options, tls);
  const database = decoded(parts["database"] ?? "");
  // It names the user's database in what the driver sends: a line break would be a command to many a server in the network.
  if (CONTROL.test(database)) throw badUri("The database in the connection string contains a control character.");
  const loadBalanced = readBoolean(options, "loadBalanced") ?? false;
  const replicaSet = options.get("replicaSet");

  if (isSrv && readBoolean(options, "directConnection") === true) {
    throw badOption("directConnection", "cannot be true with mongodb+srv, which stands for several hosts");
  }
  if (hosts.length > 1 && readBoolean(options, "directConnection") === true) {
    throw badOption("directConnection", "cannot be true with more than one host");
  }
  if (loadBalanced && (hosts.length > 1 || replicaSet !== undefined)) {
    throw badOption("loadBalanced", "allows one host only, and no replicaSet");
  }
  const serviceName = options.get("srvServiceName") ?? "mongodb";
  if (!SERVICE_NAME.test(serviceName)) throw badOption("srvServiceName", "is no name of a service (RFC 6335)");
  for (const name of ["srvServiceName", "srvMaxHosts"]) {
    if (!isSrv && options.has(name)) throw badOption(name, "is allowed with mongodb+srv only");
  }
  const srvHost = hosts[0]?.host;
  return {
    hosts: isSrv ? [] : hosts,
    ...(isSrv && srvHost !== undefined && { srv: { host: srvHost, serviceName } }),
    tls,
    ...(credentials !== undefined && { credentials }),
    ...(options.has("authSource") && { authSource: options.get("authSource") ?? "" }),
    ...(database !== "" && { defaultDatabase: database }),
    ...(replicaSet !== undefined && { replicaSet }),
    loadBalanced,
  };
}

function badUri(message: string): Refused {
  return new Refused(Reason.RejectedURI, message);
}

/** `why` reads on after the option's name. */
function badOption(name: string, why: string): Refused {
  return new Refused(
    Reason.RejectedURIOption,
    `The connection string's option ${name} ${why}. Change it, or set verify: Off to publish without a check.`,
  );
}

/** By documented name. What is ignored is left out; nothing refused gets this far. */
function readOptions(query: string): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  const seen = new Set<string>();
  const pairs = query.split("&").filter((pair) => pair !== "");
  for (const [index, pair] of pairs.entries()) {
    const equals = pair.indexOf("=");
    // The name is not quoted: a password with a bare "?" in it ends up here.
    const which = `number ${index + 1} (of ${pairs.length})`;
    if (equals < 1) throw badUri(`The connection string's option ${which} is not of the form name=value.`);
    const rule = optionRule(decoded(pair.slice(0, equals)));
    if (rule === undefined) throw badOption(which, "is none that is known: perhaps a typo");
    if (rule.use === "Refused") throw badOption(rule.name, rule.why);
    if (seen.has(rule.name) && rule.name !== "readPreferenceTags") throw badOption(rule.name, "is given twice");
    seen.add(rule.name);
    const value = decoded(pair.slice(equals + 1).replaceAll("+", " "));
    if (rule.use === "Ignored") continue;
    if (value === "" || CONTROL.test(value))
      throw badOption(rule.name, "has no value, or one with a control character");
    options.set(rule.name, value);
  }
  for (const name of ["tlsInsecure", "tlsAllowInvalidCertificates", "tlsAllowInvalidHostnames"]) {
    if (readBoolean(options, name) === true) throw badOption(name, WHY_NOT_INSECURE);
  }
  return options;
}

function readBoolean(options: ReadonlyMap<string, string>, name: string): boolean | undefined {
  const value = options.get(name);
  if (value === undefined) return undefined;
  if (value !== "true" && value !== "false") throw badOption(name, "must be true or false");
  return value === "true";
}

function readTls(options: ReadonlyMap<string, string>): boolean | undefined {
  const [tls, ssl] = [readBoolean(options, "tls"), readBoolean(options, "ssl")];
  if (tls !== undefined && ssl !== undefined && tls !== ssl) throw badOption("ssl", "contradicts tls");
  return tls ?? ssl;
}

function readHosts(list: string): HostAndPort[] {
  const hosts = new Map<string, HostAndPort>();
  for (const text of list.split(",")) {
    // Also refuses what the driver would decode first: %2Ftmp%2Fmongodb.sock is a file, %31%32%37.1 a loopback address.
    const match = HOST.exec(text)?.groups;
    const host = match?.["name"]?.toLowerCase();
    const port = Number(match?.["port"] ?? 27017);
    if (host === undefined || port < 1 || port > 65_535) {
      throw badUri(
        "The connection string's host must be a name or an IP address with a port from 1 to 65535; Unix sockets cannot be checked.",
      );
    }
    hosts.set(`${host}:${port}`, { host, port });
    if (hosts.size > MAX_HOSTS) {
      throw badUri(
        `The connection string names more than ${MAX_HOSTS} hosts. A few members are enough: drivers find the others.`,
      );
    }
  }
  return [...hosts.values()];
}

function readCredentials(
  user: string | undefined,
  encodedPassword: string | undefined,
  options: ReadonlyMap<string, string>,
  tls: boolean,
): Credentials | undefined {
  const mechanism = options.get("authMechanism");
  const refusal = REFUSED_MECHANISMS.get(mechanism ?? "DEFAULT");
  if (refusal !== undefined) throw badOption("authMechanism", `names a mechanism that ${refusal}`);
  if (mechanism !== undefined && !isMechanism(mechanism)) {
    throw badOption("authMechanism", `must be one of ${MECHANISMS.join(", ")}`);
  }
  if (mechanism === "PLAIN" && !tls) {
    throw badOption("authMechanism", "is PLAIN without tls=true, which sends the password for all to read");
  }
  if (user === undefined) {
    if (mechanism !== undefined)
      throw badOption("authMechanism", "needs a user name and a password, and there is none");
    return undefined;
  }
  const [username, password] = [decoded(user), decoded(encodedPassword ?? "")];
  if (username === "" || password === "") {
    throw badUri("The connection string has a user name without a password, or a password without a user name.");
  }
  if (CONTROL.test(username) || CONTROL.test(password)) {
    throw badUri(
      "The user name or password in the connection string contains a control character, most often a line break.",
    );
  }
  return { username, password, ...(mechanism !== undefined && { mechanism }) };
}

function isMechanism(name: string): name is Mechanism {
  return (MECHANISMS as readonly string[]).includes(name);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badUri("The connection string has a % that begins no percent-encoding: write %25 for a percent sign.");
  }
}
