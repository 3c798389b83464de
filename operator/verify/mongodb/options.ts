/**
 * What a live check does with each option of a connection string, and why: one line per option.
 *
 * A connection string can name files and sockets of the application's container, proxies, and identities that the operator must
 * not lend. What stands for those, what only some drivers know, and what is not here at all is left to the application: the check
 * uses the rest, and says what it could not check.
 */
import { MECHANISMS } from "./mechanisms.ts";
import {
  anything,
  boolean,
  listOf,
  numberFrom,
  oneOf,
  serviceName,
  staleness,
  tags,
  text,
  textOrNone,
  writeConcern,
} from "./option-values.ts";
import type { Finding, ValueRule } from "./option-values.ts";

/**
 * Used: the check obeys it. Ignored: harmless, and the check does not need it. Unchecked: only the application can tell whether
 * it works. `why` reads on after the option's name for what is Unchecked.
 */
export type OptionRule = {
  use: "Used" | "Ignored" | "Unchecked";
  why: string;
  value: ValueRule;
  /** The way to the server is the application's own: a check connects nowhere. */
  isWay?: boolean;
};

const used = (why: string, value: ValueRule): OptionRule => ({ use: "Used", why, value });
const ignored = (why: string, value: ValueRule): OptionRule => ({ use: "Ignored", why, value });
const unchecked = (why: string, value: ValueRule = text): OptionRule => ({ use: "Unchecked", why, value });

const way = (why: string): OptionRule => ({ ...unchecked(why), isWay: true });

const FILE = "names a file of the application's container";
const CA_FILE = `${FILE}; the check uses the operator's CAs (add the server's CA to --ca-bundle)`;
const PROXY = "names a proxy, through which only the application connects";
const PROPERTIES = "belongs to an identity of the application";
const INSECURE = "concerns the verification of the server's certificate, which the check never leaves out";
const NEWER = "is not known to all drivers";
const NO_WRITES = "the check writes nothing";
const OWN_LIMIT = "the check has its own limit";
const ONE_CONNECTION = "the check makes one connection";
const SEE_READ_PREFERENCE = "see readPreference";

/** Drivers that do not know an option leave it out with a warning, or do not start (Node.js). */
const of = (drivers: string): OptionRule => unchecked(`is known to some drivers only (${drivers})`, anything);

