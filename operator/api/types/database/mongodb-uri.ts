/** The form of a MongoDB connection string, as demands at apply. What a live check reads is operator/verify/mongodb/uri.ts. */
import { type Demand, hasForm, problemOf } from "../../schema/demands.ts";
import {
  MONGODB_SCHEME,
  SRV_SCHEME,
  WITHOUT_BLANKS,
  WITH_ENCODED_LOGIN,
  WITH_HOSTS,
  WITH_LOGIN,
  WITH_ONE_SRV_HOST,
} from "./mongodb-grammar.ts";

export const MONGODB_URI_DEMANDS: readonly Demand[] = [
  hasForm({ form: MONGODB_SCHEME, message: "must begin with mongodb:// or mongodb+srv://" }),
  hasForm({
    // A YAML block written with "|" ends in a line break; so does `echo` piped into base64.
    form: WITHOUT_BLANKS,
    message: "must not contain spaces or line breaks, not even at the end",
  }),
  hasForm({
    of: MONGODB_SCHEME,
    form: WITH_HOSTS,
    message:
      "must name a host, as in mongodb://user:password@host:27017 (percent-encode : / ? # [ ] and @ in the user name and password)",
  }),
  hasForm({
    of: WITH_LOGIN,
    form: WITH_ENCODED_LOGIN,
    message: "must have every percent sign in the user name and password percent-encoded (%25)",
  }),
  hasForm({
    of: SRV_SCHEME,
    form: WITH_ONE_SRV_HOST,
    message: "must name exactly one host and no port after mongodb+srv://",
  }),
];

/** @returns what is wrong with a connection string's form; undefined when nothing is. Never quotes the string. */
export function mongodbUriProblem(uri: string): string | undefined {
  return problemOf(MONGODB_URI_DEMANDS, uri);
}
