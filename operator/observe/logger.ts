import { pino, stdTimeFunctions } from "pino";
import { redactFields, redactText } from "./redact.ts";

/**
 * The log: JSON, one line for each change of state, on standard output.
 *
 * A caller passes fields and a constant message. What differs goes into the fields, which can be searched and are redacted.
 * So an error cannot be logged alone: pino would use its message as the message of the line.
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

/** @param destination gets whole lines; the default is standard output */
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
