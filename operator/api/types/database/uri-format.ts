/**
 * What a composed connection string must have before its placeholders are replaced. The rest is demanded of the composed text.
 */
import { type Demand, hasForm, lacks } from "../../schema/demands.ts";
import { matches } from "../../schema/formats.ts";
import { MONGODB_SCHEME, WITH_CONTROL_CHARACTERS } from "./mongodb-grammar.ts";
import { MONGODB_URI_DEMANDS, PLACEHOLDER_LEFT } from "./mongodb-uri.ts";

/**
 * All placeholders are in the login. What takes their places is percent-encoded, so to the grammar it is a word, as the
 * placeholder is. Anywhere else a placeholder may stand for a port, for two hosts or for nothing.
 */
const ONLY_IN_LOGIN = /^[^/?#]*\/\/[^/?#]*@[^$]*$/;

const SCHEME = hasForm({ form: MONGODB_SCHEME, message: "must begin with mongodb:// or mongodb+srv://" });
const LINES = lacks({
  form: WITH_CONTROL_CHARACTERS,
  message: "must not contain line breaks or tabs, not even at the end",
});

/** The scheme is never composed: it decides whether the login is percent-encoded. */
export const MONGODB_FORMAT_DEMANDS: readonly Demand[] = [
  ...MONGODB_URI_DEMANDS.filter((demand) => demand !== PLACEHOLDER_LEFT).map((demand) =>
    when(ONLY_IN_LOGIN, demand, true),
  ),
  ...[SCHEME, LINES].map((demand) => when(ONLY_IN_LOGIN, demand, false)),
];

/** A demand on the texts that have a form, or on those that do not. */
function when(of: RegExp, { cel, holds, message }: Demand, has: boolean): Demand {
  return {
    cel: (text) => `${has ? "!" : ""}${matches(text, of)} || ${cel(text)}`,
    holds: (text) => of.test(text) !== has || holds(text),
    message,
  };
}
