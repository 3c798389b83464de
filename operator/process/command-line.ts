import { Command, CommanderError, Option } from "commander";
import { OperatorError } from "#common/operator-error";
import { redactText } from "#observe/redact";

/** A wrong flag or variable. The message is one line that names it and says what is allowed; the exit code is 2. */
export class SettingsError extends OperatorError {
  constructor(message: string) {
    super("InvalidSetting", message);
    this.name = "SettingsError";
  }
}

/** How --help shows a flag, and what the error for a wrong value says. */
export type Flag = {
  /** The heading in --help. Flags of one group stand together. */
  group: string;
  /** The name of its value in --help. None: a boolean, which is also true without a value. */
  value?: string;
  allowed: string;
  help: string;
  /** Of a boolean: what `--no-…` does. */
  negated?: string;
  default: string;
};

/** By setting, whose names are in camelCase: `logLevel` is --log-level. */
export type Flags = Readonly<Record<string, Flag>>;

/** The text of --help, for 80 columns. */
export function helpTextOf(purpose: string, flags: Flags): string {
  const command = commandOf(flags).description(purpose);
  return `${command.helpInformation()}
Every flag is also an environment variable: --log-level is APPSECRET_LOG_LEVEL.
A flag takes precedence over its variable. An empty value counts as unset.
`;
}

/**
 * The text of each flag in `argv`, by setting.
 *
 * @throws SettingsError
 */
export function readFlags(argv: readonly string[], flags: Flags): Map<string, string> {
  const command = commandOf(flags);
  const { operands, unknown } = parse(command, argv, flags);
  const [operand] = operands;
  const [flag] = unknown;
  if (flag !== undefined) throw new SettingsError(`there is no flag ${redactText(flag.replace(/=.*/s, ""))}`);
  if (operand !== undefined) throw new SettingsError(`${quote(operand)} is not a flag`);
  return new Map(Object.entries(command.opts<Record<string, string>>()));
}

/** commander, with one-line messages that say what is allowed in place of its own. */
function parse(command: Command, argv: readonly string[], flags: Flags): ReturnType<Command["parseOptions"]> {
  const booleans = new Set(Object.keys(flags).flatMap((setting) => (flags[setting]?.value ? [] : flagName(setting))));
  try {
    // Spelt out, because commander would take the next argument for the value: `--offline start`.
    return command.parseOptions(argv.map((argument) => (booleans.has(argument) ? `${argument}=true` : argument)));
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // The one error that is left to commander: there is nothing after the last flag.
    const name = argv.at(-1) ?? "";
    const allowed = Object.entries(flags).find(([setting]) => flagName(setting) === name)?.[1].allowed;
    throw new SettingsError(needsValue(name, allowed ?? ""));
  }
}

function commandOf(flags: Flags): Command {
  const command = new Command("appsecret-operator")
    .usage("[flags]")
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .configureHelp({
      helpWidth: 80,
      optionTerm: ({ flags: usage }) => usage.replace(" [boolean]", ""),
      optionDescription: ({ description }) => description,
    })
    .addHelpOption(new Option("-h, --help", "Print this help.").helpGroup("Other:"));
  for (const [setting, flag] of Object.entries(flags)) {
    const value = flag.value === undefined ? "[boolean]" : `<${flag.value}>`;
    command.addOption(
      new Option(`${flagName(setting)} ${value}`, `${flag.help} (default: ${flag.default})`)
        .helpGroup(`${flag.group}:`)
        .argParser(once(setting, flag)),
    );
    if (flag.negated === undefined) continue;
    command.addOption(
      new Option(flagName(setting).replace("--", "--no-"), flag.negated)
        .helpGroup(`${flag.group}:`)
        .preset("false")
        .argParser(once(setting, flag)),
    );
  }
  return command.addOption(new Option("--version", "Print the version.").helpGroup("Other:"));
}

/** commander lets the last one win, and takes a flag for the value of the flag before it. */
function once(setting: string, { allowed }: Flag): (text: string, earlier: string | undefined) => string {
  return (text, earlier) => {
    if (earlier !== undefined) throw new SettingsError(`${flagName(setting)} is given more than once`);
    if (text.startsWith("-")) throw new SettingsError(needsValue(flagName(setting), allowed));
    return text;
  };
}

function needsValue(flag: string, allowed: string): string {
  return `${flag} needs a value: ${allowed}`;
}

/** `logLevel` → `--log-level` */
export function flagName(setting: string): string {
  return `--${kebab(setting)}`;
}

/** `logLevel` → `APPSECRET_LOG_LEVEL` */
export function variableName(setting: string): string {
  return `APPSECRET_${kebab(setting).replaceAll("-", "_").toUpperCase()}`;
}

function kebab(setting: string): string {
  return setting.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** On one line, short, and without what looks like credentials: one day somebody pastes a URI into the wrong variable. */
export function quote(text: string): string {
  const safe = redactText(text);
  return JSON.stringify(safe.length > 60 ? `${safe.slice(0, 60)}…` : safe);
}
