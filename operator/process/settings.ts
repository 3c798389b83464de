import manifest from "../../package.json" with { type: "json" };
import { z } from "zod";
import { DNS_SUBDOMAIN } from "#api/schema/formats";
import type { Flag, Sections } from "./flags.ts";
import { ConfigError, flagName, helpTextOf, quote, readFlags, variableName } from "./flags.ts";
import { LOG_LEVELS } from "#observe/logger";
import { parseCidr } from "#verify/network/addresses";

export { ConfigError } from "./flags.ts";

/**
 * The operator's settings: flags, and for each flag an environment variable (`--log-level`, `APPSECRET_LOG_LEVEL`). The flag
 * wins, and an empty value is none. All go through one schema, so that a wrong one is refused before anything has started.
 */

/** Without `host`: all addresses. Port 0: a free one. */
export type ListenAddress = { host?: string; port: number };

const DNS_LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
/** `:8080`, `127.0.0.1:8080`, `localhost:0`, `[::1]:8080` */
const ADDRESS = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[A-Za-z0-9.-]*)):(?<port>\d{1,5})$/;

const namespaceList = z
  .string()
  .transform((list) => [...new Set(list.split(",").map((name) => name.trim()))].filter((name) => name !== ""))
  .refine((names) => names.length > 0 && names.every((name) => DNS_LABEL.test(name)));

const listenAddress = z.union([
  z.enum(["0", "off"]).transform(() => "off" as const),
  z
    .string()
    .regex(ADDRESS)
    .transform(parseAddress)
    .refine(({ port }) => port <= 65_535),
]);

const DURATION = /^(?<number>\d{1,6})(?<unit>s|m|h)$/;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };
const MIN_INTERVAL_MS = 10_000;
const MAX_INTERVAL_MS = 24 * 3_600_000;

const duration = z
  .string()
  .regex(DURATION)
  .transform((text) => {
    const { number, unit = "" } = DURATION.exec(text)?.groups ?? {};
    return Number(number) * (UNIT_MS[unit] ?? 0);
  });

const cidrList = z
  .string()
  .transform((list) =>
    list
      .split(",")
      .map((range) => range.trim())
      .filter((range) => range !== ""),
  )
  .refine((ranges) => ranges.every((range) => parseCidr(range) !== undefined));

const schema = z.object({
  /** None: all. */
  namespaces: namespaceList.default([]),
  concurrency: z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .refine((number) => number >= 1 && number <= 256)
    .default(16),
  /** No live checks. */
  offline: z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .default(false),
  /** In ms. */
  verifyInterval: duration.refine((ms) => ms >= MIN_INTERVAL_MS && ms <= MAX_INTERVAL_MS).default(600_000),
  egressAllow: cidrList.default([]),
  egressDeny: cidrList.default([]),
  /** A file with CA certificates in PEM. */
  caBundle: z.string().optional(),
  atlasBaseUrl: z
    .string()
    .refine((url) => URL.canParse(url) && new URL(url).protocol === "https:")
    .transform((url) => url.replace(/\/+$/, ""))
    .default("https://cloud.mongodb.com"),
  /** Undefined: if the operator runs in the cluster. */
  leaderElect: z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .optional(),
  /** Undefined: the Pod's namespace, or that of the kubeconfig's context. */
  leaseNamespace: z.string().regex(DNS_LABEL).optional(),
  leaseName: z.string().max(253).regex(DNS_SUBDOMAIN).default("appsecret-operator"),
  metricsAddress: listenAddress.default({ port: 8080 }),
  logLevel: z.enum(LOG_LEVELS).default("info"),
  /** Undefined: $KUBECONFIG, the Pod's service account, ~/.kube/config. */
  kubeconfig: z.string().optional(),
});

export type Config = z.output<typeof schema>;
type Setting = keyof Config;

