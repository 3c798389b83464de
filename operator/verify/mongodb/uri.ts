/**
 * Reads a connection string as far as a live check needs it. Pure: no look-up and no connection.
 *
 * The only parser of the check. It shares its grammar with the rules at apply (mongodb-grammar.ts), so it reads whatever they
 * accept, or says why not. It obeys less than a driver does: a connection string can name files and sockets of the
 * application's container, proxies, and identities that the operator must not lend.
 *
 * Form: MongoDB's "Connection String" and "URI Options" specifications.
 */
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { Reason } from "#api/status";
import { mongodbUriProblem } from "#api/types/database/mongodb-uri";
import { MONGODB_URI_PARTS } from "#api/types/database/mongodb-grammar";
import { REFUSED_MECHANISMS, WHY_NOT_INSECURE, optionRule } from "./options.ts";

export type HostAndPort = { host: string; port: number };

export type Credentials = { username: string; password: string; mechanism?: Mechanism };
export type Mechanism = (typeof MECHANISMS)[number];

/** What a `mongodb://` string says, and a `mongodb+srv://` string together with its DNS records. */
export type MongoUri = {
  /** Empty only for mongodb+srv:// whose record was not read yet. */
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
};

/** The database that knows the user (MongoDB's "Authentication" specification). */
export function authSourceOf({ authSource, defaultDatabase, credentials }: MongoUri): string {
  return authSource ?? defaultDatabase ?? (credentials?.mechanism === "PLAIN" ? "$external" : "admin");
}

/** Why a connection string cannot be checked. `message` goes into a status: it quotes nothing but documented option names. */
export type Refusal = { reason: Reason; message: string };

/** The seed list of a large sharded cluster; each host costs a look-up and perhaps a connection. */
export const MAX_HOSTS = 20;
/** A Secret holds up to a megabyte, and parsing that much would delay all other work by half a second. */
const MAX_CHARACTERS = 16_384;

const MECHANISMS = ["DEFAULT", "SCRAM-SHA-1", "SCRAM-SHA-256", "PLAIN"] as const;
/** Letters and digits of any script: drivers look up the name in its ASCII form (IDNA). */
const HOST = /^(?<name>[-_.\p{L}\p{M}\p{Nd}]+|\[[0-9a-fA-F:.]+\])(:(?<port>[0-9]{1,5}))?$/u;
/** Percent-encoded or not, drivers take a host that ends like this for the path of a socket. */
const SOCKET = /(\.|%2e)sock$/i;
/** RFC 6335 §5.1. The underscore in front of it is not part of the option. */
const SERVICE_NAME = /^[a-zA-Z0-9-]{1,15}$/;
const CONTROL = /[\x00-\x1f\x7f]/;

/** A refusal on its way out of the parser. Never leaves this file. */
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
  const parts = MONGODB_URI_PARTS.exec(uri)?.groups ?? {};
  // A password with a bare / or ? in it looks like a host with a path. Node.js drivers refuse it, too.
  if (parts["user"] === undefined && uri.includes("@")) {
    throw badUri(
      "The connection string has an @ behind the host, and no user name. Percent-encode / ? and @ in a password, and @ in an option (%2F, %3F, %40).",
    );
  }
  const isSrv = parts["srv"] !== undefined;
  const options = readOptions(parts["query"] ?? "");
  const hosts = readHosts(parts["hosts"] ?? "");
  const tls = readTls(options) ?? isSrv;
  const credentials = readCredentials(parts["user"], parts["password"], options, tls);
  const database = decoded(parts["database"] ?? "");
  // It is part of what the server gets to read: to many a server in the network, a line break would begin a command.
  if (CONTROL.test(database)) throw badUri("The database in the connection string contains a control character.");
  const loadBalanced = readBoolean(options, "loadBalanced") ?? false;
  const direct = readBoolean(options, "directConnection") ?? false;
  const replicaSet = options.get("replicaSet");

  if (isSrv && direct) {
    throw badOption("directConnection", "cannot be true with mongodb+srv, which stands for several hosts");
  }
  // As drivers count them: also one host that is named twice.
  const isSeveral = parts["hosts"]?.includes(",") === true;
  if (isSeveral && direct) {
    throw badOption("directConnection", "cannot be true with more than one host");
  }
  if (loadBalanced && (isSeveral || replicaSet !== undefined || direct)) {
    throw badOption("loadBalanced", "allows one host only, and neither replicaSet nor directConnection");
  }
  const serviceName = options.get("srvServiceName") ?? "mongodb";
  if (!SERVICE_NAME.test(serviceName)) throw badOption("srvServiceName", "is not a service name (RFC 6335)");
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
  // As drivers decode them: a + is a space, and a % that begins no encoding stands for itself.
  const decodedPairs = [...new URL(`mongodb://host/?${query}`).searchParams];
  for (const [index, [optionName, value]] of decodedPairs.entries()) {
    // The name is not quoted: a password with a bare "?" in it ends up here.
    const which = `number ${index + 1} (of ${pairs.length})`;
    if (!/^[^=]+=/.test(pairs[index] ?? "")) {
      throw badUri(`The connection string's option ${which} is not of the form name=value.`);
    }
    const rule = optionRule(optionName);
    if (rule === undefined) throw badOption(which, "is unknown, perhaps because of a typing error");
    if (rule.use === "Refused") throw badOption(rule.name, rule.why);
    if (seen.has(rule.name) && rule.name !== "readPreferenceTags") throw badOption(rule.name, "is given twice");
    seen.add(rule.name);
    if (rule.use === "Ignored") continue;
    if (value === "" || CONTROL.test(value)) {
      throw badOption(rule.name, "has no value, or one with a control character");
    }
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
    if (SOCKET.test(text)) {
      throw badUri(
        "Unix sockets exist only beside the application, so the check cannot use one. Set verify: Off to publish without a check.",
      );
    }
    const { name = "", port: digits = "27017" } = HOST.exec(text)?.groups ?? {};
    const [host, port] = [readHost(name), Number(digits)];
    if (host === undefined || port < 1 || port > 65_535) {
      throw badUri(
        "The connection string's host must be a name or an IP address, not percent-encoded, with a port from 1 to 65535.",
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

/** In lower case and ASCII; undefined for what is no host, and for an address in letters of another script. */
function readHost(name: string): string | undefined {
  if (name.startsWith("[")) return isIP(name.slice(1, -1)) === 6 ? name.toLowerCase() : undefined;
  if (/^[\x21-\x7e]*$/.test(name)) return name.toLowerCase() || undefined;
  const ascii = domainToASCII(name);
  return isIP(ascii) === 0 && ascii !== "" ? ascii : undefined;
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
    throw badOption("authMechanism", "is PLAIN without tls=true, which sends the password unencrypted");
  }
  if (user === undefined) {
    if (mechanism !== undefined) throw badOption("authMechanism", "requires a user name and a password");
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
    throw badUri("The connection string has a % that does not begin a percent-encoding. Write %25 for a percent sign.");
  }
}