/** Names as the documentation of MongoDB writes them; a connection string may write them in any case. */
export const MONGODB_OPTIONS: Readonly<Record<string, OptionRule>> = {
  // Who logs in, and how
  authSource: used("the database that knows the user", text),
  authMechanism: used("DEFAULT, SCRAM-SHA-1 and SCRAM-SHA-256, and over TLS also PLAIN", mechanism),
  authMechanismProperties: unchecked(PROPERTIES, properties),

  // Which server
  replicaSet: used("compared with the name that the server gives itself", textOrNone),
  loadBalanced: used("sent to the server: a load balancer requires it", boolean),
  directConnection: used(
    "allows one host only; the check always connects to the hosts of the list, and to none that a server announces",
    boolean,
  ),
  srvServiceName: used("part of the name of the SRV record", serviceName),
  srvMaxHosts: used(
    "allowed with mongodb+srv only; the check tries up to 20 hosts of the record until one answers",
    numberFrom(0),
  ),
  srvAllowedHostsSuffix: way("would let a DNS answer lead the check to another domain"),

  // TLS
  tls: used("whether to use TLS; with mongodb+srv the default is true", boolean),
  ssl: used("the older name of tls", boolean),
  tlsInsecure: unchecked(INSECURE, boolean),
  tlsAllowInvalidCertificates: unchecked(INSECURE, boolean),
  tlsAllowInvalidHostnames: unchecked(INSECURE, boolean),
  tlsCAFile: unchecked(CA_FILE),
  tlsCRLFile: unchecked(FILE),
  tlsCertificateKeyFile: unchecked(FILE),
  tlsCertificateKeyFilePassword: unchecked(`belongs to tlsCertificateKeyFile, which ${FILE}`),
  tlsDisableOCSPEndpointCheck: unchecked(NEWER, boolean),
  tlsDisableCertificateRevocationCheck: of("C, C#"),

  // The way there
  proxyHost: way(PROXY),
  proxyPort: way(PROXY),
  proxyUsername: way(PROXY),
  proxyPassword: way(PROXY),

  // What the application does later
  appName: ignored("a name for the server's log; the check uses its own", textOrNone),
  compressors: ignored(
    "the check exchanges a few hundred bytes, and accepts no compressed reply, which might expand without a limit",
    listOf("none", "snappy", "zlib", "zstd"),
  ),
  zlibCompressionLevel: ignored("see compressors", numberFrom(-Infinity)),
  readPreference: ignored(
    "the check may use any member",
    oneOf("primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest"),
  ),
  readPreferenceTags: ignored(SEE_READ_PREFERENCE, tags),
  maxStalenessSeconds: ignored(SEE_READ_PREFERENCE, staleness),
  hedge: of("of old"),
  readConcernLevel: ignored("the check reads no documents", text),
  w: ignored(NO_WRITES, writeConcern),
  wtimeout: ignored(NO_WRITES, numberFrom(0)),
  wtimeoutMS: ignored(NO_WRITES, numberFrom(0)),
  j: ignored(NO_WRITES, boolean),
  journal: ignored(NO_WRITES, boolean),
  fsync: ignored(NO_WRITES, boolean),
  retryReads: ignored("the check never retries: a second attempt with a wrong password may lock the account", boolean),
  retryWrites: ignored(NO_WRITES, boolean),
  maxAdaptiveRetries: unchecked(NEWER, numberFrom(0)),
  enableOverloadRetargeting: unchecked(NEWER, boolean),
  uuidRepresentation: unchecked(NEWER, oneOf("unspecified", "standard", "pythonLegacy", "javaLegacy", "csharpLegacy")),

  // Time and connections: the check has its own limits
  connectTimeoutMS: ignored(OWN_LIMIT, numberFrom(0)),
  serverSelectionTimeoutMS: ignored(OWN_LIMIT, numberFrom(0)),
  socketTimeoutMS: ignored(OWN_LIMIT, numberFrom(0)),
  timeoutMS: unchecked(NEWER, anything),
  waitQueueTimeoutMS: ignored(ONE_CONNECTION, numberFrom(0)),
  maxPoolSize: ignored(ONE_CONNECTION, numberFrom(0)),
  minPoolSize: ignored(ONE_CONNECTION, numberFrom(0)),
  maxConnecting: ignored(ONE_CONNECTION, numberFrom(1)),
  maxIdleTimeMS: ignored("the check closes its connection when it ends", numberFrom(0)),
  heartbeatFrequencyMS: ignored("the check sends no heartbeat", numberFrom(0)),
  minHeartbeatFrequencyMS: ignored("the check sends no heartbeat", numberFrom(0)),
  localThresholdMS: ignored("the check tries one host after another", numberFrom(0)),
  serverMonitoringMode: unchecked(NEWER, oneOf("auto", "stream", "poll")),

  // Known to some official drivers only, by their sources; some of them for many years and no longer
  connect: of("C#, Go, PyMongo, Ruby"),
  slaveOk: of("of old"),
  maxLifeTimeMS: of("Java, C#"),
  maxLifeTime: of("C#"),
  heartbeatIntervalMS: of("Go, C#"),
  heartbeatInterval: of("C#"),
  heartbeatFrequency: of("C#"),
  heartbeatTimeoutMS: of("C#"),
  heartbeatTimeout: of("C#"),
  connectTimeout: of("C#"),
  maxIdleTime: of("C#"),
  maxStaleness: of("Go, C#"),
  localThreshold: of("C#"),
  secondaryAcceptableLatencyMS: of("C#"),
  secondaryAcceptableLatency: of("C#"),
  serverSelectionTimeout: of("C#"),
  serverSelectionTryOnce: of("C, PHP"),
  socketTimeout: of("C#"),
  socketCheckIntervalMS: of("C"),
  timeout: of("C#"),
  waitQueueSize: of("C#"),
  waitQueueTimeout: of("C#"),
  waitQueueMultiple: of("C#, PyMongo"),
  ipv6: of("C#"),
  safe: of("Java, C, C#"),
  gssapiServiceName: of("Java, C, C#"),
  canonicalizeHostname: of("C"),
  zstdCompressionLevel: of("Go"),
  sslVerifyCertificate: of("C#"),
  sslInvalidHostNameAllowed: of("Java"),
  sslInsecure: of("Go"),
  sslAllowInvalidCertificates: of("C"),
  sslAllowInvalidHostnames: of("C"),
  sslCertificateAuthorityFile: of("C, Go"),
  sslClientCertificateKeyFile: of("C, Go"),
  sslClientCertificateKeyPassword: of("C, Go"),
  tlsCertificateFile: of("Go"),
  tlsPrivateKeyFile: of("Go"),
  ssl_ca_certs: of("PyMongo 3"),
  ssl_certfile: of("PyMongo 3"),
  ssl_keyfile: of("PyMongo 3"),
  ssl_cert_reqs: of("PyMongo 3"),
  ssl_match_hostname: of("PyMongo 3"),
  tz_aware: of("PyMongo"),
  unicode_decode_error_handler: of("PyMongo"),
  datetime_conversion: of("PyMongo"),
  useNewUrlParser: of("Node.js to 6"),
  useUnifiedTopology: of("Node.js to 6"),
  autoSelectFamily: of("Node.js from 6"),
  family: of("Node.js"),
  noDelay: of("Node.js"),
  keepAlive: of("Node.js to 5"),
  sslValidate: of("Node.js to 5"),
  sslCA: of("Node.js to 5"),
  poolSize: of("Node.js to 3"),
  autoReconnect: of("Node.js to 3"),
  reconnectTries: of("Node.js to 3"),
  auto_reconnect: of("Node.js to 3"),
  readConcern: of("Node.js"),
  dbName: of("Node.js"),
  servername: of("Node.js"),
  rejectUnauthorized: of("Node.js"),
  ignoreUndefined: of("Node.js"),
  promoteLongs: of("Node.js"),
  monitorCommands: of("Node.js"),
};

function mechanism(value: string): Finding {
  if (value === "") return { wrong: "has no value" };
  if (MECHANISMS.includes(value)) return "Right";
  // The Node.js drivers take the first mechanism that has the word in its name.
  const isPart = /^[\w-]+$/.test(value) && MECHANISMS.some((each) => new RegExp(`\\b${value}\\b`, "i").test(each));
  if (isPart) return { doubtful: "is not written as the specification has it" };
  return { wrong: `must be one of ${MECHANISMS.join(", ")}` };
}

/** SCRAM has none, and drivers leave them out there. */
function properties(value: string): Finding {
  if (value === "") return { wrong: "has no value" };
  const isRight = value.split(",").every((each) => /^[^:]+:./.test(each));
  return isRight ? "Right" : { wrong: "must be a list of NAME:value, separated by commas" };
}

const RULES = new Map(Object.entries(MONGODB_OPTIONS).map(([name, rule]) => [name.toLowerCase(), { name, ...rule }]));

/** The rule for an option, with its name as documented; undefined when there is none. */
export function optionRule(name: string): (OptionRule & { name: string }) | undefined {
  return RULES.get(name.toLowerCase());
}
