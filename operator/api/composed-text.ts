/**
 * Texts with placeholders, in Kubernetes' syntax for `command` and `args` of a container: `$(NAME)` stands for the value of
 * NAME, and `$$` for one dollar sign, so that `$$(NAME)` gives `$(NAME)`. Any other dollar sign is itself.
 *
 * Unlike Kubernetes, which leaves an unknown placeholder as it is, the rules refuse one.
 */
import { matches, percentEncoded } from "./schema/formats.ts";
import type { Rule } from "./schema/rules.ts";
import { MONGODB_SCHEME } from "./types/database/mongodb-grammar.ts";

/**
 * Bounds of a format. The API server multiplies them: each name of each of the 256 values of a Custom may stand at each
 * placeholder, and it refuses a CRD with rules that could become too expensive.
 */
export const MAX_FORMAT_LENGTH = 4096;
export const MAX_NAMES = 16;
const MAX_PLACEHOLDERS = 64;

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** The only such name that zod cannot hold. */
const isName = (name: string): boolean => NAME.test(name) && name !== "__proto__";

type Given = { format?: unknown; with?: unknown };
type Composed = { format: string; with: Record<string, unknown> };

/** Whether the value is in this form. Any other passes: the rule about the forms refuses a half of one. */
function isComposed(self: Given): self is Composed {
  return typeof self.format === "string" && typeof self.with === "object" && self.with !== null;
}

/** What stands behind each `$(` that is not escaped, up to the next one. */
function pieces({ format }: Composed): string[] {
  return format.replaceAll("$$", " ").split("$(").slice(1);
}

/** The same in CEL, for which the text before the first placeholder is a piece as well: `first` begins it. */
const piecesCel = (first: string): string =>
  `('${first}' + self.format.replace('$$', ' ')).split('$(', ${MAX_PLACEHOLDERS + 2})`;
/** No piece begins so, because an escaped `$$` is out of the way. */
const FIRST = "$$ ";

const names = (self: Composed): string[] => Object.keys(self.with);
const begins = (piece: string, name: string): boolean => piece.startsWith(`${name})`);

/** The rules on the object that has `format` and `with`. Pairs, as all rules; see schema/rules.ts. */
export const COMPOSED_RULES: readonly Rule<Given>[] = [
  composedRule({
    cel: `self.with.all(name, ${matches("name", NAME)} && name != '__proto__')`,
    holds: (self) => names(self).every(isName),
    message: "must have only names of letters, digits and '_' that do not begin with a digit",
    at: "with",
  }),
  composedRule({
    cel: `${piecesCel(FIRST)}.size() <= ${MAX_PLACEHOLDERS + 1}`,
    holds: (self) => pieces(self).length <= MAX_PLACEHOLDERS,
    message: `must have at most ${MAX_PLACEHOLDERS} placeholders`,
    at: "format",
  }),
  composedRule({
    cel: `${piecesCel(FIRST)}.all(piece, piece.startsWith('${FIRST}') || self.with.exists(name, piece.startsWith(name + ')')))`,
    holds: (self) => pieces(self).every((piece) => names(self).some((name) => begins(piece, name))),
    message: "must have only placeholders $(NAME) whose NAME is in with; write $$( for the two characters $(",
    at: "format",
  }),
  composedRule({
    // For each piece the list of the one name that it begins with. Splitting once for each name would be too expensive.
    cel: `sets.contains(${piecesCel(FIRST)}.map(piece, self.with.filter(name, piece.startsWith(name + ')'))), self.with.map(name, [name]))`,
    holds: (self) => names(self).every((name) => pieces(self).some((piece) => begins(piece, name))),
    message: "must have only names that format uses, as $(NAME)",
    at: "with",
  }),
];

function composedRule(rule: Omit<Rule<Given>, "holds"> & { holds: (self: Composed) => boolean }): Rule<Given> {
  return {
    ...rule,
    cel: `!has(self.format) || !has(self.with) || ${rule.cel}`,
    holds: (self) => !isComposed(self) || rule.holds(self),
  };
}

/**
 * The text that a format describes. Before the `@` of a MongoDB connection string, values are percent-encoded; everywhere
 * else, and in any other text, they are inserted as they are.
 *
 * @param valueOf gives the text for a name. Each name is in `with`: the rules made sure of it.
 */
export function compose(format: string, valueOf: (name: string) => string): string {
  const endOfLogin = lengthOfLogin(format);
  return format.replace(/\$\$|\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (_, name: string | undefined, at: number) => {
    if (name === undefined) return "$";
    return at < endOfLogin ? percentEncoded(valueOf(name)) : valueOf(name);
  });
}

/** How much of a format is the scheme and the login of a MongoDB connection string; 0 for any other text. */
function lengthOfLogin(format: string): number {
  const scheme = MONGODB_SCHEME.exec(format)?.[0];
  if (scheme === undefined) return 0;
  const hosts = format.slice(scheme.length).search(/[/?#]|$/);
  return format.lastIndexOf("@", scheme.length + hosts) + 1;
}
