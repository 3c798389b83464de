/**
 * The base of every error that this operator throws on purpose.
 *
 * `code` is stable and safe to match on. `message` tells a person what to do. Neither ever carries a secret value: the messages
 * of drivers and servers are rewritten where they are caught.
 */
export class OperatorError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "OperatorError";
    this.code = code;
  }
}
