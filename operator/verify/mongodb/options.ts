/**
 * What a live check does with each option of a connection string, and why: one line per option.
 *
 * An option that is not here is refused. Most often it is a typing error, with which the application would not start either
 * (the Node.js driver accepts no unknown option), and the next version of a driver may give it a meaning that nobody judged.
 */

/** Used: the check obeys it. Ignored: harmless, and the check does not need it. Refused: the check must not obey it. */
export type OptionRule = { use: "Used" | "Ignored" | "Refused"; why: string };

const used = (why: string): OptionRule => ({ use: "Used", why });
const ignored = (why: string): OptionRule => ({ use: "Ignored", why });
/** `why` reads on after the option's name. */
const refused = (why: string): OptionRule => ({ use: "Refused", why });

const FILE = "names a file of the application's own container, and a check reads no files";
const PROXY = "would make the operator connect through a proxy that the author of the connection string chose";
const AMBIENT = "belongs to a mechanism that would log in with the operator's own identity";
/** Why a check cannot obey tlsInsecure=true and similar options. Reads on after the option's name. */
export const WHY_NOT_INSECURE =
  "disables the verification of the server's certificate, and the check would then log in to any server that answers " +
  "(add the server's CA to --ca-bundle instead)";

/** Names as the documentation of MongoDB writes them; a connection string may write them in any case. */
export const MONGODB_OPTIONS: Readonly<Record<string, OptionRule>> = {
  // Who logs in, and how
  authSource: used("the database that knows the user"),
  authMechanism: used("DEFAULT, SCRAM-SHA-1 and SCRAM-SHA-256, and over TLS also PLAIN"),
  authMechanismProperties: refused(AMBIENT),
  gssapiServiceName: refused(AMBIENT),

  // Which server
  replicaSet: used("compared with the name that the server gives itself"),
  loadBalanced: used("sent to the server: a load balancer requires it"),
  directConnection: used(
    "allows one host only; the check always connects to the hosts of the list, and to none that a server announces",
  ),
  srvServiceName: used("part of the name of the SRV record"),
  srvMaxHosts: used("allowed with mongodb+srv only; the check tries up to 20 hosts of the record until one answers"),
  srvAllowedHostsSuffix: refused("would let a DNS answer lead the check to another domain"),
  srvHostValidator: refused("is code, which a connection string cannot contain"),

  // TLS
  tls: used("whether to use TLS; with mongodb+srv the default is true"),
  ssl: used("the older name of tls"),
  tlsInsecure: used(`only "false", the default: true ${WHY_NOT_INSECURE}`),
  tlsAllowInvalidCertificates: used(`only "false", the default: true ${WHY_NOT_INSECURE}`),
  tlsAllowInvalidHostnames: used(`only "false", the default: true ${WHY_NOT_INSECURE}`),
  tlsCAFile: refused(`${FILE} (add the server's CA to --ca-bundle instead)`),
  tlsCRLFile: refused(FILE),
  tlsCertificateKeyFile: refused(FILE),
  tlsCertificateKeyFilePassword: refused(`belongs to tlsCertificateKeyFile, which ${FILE}`),
  sslCertificateAuthorityFile: refused(FILE),
  sslClientCertificateKeyFile: refused(FILE),
  sslClientCertificateKeyPassword: refused(`belongs to sslClientCertificateKeyFile, which ${FILE}`),
  tlsDisableOCSPEndpointCheck: ignored("the check contacts no OCSP responder"),
  tlsDisableCertificateRevocationCheck: ignored("the check does not look for revoked certificates"),

  // The way there
  proxyHost: refused(PROXY),
  proxyPort: refused(PROXY),
  proxyUsername: refused(PROXY),
  proxyPassword: refused(PROXY),

  // What the application does later
  appName: ignored("a name for the server's log; the check uses its own"),
  compressors: ignored(
    "the check exchanges a few hundred bytes, and accepts no compressed reply, which might expand without a limit",
  ),
  zlibCompressionLevel: ignored("see compressors"),
  readPreference: ignored("the check may use any member"),
  readPreferenceTags: ignored("see readPreference"),
  maxStalenessSeconds: ignored("see readPreference"),
  hedge: ignored("see readPreference"),
  readConcernLevel: ignored("the check reads no documents"),
  w: ignored("the check writes nothing"),
  wtimeout: ignored("the check writes nothing"),
  wtimeoutMS: ignored("the check writes nothing"),
  j: ignored("the check writes nothing"),
  journal: ignored("the check writes nothing"),
  fsync: ignored("the check writes nothing"),
  safe: ignored("the check writes nothing"),
  retryReads: ignored("the check never retries: a second attempt with a wrong password may lock the account"),
  retryWrites: ignored("the check writes nothing"),
  maxAdaptiveRetries: ignored("the check never retries"),
  enableOverloadRetargeting: ignored("the check never retries"),
  uuidRepresentation: ignored("how an application in Java, Python or C# stores UUIDs"),

  // Time and connections: the check has its own limits
  connectTimeoutMS: ignored("the check has its own limit"),
  serverSelectionTimeoutMS: ignored("the check has its own limit"),
  serverSelectionTryOnce: ignored("the check has its own limit"),
  socketTimeoutMS: ignored("the check has its own limit"),
  timeoutMS: ignored("the check has its own limit"),
  waitQueueTimeoutMS: ignored("the check makes one connection"),
  waitQueueMultiple: ignored("the check makes one connection"),
  maxPoolSize: ignored("the check makes one connection"),
  minPoolSize: ignored("the check makes one connection"),
  maxConnecting: ignored("the check makes one connection"),
  maxIdleTimeMS: ignored("the check closes its connection when it ends"),
  heartbeatFrequencyMS: ignored("the check sends no heartbeat"),
  minHeartbeatFrequencyMS: ignored("the check sends no heartbeat"),
  localThresholdMS: ignored("the check tries one host after another"),
  serverMonitoringMode: ignored("the check does not monitor servers"),
};

/** Mechanisms that the check cannot use, and why. */
export const REFUSED_MECHANISMS: ReadonlyMap<string, string> = new Map([
  ["MONGODB-AWS", "would log in with the AWS identity of the operator itself"],
  ["GSSAPI", "would log in with the Kerberos identity of the operator itself"],
  ["MONGODB-OIDC", "would log in with a token of the operator itself"],
  ["MONGODB-X509", "needs a client certificate, and a connection string can only name one by file"],
  ["MONGODB-CR", "was removed in MongoDB 4.0"],
]);

const RULES = new Map(Object.entries(MONGODB_OPTIONS).map(([name, rule]) => [name.toLowerCase(), { name, ...rule }]));

/** The rule for an option, with its name as documented; undefined when there is none. */
export function optionRule(name: string): (OptionRule & { name: string }) | undefined {
  return RULES.get(name.toLowerCase());
}
