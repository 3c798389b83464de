/**
 * What the official drivers make of a connection string: a client is constructed, which parses and validates all of it, and
 * nothing is connected to.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { domainToASCII } from "node:url";
import { MongoClient as Driver7 } from "mongodb";
import { MongoClient as Driver5 } from "mongodb5";
import { MongoClient as Driver6 } from "mongodb6";
import { createCertificateAuthority } from "#testbed/servers/tls";
import { runPython } from "./python.ts";

/** `Warns`: the client starts, and leaves an option out because its name or its value means nothing to it. */
export type Outcome =
  | { answer: "Takes"; reads: Reading }
  | { answer: "Warns"; why: string; reads: Reading }
  | { answer: "Refuses"; why: string };

/** Whom a client connects to, and as whom: two parsers that take a string may still read different things in it. */
export type Reading = {
  /** Of mongodb+srv the one name; else `host:port`. See hostsOf. */
  hosts: string[];
  /** `null`: nobody logs in. */
  login: [user: string, password: string] | null;
  authSource: string | null;
  tls: boolean;
  /** Of the path. "test" is the same as none: drivers use it where there is none. */
  database: string | null;
  replicaSet: string | null;
};

export const DRIVERS = ["mongodb 5", "mongodb 6", "mongodb 7", "PyMongo"] as const;
export type Driver = (typeof DRIVERS)[number];
export type Outcomes = Readonly<Partial<Record<Driver, Outcome>>>;

/** What the three versions of the Node.js driver have in common. */
type NodeClient = {
  options: {
    hosts: readonly { toString(): string }[];
    srvHost?: string;
    credentials?: { username: string; password?: string; source: string };
    tls?: boolean;
    dbName?: string;
    replicaSet?: string;
  };
};

const NODE_DRIVERS: readonly [Driver, (uri: string) => NodeClient][] = [
  ["mongodb 5", (uri) => new Driver5(uri)],
  ["mongodb 6", (uri) => new Driver6(uri)],
  ["mongodb 7", (uri) => new Driver7(uri)],
];

/**
 * @param python the interpreter that has PyMongo; without it PyMongo has no say
 * @returns what each driver makes of each string, in the order of the strings
 */
export async function askDrivers(uris: readonly string[], python?: string): Promise<Outcomes[]> {
  // The drivers warn of every deprecated option, thousands of times.
  const warningListeners = process.listeners("warning");
  process.removeAllListeners("warning");
  const files = createFiles();
  try {
    const read = uris.map((uri) => withFiles(uri, files));
    const ofPython = python === undefined ? [] : await runPython<Outcome[]>(python, "mongodb_uris.py", read);
    const all = read.map((uri, index) => {
      const own = NODE_DRIVERS.map(([name, construct]) => [name, outcome(construct, uri)] as const);
      const other = ofPython[index];
      return { ...Object.fromEntries(own), ...(other !== undefined && { PyMongo: inOneForm(other) }) };
    });
    // Warnings come in the next turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    return all;
  } finally {
    rmSync(files.folder, { recursive: true });
    for (const listener of warningListeners) process.on("warning", listener);
  }
}

function inOneForm(one: Outcome): Outcome {
  if (one.answer === "Refuses") return one;
  return { ...one, reads: { ...one.reads, hosts: hostsOf(one.reads.hosts) } };
}

function outcome(construct: (uri: string) => NodeClient, uri: string): Outcome {
  try {
    return { answer: "Takes", reads: reading(construct(uri)) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { answer: "Refuses", why: `${name}: ${message}` };
  }
}

/** The types of the options promise more than is there. */
function reading({ options }: NodeClient): Reading {
  const { srvHost, hosts, credentials, tls, dbName, replicaSet } = options;
  return {
    hosts: hostsOf(srvHost === undefined ? hosts.map((host) => host.toString()) : [srvHost]),
    login: credentials === undefined ? null : [credentials.username || "", credentials.password ?? ""],
    authSource: credentials?.source ?? null,
    tls: tls === true,
    database: dbName === undefined || dbName === "test" ? null : dbName,
    replicaSet: replicaSet ?? null,
  };
}

/** One form for all: in lower case and ASCII, sorted, each once, and without the brackets of IPv6. */
export function hostsOf(hosts: readonly string[]): string[] {
  return [...new Set(hosts.map((host) => inAscii(host.toLowerCase().replace(/[[\]]/g, ""))))].sort();
}

/** As the name is looked up (IDNA), whether a port follows or not. */
function inAscii(host: string): string {
  return host.replace(/[^:]*[^\x00-\x7f][^:]*/, (name) => domainToASCII(name));
}

type Files = { folder: string; caFile: string; keyFile: string };

function createFiles(): Files {
  const folder = mkdtempSync(join(tmpdir(), "appsecret-differential-"));
  const [caFile, keyFile] = [join(folder, "ca.pem"), join(folder, "client.pem")];
  const ca = createCertificateAuthority();
  const { certPem, keyPem } = ca.issue({ hosts: ["client.example.com"] });
  writeFileSync(caFile, ca.caPem);
  writeFileSync(keyFile, certPem + keyPem);
  return { folder, caFile, keyFile };
}

/** Some drivers open the files at once. In the application's container they are there, so they are here. */
function withFiles(uri: string, { caFile, keyFile }: Files): string {
  return uri
    .replace(/(?<=[?&](tlsCAFile|tlsCRLFile|sslCA)=)[^&]+/gi, encodeURIComponent(caFile))
    .replace(/(?<=[?&](tlsCertificateKeyFile|tlsCertificateFile)=)[^&]+/gi, encodeURIComponent(keyFile));
}
