/**
 * The addresses that a spec may hold, as lists of named demands: the first one that fails is the one that helps.
 *
 * Only the form is judged here. Whether a host may be dialled at all is decided when it is dialled.
 */

/** One demand on an address. `message` reads on after the field's path and never quotes the address. */
export type AddressRule = { form: RegExp; message: string };

const LABEL = "[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?";
/** The last label begins with a letter, or a WHATWG URL parser takes the whole for a (broken) IPv4 address. */
const HOST_NAME = `(${LABEL}[.])*[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?[.]?`;
const OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const IPV4 = `(${OCTET}[.]){3}${OCTET}`;
const IPV6 = `\\[${ipv6()}\\]`;
const PORT = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})";

export const JWKS_URI_RULES: AddressRule[] = [
  {
    form: /^https:[/][/]/,
    message: "must begin with https:// (over http anyone on the way could put in keys of their own)",
  },
  {
    form: new RegExp(`^[^:]*:[/][/](${HOST_NAME}|${IPV4}|${IPV6})(:${PORT})?([/?][!-"$-~]*)?$`),
    message:
      "must be an absolute URL such as https://id.example.com/.well-known/jwks.json, with a host, and without user name, password, fragment or blanks",
  },
];

/** What drivers ask of user name and password: everything that separates is percent-encoded. */
const USER_INFO = "([^:/?#\\[\\]@]+(:[^:/?#\\[\\]@]*)?@)?";
const MONGODB_HOST = "([^:/?#\\[\\]@,]+|\\[[0-9a-fA-F:.]+\\])(:[0-9]{1,5})?";
const SRV_HOST = "[^:/?#\\[\\]@,]+";

export const MONGODB_URI_RULES: AddressRule[] = [
  { form: /^mongodb([+]srv)?:[/][/]/, message: "must begin with mongodb:// or mongodb+srv://" },
  {
    // A YAML block written with "|" ends in a line break; so does `echo` piped into base64.
    form: /^[^\x00-\x20\x7f]*$/,
    message: "must not contain blanks or line breaks, not even at its end",
  },
  {
    form: new RegExp(`^[^:]*:[/][/]${USER_INFO}${MONGODB_HOST}(,${MONGODB_HOST})*([/?]|$)`),
    message:
      "must name a host: mongodb://user:password@host:27017/… (in user name and password, percent-encode : / ? # [ ] and @)",
  },
  {
    form: new RegExp(`^(mongodb:|mongodb[+]srv:[/][/]${USER_INFO}${SRV_HOST}([/?]|$)|[^m])`),
    message: "must name exactly one host and no port after mongodb+srv://",
  },
];

/**
 * What is wrong with a connection string that came from a Secret (a literal one is judged by the schema).
 *
 * @returns the message of the first demand that fails, undefined when the form is right. Never quotes the string.
 */
export function mongodbUriProblem(uri: string): string | undefined {
  return MONGODB_URI_RULES.find(({ form }) => !form.test(uri))?.message;
}

/** RFC 3986's IPv6address, built from its nine alternatives: up to seven groups before `::`, the rest after it. */
function ipv6(): string {
  const group = "[0-9a-fA-F]{1,4}";
  const last = `(${group}:${group}|${IPV4})`;
  const full = `(${group}:){6}${last}`;
  const shortened = [0, 1, 2, 3, 4, 5].map((before) => {
    const head = before === 0 ? "" : `(${group}(:${group}){0,${before - 1}})?`;
    const after = 5 - before;
    return `${head}::${after === 0 ? "" : `(${group}:){0,${after}}`}${last}`;
  });
  return `(${[full, ...shortened].join("|")})`;
}
