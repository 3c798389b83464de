/**
 * The grammar of MongoDB connection strings, as the official drivers read them: the one source for what is judged at apply
 * (the demands, in zod and CEL) and for what a live check reads (operator/verify/mongodb/uri.ts).
 *
 * MongoDB's "Connection String" specification, and where drivers are more lenient, the drivers. A form refuses only what every
 * driver refuses, what no server accepts, or what cannot be meant (a line break). The forms keep to what JavaScript and RE2 read
 * alike, without an apostrophe; no alternative may match what another one does, or JavaScript would try all combinations.
 */
const SCHEME = "mongodb(\\+srv)?://";
const AUTHORITY_END = "([/?]|$)";

/** Of a login: drivers refuse bare separators in it. */
const LOGIN_CHARACTER = "[^:/?#\\[\\]@]";
const LOGIN = `${LOGIN_CHARACTER}+(:${LOGIN_CHARACTER}*)?@`;

/** Letters, digits, "-", "." and "_"; beyond ASCII all but blanks and punctuation that word processors and chats insert. */
const HOST_CHARACTER = "[^\\x00-,/:-@\\[-\\^`{-\\xa0\\u2000-\\u206f\\u3000\\ufeff]";
const HOST = `${HOST_CHARACTER}+`;
/** With a zone, an address of one machine (RFC 6874). */
const IPV6 = "\\[[0-9a-fA-F:.]+(%25[0-9a-zA-Z._~-]+)?\\]";
const PORT = "0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
/** Its path is percent-encoded. One without a percent sign has the form of a host. */
const SOCKET = `${HOST_CHARACTER}*(%2[eE]|%[^:/?#\\[\\]@,]*(\\.|%2[eE]))sock`;
const ENTRY = `((${HOST}|${IPV6})(:(${PORT})?)?|${SOCKET})`;
const HOSTS = `${ENTRY}(,${ENTRY})*`;

/** A character of UTF-8, percent-encoded, beyond ASCII (RFC 3629 §4). */
const CONTINUED = "%[89abAB][0-9a-fA-F]";
const ENCODED_BEYOND_ASCII =
  `%[cC][2-9a-fA-F]${CONTINUED}|%[dD][0-9a-fA-F]${CONTINUED}|%[eE]0%[abAB][0-9a-fA-F]${CONTINUED}|` +
  `%[eE]([1-9a-cA-CefEF]${CONTINUED}|[dD]%[89][0-9a-fA-F])${CONTINUED}|` +
  `%[fF](0%[9abAB][0-9a-fA-F]|[1-3]${CONTINUED}|4%8[0-9a-fA-F])${CONTINUED}${CONTINUED}`;
const ENCODED = `%[0-7][0-9a-fA-F]|${ENCODED_BEYOND_ASCII}`;
/** Without a blank and / " $, which no database has in its name (MongoDB manual, "Naming Restrictions"). */
const ENCODED_IN_DATABASE = `%[013-7][0-9a-fA-F]|%2[135-9a-eA-E]|${ENCODED_BEYOND_ASCII}`;

const PAIR = "[^=&]+=[^&]*";

/** Mechanisms whose login needs no password in the string. */
const PASSWORDLESS = ["MONGODB-X509", "MONGODB-AWS", "MONGODB-OIDC", "GSSAPI", "PLAIN"];
const BY_PASSWORDLESS = `[^?]*\\?(.*&)?${inAnyCase("authMechanism")}=(${PASSWORDLESS.map(inAnyCase).join("|")})(&|$)`;

/** What documentation, shells, Kubernetes and Helm have in place of a value. Percent-encoded, it stands for itself. */
const PLACEHOLDER =
  `(<[^<>@/?:]{0,40}(${["passw", "pwd", "user"].map(inAnyCase).join("|")})[^<>@/?:]{0,40}>|\\$\\{[A-Za-z_]\\w*\\}|\\$\\([A-Za-z_]\\w*\\)|` +
  "\\$[A-Z][A-Z0-9]*_[A-Z0-9_]*|\\{\\{[^{}@/?:]*\\}\\})";

