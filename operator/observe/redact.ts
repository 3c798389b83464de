import { describeError } from "./describe-error.ts";

/**
 * Removes from a value what must not be logged. No code should pass a secret to the log; this is for the day when some code
 * passes an object that has one inside.
 */

/** Keys whose values are never shown, compared without case, `-` and `_`: in Secrets, AppSecrets, HTTP and kubeconfigs. */
const SENSITIVE_KEYS = new Set([
  ...["value", "values", "data", "stringdata", "binarydata", "sealed", "mongodburi", "uri", "connectionstring"],
  ...["password", "passphrase", "privatekey", "publickey", "secretkey", "clientsecret", "credentials", "spec"],
  ...["authorization", "proxyauthorization", "cookie", "setcookie", "token", "accesstoken", "refreshtoken", "idtoken"],
  ...["certdata", "keydata", "clientcertificatedata", "clientkeydata", "lastappliedconfiguration", "body"],
]);
/** kubectl keeps the whole spec, inline values included, in this annotation. */
const LAST_APPLIED = /last-applied-configuration$/;
/** The user information of a URI: everything between the scheme and the last `@` before a space. */
const URI_CREDENTIALS = /:\/\/[^\s"'<>]*@/g;

const REDACTED = "[redacted]";
const MAX_DEPTH = 6;
const MAX_ITEMS = 100;

/** A copy that is safe to log, at most 6 levels deep. describeError replaces errors. */
function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "function" || typeof value === "symbol") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Error) return describeError(value);
  if (value instanceof Date) return value;
  if (value instanceof URL) return redactText(value.href);
  if (depth >= MAX_DEPTH) return "[…]";
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return REDACTED;
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => redact(item, depth + 1));
  if (value instanceof Map || value instanceof Set) return redact([...value.keys()], depth);
  return redactFields(value, depth);
}

/** The fields of an object, each safe to log. */
export function redactFields(fields: object, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, isSensitive(key) ? REDACTED : redact(value, depth + 1)]),
  );
}

/** Text without the credentials of the URIs in it. */
export function redactText(text: string): string {
  return text.replace(URI_CREDENTIALS, `://${REDACTED}@`);
}

function isSensitive(key: string): boolean {
  return SENSITIVE_KEYS.has(key.replaceAll(/[-_]/g, "").toLowerCase()) || LAST_APPLIED.test(key);
}
