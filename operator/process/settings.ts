import { z } from "zod";
import { DNS_SUBDOMAIN } from "#api/schema/formats";
import { LOG_LEVELS } from "#observe/logger";
import { parseCidr } from "#verify/network/addresses";
import manifest from "../../package.json" with { type: "json" };
import type { Flag } from "./command-line.ts";
import { flagName, helpTextOf, quote, readFlags, SettingsError, variableName } from "./command-line.ts";

export { SettingsError } from "./command-line.ts";

/**
 * The operator's settings: flags, and for each flag an environment variable (`--log-level`, `APPSECRET_LOG_LEVEL`). The flag
 * wins, and an empty value counts as unset. All go through one schema, so that a wrong one is refused before anything starts.
 */
export type Settings = z.output<typeof schema>;

/** Without `host`: all addresses. Port 0: a free one. */
export type ListenAddress = { host?: string; port: number };

const DNS_LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
/** `:8080`, `127.0.0.1:8080`, `localhost:0`, `[::1]:8080` */
const ADDRESS = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9.-]*)):(?<port>\d{1,5})$/;
const DURATION = /^(?<number>\d{1,6})(?<unit>s|m|h)$/;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };
const MIN_INTERVAL_MS = 10_000;
const MAX_INTERVAL_MS = 24 * 3_600_000;

const list = z.string().transform((text) => [
  ...new Set(
    text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== ""),
  ),
]);
const namespaceList = list.refine((names) => names.length > 0 && names.every((name) => DNS_LABEL.test(name)));
const cidrList = list.refine((ranges) => ranges.every((range) => parseCidr(range) !== undefined));
const boolean = z.enum(["true", "false"]).transform((text) => text === "true");
const duration = z.string().regex(DURATION).transform(parseDuration);
const listenAddress = z.union([
  z.enum(["0", "off"]).transform(() => "off" as const),
  z
    .string()
    .regex(ADDRESS)
    .transform(parseAddress)
    .refine(({ port }) => port <= 65_535),
]);

const schema = z.object({
  /** None: all. */
  namespaces: namespaceList.default([]),
  /** Undefined: $KUBECONFIG, the Pod's service account, ~/.kube/config. */
  kubeconfig: z.string().optional(),
  concurrency: z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .refine((number) => number >= 1 && number <= 256)
    .default(16),
  /** No live checks. */
  offline: boolean.default(false),
  /** In ms. */
  verifyInterval: duration.refine((ms) => ms >= MIN_INTERVAL_MS && ms <= MAX_INTERVAL_MS).default(600_000),
  egressAllow: cidrList.default([]),
  egressDeny: cidrList.default([]),
  /** A file with CA certificates in PEM. */
  caBundle: z.string().optional(),
  /** Undefined: as the Pod's /etc/resolv.conf tells it, otherwise cluster.local. */
  clusterDomain: z.string().max(253).regex(DNS_SUBDOMAIN).optional(),
  atlasBaseUrl: z
    .string()
    .refine((url) => URL.canParse(url) && new URL(url).protocol === "https:")
    .transform((url) => url.replace(/\/+$/, ""))
    .default("https://cloud.mongodb.com"),
  /** Undefined: if the operator runs in the cluster. */
  leaderElect: boolean.optional(),
  /** Undefined: the Pod's namespace, or that of the kubeconfig's context. */
  leaseNamespace: z.string().regex(DNS_LABEL).optional(),
  leaseName: z.string().max(253).regex(DNS_SUBDOMAIN).default("appsecret-operator"),
  metricsAddress: listenAddress.default({ port: 8080 }),
  logLevel: z.enum(LOG_LEVELS).default("info"),
});

const CIDRS = "address ranges such as 10.0.0.0/8 or fd00::/8, separated by commas";

