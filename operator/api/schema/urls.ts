/**
 * The addresses that a spec may hold, as lists of demands, each with the sentence that helps when it is not met.
 *
 * Only the form is judged. A few texts of the right form are still no URL (an unknown punycode, 999.0.0.1): whoever dials
 * one of these parses it first, and must be ready for that to fail.
 */
import {
  MONGODB_SCHEME,
  SRV_SCHEME,
  WITHOUT_BLANKS,
  WITH_ENCODED_LOGIN,
  WITH_HOSTS,
  WITH_LOGIN,
  WITH_ONE_SRV_HOST,
} from "../types/database/mongodb-grammar.ts";
import { matches } from "./formats.ts";

/** One demand. `message` reads on after the field's path and never quotes the address. */
type Demand = {
  /** The demand is made only of texts like this, so that one mistake gives one message. */
  of?: RegExp;
  form: RegExp;
  message: string;
};

/** Whether the demand is met. */
export function isMet({ of, form }: Demand, address: string): boolean {
  return (of !== undefined && !of.test(address)) || form.test(address);
}

/** The same as CEL over the expression `address`. */
export function isMetCel({ of, form }: Demand, address: string): string {
  return of === undefined ? matches(address, form) : `!${matches(address, of)} || ${matches(address, form)}`;
}

const LABEL = "[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?";
/** The last label begins with a letter, or a URL parser takes the whole for a (broken) IPv4 address. */
const HOST_NAME = `(${LABEL}\\.)*[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?\\.?`;
const IPV4 = "[0-9]{1,3}(\\.[0-9]{1,3}){3}";
const IPV6 = "\\[[0-9a-fA-F:.]+\\]";
const HTTPS = /^https:\/\//;

export const JWKS_URI_DEMANDS: Demand[] = [
  { form: HTTPS, message: "must begin with https:// (over http, anyone on the way could put in keys of their own)" },
  {
    of: HTTPS,
    form: new RegExp(`^https://(${HOST_NAME}|${IPV4}|${IPV6})(:[0-9]{1,5})?([/?][!-"$-~]*)?$`),
    message:
      "must be an absolute URL such as https://id.example.com/.well-known/jwks.json: with a host, and without user name, password, fragment or blanks",
  },
];

export const MONGODB_URI_DEMANDS: Demand[] = [
  { form: MONGODB_SCHEME, message: "must begin with mongodb:// or mongodb+srv://" },
  {
    // A YAML block written with "|" ends in a line break; so does `echo` piped into base64.
    form: WITHOUT_BLANKS,
    message: "must not contain blanks or line breaks, not even at its end",
  },
  {
    of: MONGODB_SCHEME,
    form: WITH_HOSTS,
    message:
      "must name a host, as in mongodb://user:password@host:27017 (percent-encode : / ? # [ ] and @ in user name and password)",
  },
  {
    of: WITH_LOGIN,
    form: WITH_ENCODED_LOGIN,
    message: "must have every percent sign in the user name and password percent-encoded (%25)",
  },
  {
    of: SRV_SCHEME,
    form: WITH_ONE_SRV_HOST,
    message: "must name exactly one host and no port after mongodb+srv://",
  },
];

/**
 * What is wrong with a connection string that was read from a Secret (a literal one is judged by the schema).
 *
 * @returns the message of the first demand that is not met, undefined when the form is right. Never quotes the string.
 */
export function mongodbUriProblem(uri: string): string | undefined {
  return MONGODB_URI_DEMANDS.find((demand) => !isMet(demand, uri))?.message;
}
