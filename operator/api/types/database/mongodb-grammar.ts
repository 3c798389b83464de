/**
 * The grammar of MongoDB connection strings, as the official drivers read them: the one source for what is judged at apply
 * (the demands, in zod and CEL) and for what a live check reads (operator/verify/mongodb/uri.ts).
 *
 * MongoDB's "Connection String" specification, and where drivers are more lenient, the drivers: no character is reserved
 * after the question mark, and a `#` begins a fragment there. The forms keep to what JavaScript and RE2 read alike.
 */
const BLANK = "\\x00-\\x20\\x7f";
/** Of a login: drivers refuse bare separators in it. */
const LOGIN_CHARACTER = "[^:/?#\\[\\]@]";
const LOGIN = `${LOGIN_CHARACTER}+(:${LOGIN_CHARACTER}*)?@`;
/** A name or an IPv4 address; percent-encoded, a Unix socket. */
const HOST = "[^:/?#\\[\\]@,]+";
const IPV6 = "\\[[0-9a-fA-F:.]+\\]";
const HOST_AND_PORT = `(${HOST}|${IPV6})(:[0-9]{1,5})?`;
const HOSTS = `${HOST_AND_PORT}(,${HOST_AND_PORT})*`;
const SCHEME = "mongodb(\\+srv)?://";

export const MONGODB_SCHEME = new RegExp(`^${SCHEME}`);
export const SRV_SCHEME = /^mongodb\+srv:\/\//;
export const WITHOUT_BLANKS = new RegExp(`^[^${BLANK}]*$`);
export const WITH_HOSTS = new RegExp(`^${SCHEME}(${LOGIN})?${HOSTS}([/?]|$)`);
export const WITH_LOGIN = new RegExp(`^${SCHEME}${LOGIN}`);
/** Every percent sign of the login begins an encoding. */
export const WITH_ENCODED_LOGIN = new RegExp(`^${SCHEME}([^@%]|%[0-9a-fA-F]{2})*@`);
export const WITH_ONE_SRV_HOST = new RegExp(`^mongodb\\+srv://(${LOGIN})?(${HOST})?([/?]|$)`);

/** The parts of a string that has the forms above, as they are written. For JavaScript only: RE2 names groups otherwise. */
export const MONGODB_URI_PARTS = new RegExp(
  `^mongodb(?<srv>\\+srv)?://((?<user>${LOGIN_CHARACTER}+)(:(?<password>${LOGIN_CHARACTER}*))?@)?` +
    `(?<hosts>[^/?#@]+)(/(?<database>[^?#]*))?(\\?(?<query>[^#]*))?(#.*)?$`,
);
