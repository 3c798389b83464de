/**
 * The first code in an error, in what caused it, or in the errors of the several addresses that were tried: ECONNREFUSED. OpenSSL
 * makes some of its codes of names with a slash: ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE.
 *
 * Never the message, which may quote what came over the wire. "UNKNOWN" if there is no code.
 */
export function networkCode(error: unknown): string {
  return firstOf(error, ({ code }) => (typeof code === "string" && CODE.test(code) ? code : undefined)) ?? "UNKNOWN";
}

const CODE = /^(?=.{1,80}$)[A-Z0-9_]+(?:\/[A-Z0-9_]+)*$/;

/**
 * The number of the alert with which a server ended a TLS connection (RFC 8446 §6), from 0 to 255; undefined if none did.
 *
 * OpenSSL tells the number in the message only, whatever its version calls the alert. Nothing else of the message is used.
 */
export function tlsAlert(error: unknown): number | undefined {
  return firstOf(error, ({ code, message }) => {
    if (typeof code !== "string" || !code.startsWith("ERR_SSL_") || typeof message !== "string") return undefined;
    const number = Number(/\bSSL alert number (\d{1,3})\b/.exec(message)?.[1] ?? NaN);
    return number <= 255 ? number : undefined;
  });
}

type ErrorLike = { code?: unknown; message?: unknown; cause?: unknown; errors?: unknown };

/** What `read` finds first in the error, in the first of several, or in what caused it. */
function firstOf<T>(error: unknown, read: (error: ErrorLike) => T | undefined): T | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const found = read(error);
  if (found !== undefined) return found;
  const { cause, errors } = error as ErrorLike;
  const [first] = Array.isArray(errors) ? (errors as unknown[]) : [];
  const next = first ?? cause;
  return next === error ? undefined : firstOf(next, read);
}
