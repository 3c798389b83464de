/** A logger as the rooms use it: pino's shape, without pino. Fields first, then one constant sentence. */
export type Log = {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** For tests, and for callers that log nothing. */
export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
