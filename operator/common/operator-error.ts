/**
 * The base of every error that this operator throws on purpose.
 *
 * `code` is stable and safe to match on; `message` tells a person what to do. Neither ever carries a secret value: what
 * drivers and servers say is rewritten where it is caught, before it becomes one of these.
 */
export class OperatorError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "OperatorError";
    this.code = code;
  }
}
