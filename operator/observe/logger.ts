import { pino, stdTimeFunctions } from "pino";
import { redactFields, redactText } from "./redact.ts";

/**
 * The log: JSON, one line for each change of state, on standard output.
 *
 * A caller gives fields and a message that is the same every time; what differs goes into fields, where it can be searched
 * for and is redacted. That is why there is no way to log an error alone: pino would make its message the line's message.
 *
 * @example
 * log.warn({ namespace, name, generation, err: error }, "reconcile failed");
 */
export type Logger = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A log that adds `fields` to each line. */
  child(fields: object): Logger;
};

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** @param destination gets whole lines; standard output unless a test wants to read them */
export function createLogger(level: LogLevel, destination?: { write(line: string): void }): Logger {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return redacting(destination === undefined ? pino(options) : pino(options, destination));
}

/** Before pino sees anything: its own redaction takes paths of a known depth only. */
function redacting(log: pino.Logger): Logger {
  const at = (level: "debug" | "info" | "warn" | "error") => (fields: object, message: string) => {
    if (log.isLevelEnabled(level)) log[level](redactFields(fields), redactText(message));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => redacting(log.child(redactFields(fields))),
  };
}
