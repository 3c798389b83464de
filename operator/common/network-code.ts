/**
 * The first code in an error, in what caused it, or in the errors of the several addresses that were tried: ECONNREFUSED.
 *
 * Never the message, which may quote what came over the wire. "UNKNOWN" if there is no code.
 */
export function networkCode(error: unknown): string {
  if (typeof error !== "object" || error === null) return "UNKNOWN";
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  if (typeof code === "string" && /^[A-Z0-9_]{1,64}$/.test(code)) return code;
  const [first] = Array.isArray(errors) ? (errors as unknown[]) : [];
  const next = first ?? cause;
  return next === error ? "UNKNOWN" : networkCode(next);
}
