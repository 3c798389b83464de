/** The form of a MongoDB connection string. What a live check makes of one is operator/verify/mongodb/uri.ts. */
import { type Demand, hasForm, problemOf } from "../../schema/demands.ts";
import { IPV6 } from "../../schema/formats.ts";

const MONGODB = /^mongodb(\+srv)?:\/\//;
const SRV = /^mongodb\+srv:\/\//;
const BLANK = "\\x00-\\x20\\x7f";
/** Drivers refuse user names and passwords with a bare separator in them. */
const USER_INFO = "([^:/?#\\[\\]@]+(:[^:/?#\\[\\]@]*)?@)?";
const HOST = "[^:/?#\\[\\]@,]+";
const HOST_AND_PORT = `(${HOST}|${IPV6})(:[0-9]{1,5})?`;

export const MONGODB_URI_DEMANDS: readonly Demand[] = [
  hasForm({ form: MONGODB, message: "must begin with mongodb:// or mongodb+srv://" }),
  hasForm({
    // A YAML block written with "|" ends in a line break; so does `echo` piped into base64.
    form: new RegExp(`^[^${BLANK}]*$`),
    message: "must not contain spaces or line breaks, not even at the end",
  }),
  hasForm({
    of: MONGODB,
    form: new RegExp(`^mongodb(\\+srv)?://${USER_INFO}${HOST_AND_PORT}(,${HOST_AND_PORT})*([/?]|$)`),
    message:
      "must name a host, as in mongodb://user:password@host:27017 (percent-encode : / ? # [ ] and @ in the user name and password)",
  }),
  hasForm({
    of: SRV,
    form: new RegExp(`^mongodb\\+srv://${USER_INFO}(${HOST})?([/?]|$)`),
    message: "must name exactly one host and no port after mongodb+srv://",
  }),
];

/** @returns what is wrong with a connection string's form; undefined when nothing is. Never quotes the string. */
export function mongodbUriProblem(uri: string): string | undefined {
  return problemOf(MONGODB_URI_DEMANDS, uri);
}
