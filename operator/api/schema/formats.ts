/**
 * The forms of names and addresses, each written once and used by zod and by the CRD's CEL rules.
 *
 * They keep to what JavaScript and RE2 read alike: no lookaround, no `\s` or `\d`, no single quote (CEL quotes them so).
 */

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";

/** RFC 1123 subdomain: the name of a Secret. Its length is bounded where it is used (253). */
export const DNS_SUBDOMAIN = new RegExp(`^${LABEL}(\\.${LABEL})*$`);

/** Key of a label or an annotation: an optional domain name, a slash, and a name of up to 63 characters. */
export const QUALIFIED_NAME = new RegExp(`^(${LABEL}(\\.${LABEL})*/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$`);

/** Value of a label; its length is bounded where it is used (63). */
export const LABEL_VALUE = /^([A-Za-z0-9]([-._A-Za-z0-9]*[A-Za-z0-9])?)?$/;

/** Keys of labels and annotations that only the operator, Kubernetes itself or kubectl write. */
export const RESERVED_METADATA =
  /^(([-a-z0-9.]+[.])?appsecret[.]dev[/]|(kubectl[.])?kubernetes[.]io[/]|app[.]kubernetes[.]io[/]managed-by$)/;

/** A key of a Secret's data (Kubernetes: IsConfigMapKey), except `.` and names that begin with `..`; see `isDataKey`. */
const DATA_KEY = /^[-._a-zA-Z0-9]{1,253}$/;
const NOT_A_DATA_KEY = /^([.]$|[.][.]|__proto__$)/;

/** Whether a name may be a key of a Secret. `__proto__` is refused too: zod cannot hold it. */
export function isDataKey(key: string): boolean {
  return DATA_KEY.test(key) && !NOT_A_DATA_KEY.test(key);
}

/** The same as CEL over the expression `key`. */
export function isDataKeyCel(key: string): string {
  return `${matches(key, DATA_KEY)} && !${matches(key, NOT_A_DATA_KEY)}`;
}

/** CEL: the expression's text has this form. RE2 writes a character by its number in another way. */
export function matches(expression: string, form: RegExp): string {
  return `${expression}.matches(r'${form.source.replaceAll(/\\u([0-9a-f]{4})/g, "\\x{$1}")}')`;
}

/** CEL: a list of these texts. */
export function listOf(texts: readonly string[]): string {
  return `[${texts.map((text) => `'${text}'`).join(", ")}]`;
}

/** An IPv6 address in a URL. */
export const IPV6 = "\\[[0-9a-fA-F:.]+\\]";

/**
 * Percent-encodes a text for any part of a URL. Half of a surrogate pair has no UTF-8, and encodeURIComponent would throw at it:
 * it becomes U+FFFD as everywhere else.
 */
export function percentEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