export const NO_TEXT = /^$/;
/** What is left of UTF-16 when it is read as UTF-8. */
export const IN_UTF_16 = new RegExp("\\x00[^\\x00]\\x00|^\\ufffd");
export const WITH_BYTE_ORDER_MARK = new RegExp("^\\ufeff");
export const IN_QUOTES = new RegExp('^["\\x27`\\u2018-\\u201f]');
/** "mongodb" in base64. */
export const IN_BASE64 = /^bW9uZ29kY/;
export const WITH_VARIABLE = /^\w+=[ "\x27]*mongodb/;
export const WITH_CONTROL_CHARACTERS = /[\x00-\x1f\x7f]/;
export const WITH_BLANK_IN_FRONT = /^ /;
export const SCHEME_IN_CAPITALS = new RegExp(`^${inAnyCase("mongodb")}(\\+${inAnyCase("srv")})?://`);
export const MONGODB_SCHEME = new RegExp(`^${SCHEME}`);
export const SRV_SCHEME = /^mongodb\+srv:\/\//;

export const WITH_PLACEHOLDER = new RegExp(`^${SCHEME}(${PLACEHOLDER}(:[^/?@]*)?|[^:/?@]*:${PLACEHOLDER})@`);
export const WITH_COMMA_TOO_MANY = new RegExp(`^${SCHEME}([^/?]*@)?(,[^/?@]*|[^/?@]*,(,[^/?@]*)?)${AUTHORITY_END}`);
export const WITH_AT = new RegExp(`^${SCHEME}[^/?]*@`);
export const WITH_LOGIN = new RegExp(`^${SCHEME}${LOGIN}[^@/?]*${AUTHORITY_END}`);
/** A slash or a question mark in a password ends what should be the login. */
export const WITH_AT_BEHIND = new RegExp(`^${SCHEME}[^:@/?]*:[^@/?]*[/?].*@`);
/** Every percent sign of the login begins an encoding. */
export const WITH_ENCODED_LOGIN = new RegExp(`^${SCHEME}([^@%/?]|${ENCODED})*@`);
export const WITH_PASSWORD = new RegExp(`^(${SCHEME}${LOGIN_CHARACTER}+:${LOGIN_CHARACTER}+@|${BY_PASSWORDLESS})`);
export const WITH_HOSTS = new RegExp(`^${SCHEME}(${LOGIN})?${HOSTS}${AUTHORITY_END}`);
export const WITH_ONE_SRV_HOST = new RegExp(`^mongodb\\+srv://(${LOGIN})?${HOST}${AUTHORITY_END}`);
/** No SRV record has such a name. */
export const WITH_SRV_ADDRESS = new RegExp(`^mongodb\\+srv://([^/?]*@)?([0-9.]+|localhost)${AUTHORITY_END}`);
export const WITH_ENCODED_DATABASE = new RegExp(`^${SCHEME}[^/?]*(/([^%?]|${ENCODED})*)?(\\?|$)`);
export const WITH_DATABASE_NAME = new RegExp(`^${SCHEME}[^/?]*(/([^%?/ "$]|${ENCODED_IN_DATABASE})*)?(\\?|$)`);
export const OF_GOOD_FORM = new RegExp(
  `^${SCHEME}(${LOGIN})?${HOSTS}(/([^%?/ "$]|${ENCODED_IN_DATABASE})*)?(\\?(${PAIR})?(&(${PAIR})?)*)?$`,
);
/** As in XML and HTML. */
export const WITH_ENTITY = /^[^?]*\?.*&amp;/;
export const WITH_PAIRS = new RegExp(`^[^?]*(\\?(${PAIR})?(&(${PAIR})?)*)?$`);

/** The parts of a connection string, as they are written. */
export type MongoUriParts = {
  isSrv: boolean;
  /** Without the @. */
  user?: string;
  password?: string;
  hosts: readonly string[];
  database: string;
  query: string;
};

/**
 * Takes a string apart as drivers do: the options begin at the first question mark, the database at the first slash before it,
 * and the login ends at the last @ before both. Of a text without the scheme, nothing is read.
 */
export function mongoUriParts(uri: string): MongoUriParts | undefined {
  const scheme = MONGODB_SCHEME.exec(uri)?.[0];
  if (scheme === undefined) return undefined;
  const [head, query] = splitAt(uri.slice(scheme.length), "?");
  const [authority, database = ""] = splitAt(head, "/");
  const at = authority.lastIndexOf("@");
  const [user, password] = splitAt(authority.slice(0, Math.max(0, at)), ":");
  return {
    isSrv: SRV_SCHEME.test(scheme),
    ...(at >= 0 && { user }),
    ...(at >= 0 && password !== undefined && { password }),
    hosts: authority.slice(at + 1).split(","),
    database,
    query: query ?? "",
  };
}

function splitAt(text: string, separator: string): [before: string, after?: string] {
  const index = text.indexOf(separator);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}

function inAnyCase(word: string): string {
  return word.replaceAll(/[a-z]/gi, (letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`);
}
