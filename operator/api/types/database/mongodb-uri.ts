/** The form of a MongoDB connection string, as demands at apply. What a live check reads is operator/verify/mongodb/uri.ts. */
import { type Demand, hasForm, lacks, problemOf } from "../../schema/demands.ts";
import {
  IN_BASE64,
  IN_QUOTES,
  IN_UTF_16,
  MONGODB_SCHEME,
  NO_TEXT,
  OF_GOOD_FORM,
  SCHEME_IN_CAPITALS,
  SRV_SCHEME,
  WITH_AT,
  WITH_AT_BEHIND,
  WITH_BLANK_IN_FRONT,
  WITH_BYTE_ORDER_MARK,
  WITH_COMMA_TOO_MANY,
  WITH_CONTROL_CHARACTERS,
  WITH_DATABASE_NAME,
  WITH_ENCODED_DATABASE,
  WITH_ENCODED_LOGIN,
  WITH_ENTITY,
  WITH_HOSTS,
  WITH_LOGIN,
  WITH_ONE_SRV_HOST,
  WITH_PAIRS,
  WITH_PASSWORD,
  WITH_PLACEHOLDER,
  WITH_SRV_ADDRESS,
  WITH_VARIABLE,
} from "./mongodb-grammar.ts";

/** Somebody copied the string and did not fill it in. */
export const PLACEHOLDER_LEFT = lacks({
  form: WITH_PLACEHOLDER,
  message: "must have the user name and password in place of placeholders such as <db_password> or $(PASSWORD)",
});

/** One sentence for each mistake. The first that applies is the message. */
export const MONGODB_URI_DEMANDS: readonly Demand[] = [
  lacks({ form: NO_TEXT, message: "must not be empty" }),
  lacks({ form: IN_UTF_16, message: "must be in UTF-8: this looks like UTF-16. Save the value as UTF-8" }),
  lacks({
    form: WITH_BYTE_ORDER_MARK,
    message: "must not begin with a byte order mark, which is invisible. Save the value as UTF-8 without one",
  }),
  lacks({ form: IN_QUOTES, message: "must not have quotes around it" }),
  lacks({ form: IN_BASE64, message: "must not be encoded as base64 once more: it was encoded twice" }),
  lacks({ form: WITH_VARIABLE, message: "must not have the name of a variable and = in front of it" }),
  lacks({
    // A YAML block written with "|" ends in a line break; so does `echo` piped into base64.
    form: WITH_CONTROL_CHARACTERS,
    message: "must not contain line breaks or tabs, not even at the end",
  }),
  lacks({ form: WITH_BLANK_IN_FRONT, message: "must not have spaces in front of it" }),
  hasForm({
    of: SCHEME_IN_CAPITALS,
    form: MONGODB_SCHEME,
    message: "must begin with mongodb:// or mongodb+srv:// in lower case",
  }),
  hasForm({ form: MONGODB_SCHEME, message: "must begin with mongodb:// or mongodb+srv://" }),
  PLACEHOLDER_LEFT,
  lacks({ form: WITH_COMMA_TOO_MANY, message: "must not have a comma too many before, between or after its hosts" }),
  hasForm({
    of: WITH_AT,
    form: WITH_LOGIN,
    message:
      "must have a user name in front of the @, with : / ? # [ ] and @ in the user name and password percent-encoded (@ is %40)",
  }),
  hasForm({
    of: WITH_AT_BEHIND,
    form: OF_GOOD_FORM,
    message: "must have / and ? in the user name and password percent-encoded (%2F, %3F)",
  }),
  hasForm({
    of: WITH_LOGIN,
    form: WITH_ENCODED_LOGIN,
    message: "must have every percent sign in the user name and password percent-encoded (%25)",
  }),
  hasForm({
    of: WITH_LOGIN,
    form: WITH_PASSWORD,
    message: "must have a password after the user name, as in user:password@host",
  }),
  hasForm({
    of: SRV_SCHEME,
    form: WITH_ONE_SRV_HOST,
    message: "must name exactly one host and no port after mongodb+srv://",
  }),
  lacks({
    form: WITH_SRV_ADDRESS,
    message: "must have a name with SRV records after mongodb+srv://. For an IP address or localhost, write mongodb://",
  }),
  hasForm({
    of: MONGODB_SCHEME,
    form: WITH_HOSTS,
    message:
      "must name its hosts, separated by commas: each a name or an IP address (IPv6 in brackets), with a port from 1 to 65535 if any",
  }),
  hasForm({
    of: MONGODB_SCHEME,
    form: WITH_ENCODED_DATABASE,
    message: "must have every percent sign in the database's name percent-encoded (%25)",
  }),
  hasForm({
    of: MONGODB_SCHEME,
    form: WITH_DATABASE_NAME,
    message: 'must have a database without spaces, / " and $ in its name',
  }),
  lacks({ form: WITH_ENTITY, message: "must have & between its options, and not &amp;, which is how XML writes it" }),
  hasForm({
    of: MONGODB_SCHEME,
    form: WITH_PAIRS,
    message: "must have each option after the question mark as name=value, separated by &",
  }),
];

/** @returns what is wrong with a connection string's form; undefined when nothing is. Never quotes the string. */
export function mongodbUriProblem(uri: string): string | undefined {
  return problemOf(MONGODB_URI_DEMANDS, uri);
}
