/**
 * Flags on the command line, and for each an environment variable. What they are called and mean is config.ts's; here is how
 * they are read, refused and listed.
 */
import { parseArgs } from "node:util";
import { OperatorError } from "#common/operator-error";
import { redactText } from "#observe/redact";

/** A wrong flag or variable. The message is one line that names it and says what is allowed; the exit code is 2. */
export class ConfigError extends OperatorError {
  constructor(message: string) {
    super("InvalidConfig", message);
    this.name = "ConfigError";
  }
}

/** How a setting is shown in --help, and what its refusal says. */
export type Flag = { value: string; allowed: string; help: string; default: string };

/** The settings under their headings, in the order of --help. Names are in camelCase: `logLevel` is --log-level. */
export type Sections<Setting extends string> = Readonly<Record<string, Partial<Record<Setting, Flag>>>>;

/** The text of --help. */
export function helpTextOf<Setting extends string>(purpose: string, sections: Sections<Setting>): string {
  const rows = Object.entries(sections).flatMap(([title, flags]) =>
    Object.entries(flags as Record<string, Flag>).map(([setting, flag]) => ({ title, setting, flag })),
  );
  const usage = (setting: string, { value }: Flag): string => `${flagName(setting)} ${value}`.trimEnd();
  const width = Math.max(...rows.map(({ setting, flag }) => usage(setting, flag).length));
  const row = (left: string, right: string): string => `  ${left.padEnd(width)}  ${right}\n`;
  let text = `${purpose}\n\nUsage: appsecret-operator [flags]\n`;
  let under = "";
  for (const { title, setting, flag } of rows) {
    if (title !== under) text += `\n${title}:\n`;
    under = title;
    text += row(usage(setting, flag), flag.help) + row("", `(default: ${flag.default})`);
  }
  text += `\nFurther:\n${row("--help", "Print this.")}${row("--version", "Print the version.")}`;
  return `${text}\nEach flag is an environment variable too: ${flagName("logLevel")} is ${variableName("logLevel")}. A flag wins.\n`;
}

/**
 * The flags that are given, by setting.
 *
 * @param switches those that need no value: `--offline`, `--no-offline`
 * @throws ConfigError
 */
export function readFlags<Setting extends string>(
  argv: readonly string[],
  flagsOf: Readonly<Record<Setting, Flag>>,
  switches: readonly Setting[],
): Map<Setting, string> {
  const settings = Object.keys(flagsOf) as Setting[];
  const byName = new Map(settings.map((setting) => [flagName(setting), setting]));
  const options = Object.fromEntries(settings.map((setting) => [kebab(setting), { type: "string" as const }]));
  const spellOut = spellingOut(switches);
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
      throw new ConfigError(`${token.rawName} needs a value: ${flagsOf[setting].allowed}`);
    }
    flags.set(setting, token.value);
  }
  return flags;
}

/** Both `--offline` and `--offline=false` are usual. */
function spellingOut(switches: readonly string[]): (argument: string) => string {
  return (argument) => {
    for (const setting of switches) {
      if (argument === flagName(setting)) return `${argument}=true`;
      if (argument === `--no-${kebab(setting)}`) return `${flagName(setting)}=false`;
    }
    return argument;
  };
}

function kebab(setting: string): string {
  return setting.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `logLevel` → `--log-level` */
export function flagName(setting: string): string {
  return `--${kebab(setting)}`;
}

/** `logLevel` → `APPSECRET_LOG_LEVEL` */
export function variableName(setting: string): string {
  return `APPSECRET_${kebab(setting).replaceAll("-", "_").toUpperCase()}`;
}

/** On one line, short, and without what looks like credentials: someone pastes a URI into the wrong variable some day. */
export function quote(text: string): string {
  const safe = redactText(text);
  return JSON.stringify(safe.length > 60 ? `${safe.slice(0, 60)}…` : safe);
}