/** In the order of --help. */
const FLAGS: Readonly<Record<keyof Settings, Flag>> = {
  namespaces: {
    group: "Scope",
    value: "names",
    allowed: "names of namespaces, separated by commas",
    help: "Watch only these namespaces, separated by commas. The operator then needs no rights outside them.",
    default: "all namespaces",
  },
  kubeconfig: {
    group: "Scope",
    value: "file",
    allowed: "a file",
    help: "Connect to the cluster of this file's current context.",
    default: "$KUBECONFIG, then the cluster it runs in, then ~/.kube/config",
  },
  concurrency: {
    group: "Scope",
    value: "number",
    allowed: "a whole number from 1 to 256",
    help: "Reconcile this many AppSecrets at once, from 1 to 256.",
    default: "16",
  },
  offline: {
    group: "Live checks",
    help: "Make no live checks.",
    allowed: "true or false",
    negated: "Make live checks.",
    default: "false",
  },
  verifyInterval: {
    group: "Live checks",
    value: "time",
    allowed: "a time from 10s to 24h, such as 90s, 10m or 1h",
    help: "Repeat the check of each target after this time, from 10s to 24h.",
    default: "10m",
  },
  egressAllow: {
    group: "Live checks",
    value: "cidrs",
    allowed: CIDRS,
    help: "Let checks also connect to these address ranges, separated by commas, if they are private or loopback.",
    default: "public addresses; for databases also private ones",
  },
  egressDeny: {
    group: "Live checks",
    value: "cidrs",
    allowed: CIDRS,
    help: "Never let checks connect to these address ranges; takes precedence over --egress-allow. Link-local, multicast and cloud metadata addresses are always denied.",
    default: "none",
  },
  caBundle: {
    group: "Live checks",
    value: "file",
    allowed: "a file with certificates in PEM",
    help: "Also trust the CAs in this file (PEM).",
    default: "those of the system",
  },
  clusterDomain: {
    group: "Live checks",
    value: "domain",
    allowed: "a DNS domain such as cluster.local",
    help: "Look up short names of an AppSecret below this domain, as Pods of its namespace do.",
    default: "that of the Pod's /etc/resolv.conf, otherwise cluster.local",
  },
  atlasBaseUrl: {
    group: "Live checks",
    value: "url",
    allowed: "an https:// URL",
    help: "Use the MongoDB Atlas Admin API at this URL.",
    default: "https://cloud.mongodb.com",
  },
  leaderElect: {
    group: "Leader election",
    help: "Work only while holding a Lease, so that several replicas can run.",
    allowed: "true or false",
    negated: "Work without a Lease.",
    default: "true in a cluster, otherwise false",
  },
  leaseNamespace: {
    group: "Leader election",
    value: "name",
    allowed: "the name of a namespace",
    help: "The namespace of the Lease.",
    default: "the namespace it runs in",
  },
  leaseName: {
    group: "Leader election",
    value: "name",
    allowed: "the name of a Lease: lower-case letters, digits, - and .",
    help: "The name of the Lease.",
    default: "appsecret-operator",
  },
  metricsAddress: {
    group: "Logs and metrics",
    value: "address",
    allowed: "an address like :8080, 127.0.0.1:8080 or [::1]:8080, or off",
    help: "Serve /metrics, /livez and /readyz on this address, [host]:port. Use 0 or off to serve nothing.",
    default: ":8080",
  },
  logLevel: {
    group: "Logs and metrics",
    value: "level",
    allowed: `one of ${LOG_LEVELS.join(", ")}`,
    help: `Log from this level up: ${LOG_LEVELS.join(", ")}.`,
    default: "info",
  },
};

/**
 * @param argv the arguments after the script's name
 * @throws SettingsError
 */
export function readSettings(argv: readonly string[], env: NodeJS.ProcessEnv): Settings {
  const flags = readFlags(argv, FLAGS);
  const given = new Map<string, { source: string; text: string }>();
  for (const setting of Object.keys(FLAGS)) {
    // Other variables are ignored, even with our prefix: Kubernetes itself sets APPSECRET_OPERATOR_SERVICE_HOST in every Pod
    // of a namespace that has a Service of that name.
    const variable = variableName(setting);
    const text = env[variable];
    const flag = flags.get(setting);
    if (flag) given.set(setting, { source: flagName(setting), text: flag });
    else if (text) given.set(setting, { source: variable, text });
  }
  const { data, error } = schema.safeParse(
    Object.fromEntries([...given].map(([setting, { text }]) => [setting, text])),
  );
  if (data !== undefined) return data;
  const setting = String(error.issues[0]?.path[0]) as keyof Settings;
  const { source, text } = given.get(setting) ?? { source: flagName(setting), text: "" };
  throw new SettingsError(`${source} must be ${FLAGS[setting].allowed}, not ${quote(text)}`);
}

/**
 * For main: prints --help or --version and ends the process (exit code 0), or ends it at a wrong setting (2, one line on
 * standard error).
 */
export function settingsOrExit(argv: readonly string[], env: NodeJS.ProcessEnv): Settings {
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(helpText());
    process.exit(0);
  }
  if (argv.includes("--version")) {
    process.stdout.write(`${version()}\n`);
    process.exit(0);
  }
  try {
    return readSettings(argv, env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    process.stderr.write(`appsecret-operator: ${error.message} (--help lists all flags)\n`);
    process.exit(2);
  }
}

/** The version in package.json, which a release sets. */
export function version(): string {
  return manifest.version;
}

export function helpText(): string {
  return helpTextOf("Publishes a Secret for each AppSecret, after checking that it works.", FLAGS);
}

function parseAddress(text: string): ListenAddress {
  const { v6, host, port } = ADDRESS.exec(text)?.groups ?? {};
  const name = v6 ?? host;
  return { port: Number(port), ...(name ? { host: name } : {}) };
}

/** @returns milliseconds */
function parseDuration(text: string): number {
  const { number, unit = "" } = DURATION.exec(text)?.groups ?? {};
  return Number(number) * (UNIT_MS[unit] ?? 0);
}