const SECTIONS: Sections<Setting> = {
  "What it works on": {
    namespaces: {
      value: "<a,b,…>",
      allowed: "names of namespaces, separated by commas",
      help: "Watch these namespaces only; rights in them are enough then.",
      default: "all namespaces",
    },
    kubeconfig: {
      value: "<file>",
      allowed: "a file",
      help: "Work on the cluster of this file's current context.",
      default: "$KUBECONFIG, else the cluster that it runs in, else ~/.kube/config",
    },
    concurrency: {
      value: "<number>",
      allowed: "a whole number from 1 to 256",
      help: "How many AppSecrets are reconciled at once.",
      default: "16",
    },
  },
  "Live checks": {
    offline: {
      value: "",
      allowed: "true or false",
      help: "Make no live checks. --no-offline: make them.",
      default: "false",
    },
    verifyInterval: {
      value: "<time>",
      allowed: "a time from 10s to 24h, such as 90s, 10m or 1h",
      help: "How often each target is checked again.",
      default: "10m",
    },
    egressAllow: {
      value: "<cidr,…>",
      allowed: "address ranges such as 10.0.0.0/8 or fd00::/8, separated by commas",
      help: "Let checks connect to these private or loopback addresses, too.",
      default: "public addresses; for databases also private ones",
    },
    egressDeny: {
      value: "<cidr,…>",
      allowed: "address ranges such as 10.0.0.0/8 or fd00::/8, separated by commas",
      help: "Let no check connect to these addresses. Wins over --egress-allow.",
      default: "link-local, multicast and cloud metadata, always",
    },
    caBundle: {
      value: "<file>",
      allowed: "a file with certificates in PEM",
      help: "Trust the CAs in this file, too.",
      default: "those of the system",
    },
    atlasBaseUrl: {
      value: "<url>",
      allowed: "an https:// URL",
      help: "Where the MongoDB Atlas Admin API is.",
      default: "https://cloud.mongodb.com",
    },
  },
  "Several replicas": {
    leaderElect: {
      value: "",
      allowed: "true or false",
      help: "Work only while holding a Lease. --no-leader-elect: do without.",
      default: "true in a cluster, else false",
    },
    leaseNamespace: {
      value: "<name>",
      allowed: "the name of a namespace",
      help: "Where the Lease is.",
      default: "the namespace that it runs in",
    },
    leaseName: {
      value: "<name>",
      allowed: "the name of a Lease: lower-case letters, digits, - and .",
      help: "The name of the Lease.",
      default: "appsecret-operator",
    },
  },
  "What it tells": {
    metricsAddress: {
      value: "<[host]:port>",
      allowed: "an address like :8080, 127.0.0.1:8080 or [::1]:8080, or off",
      help: "Serve /metrics, /livez and /readyz here. off, or 0: nowhere.",
      default: ":8080",
    },
    logLevel: {
      value: "<level>",
      allowed: `one of ${LOG_LEVELS.join(", ")}`,
      help: `How much is logged: ${LOG_LEVELS.join(", ")}.`,
      default: "info",
    },
  },
};
const FLAGS = Object.assign({}, ...Object.values(SECTIONS)) as Readonly<Record<Setting, Flag>>;
const SETTINGS = Object.keys(FLAGS) as Setting[];
/** Also without a value, and as `--no-…`. */
const SWITCHES: readonly Setting[] = ["leaderElect", "offline"];

/**
 * @param argv the arguments after the script's name
 * @throws ConfigError
 */
export function readConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Config {
  const flags = readFlags(argv, FLAGS, SWITCHES);
  const given = new Map<string, { source: string; text: string }>();
  for (const setting of SETTINGS) {
    // Variables that are no setting of ours are not looked at: Kubernetes itself sets APPSECRET_OPERATOR_SERVICE_HOST in
    // every Pod of a namespace with a Service of that name.
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
  const setting = String(error.issues[0]?.path[0]) as Setting;
  const { source, text } = given.get(setting) ?? { source: flagName(setting), text: "" };
  throw new ConfigError(`${source} must be ${FLAGS[setting].allowed}, not ${quote(text)}`);
}

/**
 * For main: prints what --help and --version ask for, and ends the process then (0) or at a wrong setting (2, one line on
 * standard error).
 */
export function configOrExit(argv: readonly string[], env: NodeJS.ProcessEnv): Config {
  if (argv.includes("--help") || argv.includes("-h")) {
    process.stdout.write(helpText());
    process.exit(0);
  }
  if (argv.includes("--version")) {
    process.stdout.write(`${version()}\n`);
    process.exit(0);
  }
  try {
    return readConfig(argv, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`appsecret-operator: ${error.message} (--help lists all flags)\n`);
    process.exit(2);
  }
}

/** The version in package.json, which a release sets. */
export function version(): string {
  return manifest.version;
}

export function helpText(): string {
  return helpTextOf("Publishes a Secret for each AppSecret, once it is known to work.", SECTIONS);
}

function parseAddress(text: string): ListenAddress {
  const { v6, host, port } = ADDRESS.exec(text)?.groups ?? {};
  const name = v6 ?? host;
  return { port: Number(port), ...(name ? { host: name } : {}) };
}
