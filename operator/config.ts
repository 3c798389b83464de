import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { z } from "zod";
import { OperatorError } from "./api/errors.ts";
import { DNS_SUBDOMAIN } from "./api/formats.ts";
import { LOG_LEVELS } from "./observe/log.ts";
import { redactText } from "./observe/redact.ts";

/**
 * The operator's settings: flags, and for each flag an environment variable (`--log-level`, `APPSECRET_LOG_LEVEL`). The flag
 * wins, and an empty value is none. All go through one schema, so that a wrong one is refused before anything has started.
 */

/** A wrong flag or variable. The message is one line that names it and says what is allowed; the exit code is 2. */
export class ConfigError extends OperatorError {
  constructor(message: string) {
    super("InvalidConfig", message);
    this.name = "ConfigError";
  }
}

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

const schema = z.object({
  /** None: all. */
  namespaces: namespaceList.default([]),
  concurrency: z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .refine((number) => number >= 1 && number <= 256)
    .default(16),
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
type Flag = { value: string; allowed: string; help: string; default: string };

const SECTIONS: Readonly<Record<string, Partial<Record<Setting, Flag>>>> = {
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

/**
 * @param argv the arguments after the script's name
 * @throws ConfigError
 */
export function readConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Config {
  const flags = readFlags(argv);
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
  const { version: own } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return own;
}

export function helpText(): string {
  const usage = (setting: Setting): string => `${flagName(setting)} ${FLAGS[setting].value}`.trimEnd();
  const width = Math.max(...SETTINGS.map((setting) => usage(setting).length));
  const row = (left: string, right: string): string => `  ${left.padEnd(width)}  ${right}\n`;
  let text = "Publishes a Secret for each AppSecret, once it is known to work.\n\nUsage: appsecret-operator [flags]\n";
  for (const [title, flags] of Object.entries(SECTIONS)) {
    text += `\n${title}:\n`;
    for (const [setting, flag] of Object.entries(flags)) {
      text += row(usage(setting as Setting), flag.help) + row("", `(default: ${flag.default})`);
    }
  }
  text += `\nFurther:\n${row("--help", "Print this.")}${row("--version", "Print the version.")}`;
  return `${text}\nEach flag is an environment variable too: ${flagName("logLevel")} is ${variableName("logLevel")}. A flag wins.\n`;
}

function readFlags(argv: readonly string[]): Map<Setting, string> {
  const byName = new Map(SETTINGS.map((setting) => [flagName(setting), setting]));
  const options = Object.fromEntries(SETTINGS.map((setting) => [kebab(setting), { type: "string" as const }]));
  // Not strict, because the errors are to be ours: one line each, with the flag's name and what is allowed.
  const { tokens } = parseArgs({ args: argv.map(spellOut), options, strict: false, tokens: true });
  const flags = new Map<Setting, string>();
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") throw new ConfigError(`${quote(token.value)} is not a flag`);
    const setting = byName.get(token.rawName);
    if (setting === undefined) throw new ConfigError(`there is no flag ${redactText(token.rawName)}`);
    if (flags.has(setting)) throw new ConfigError(`${token.rawName} is given more than once`);
    if (token.value === undefined || (!token.inlineValue && token.value.startsWith("-"))) {
      throw new ConfigError(`${token.rawName} needs a value: ${FLAGS[setting].allowed}`);
    }
    flags.set(setting, token.value);
  }
  return flags;
}

/** Both `--leader-elect` and `--leader-elect=false` are usual. */
function spellOut(argument: string): string {
  if (argument === flagName("leaderElect")) return `${argument}=true`;
  return argument === "--no-leader-elect" ? `${flagName("leaderElect")}=false` : argument;
}

function parseAddress(text: string): ListenAddress {
  const { v6, host, port } = ADDRESS.exec(text)?.groups ?? {};
  const name = v6 ?? host;
  return { port: Number(port), ...(name ? { host: name } : {}) };
}

function kebab(setting: Setting): string {
  return setting.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function flagName(setting: Setting): string {
  return `--${kebab(setting)}`;
}

function variableName(setting: Setting): string {
  return `APPSECRET_${kebab(setting).replaceAll("-", "_").toUpperCase()}`;
}

/** On one line, short, and without what looks like credentials: someone pastes a URI into the wrong variable some day. */
function quote(text: string): string {
  const safe = redactText(text);
  return JSON.stringify(safe.length > 60 ? `${safe.slice(0, 60)}…` : safe);
}
