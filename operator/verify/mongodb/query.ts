/** Reads the options of a connection string: names, values, and what drivers do not read alike in them. */
import { badOption } from "./refusal.ts";
import type { DoubtCollector, Options } from "./refusal.ts";
import { optionRule } from "./options.ts";
import type { OptionRule } from "./options.ts";

/** A name that says what it is about. Anything else may be the rest of a password. */
const TELLING_NAME = /^[a-zA-Z][a-zA-Z0-9_]{1,39}$/;

/**
 * @param query what follows the question mark: pairs, each with a name and an =
 * @throws Refused when no driver takes an option
 */
export function readOptions(query: string, doubts: DoubtCollector): Options {
  const options = new Map<string, string>();
  const writtenAs = new Map<string, string>();
  if (query.includes("#")) doubts.add("the options have a #, and some drivers leave out what follows it", "Hello");
  if (query.includes(";")) doubts.add("the options have a ;, which some drivers take for an &", "Nothing");
  const pairs = query.split("#", 1).join("").split("&");
  for (const [index, pair] of pairs.entries()) {
    if (pair === "") {
      if (pairs.length > 1) doubts.add("the options have an & too many, which PyMongo refuses");
      continue;
    }
    const { writtenName, name: decodedName, rawValue, value } = readPair(pair);
    const rule = optionRule(decodedName);
    if (rule === undefined) {
      doubts.add(
        `${nameFor(decodedName, query, index, pairs.length)} is known to no driver of today (a typing error?)`,
      );
      continue;
    }
    const { name } = rule;
    const sure = (note: string) =>
      doubts.add(`${name} ${note}`, rule.use === "Used" || rule.isWay ? "Nothing" : "Login");
    if (rawValue.includes("=")) sure("has a second =, which PyMongo refuses");
    if (writtenName.includes("%")) sure("is percent-encoded in its name, which only some drivers decode");
    if (/\s/.test(pair)) sure("has a space in it, which drivers do not read alike");
    if (/[\x00-\x1f\x7f]/.test(value)) sure("has a control character in its value");
    judge(rule, value, sure);
    const before = writtenAs.get(name);
    if (before !== undefined && name !== "readPreferenceTags") {
      // Drivers 6 and 7 refuse it; of two values, PyMongo and driver 5 do not take the same one.
      sure("is given twice, which drivers of today refuse");
    }
    writtenAs.set(name, writtenName);
    if (name !== "readPreferenceTags" || !options.get(name)) options.set(name, value);
  }
  return options;
}

function readPair(pair: string) {
  const equals = pair.indexOf("=");
  const [writtenName, rawValue] = [pair.slice(0, equals), pair.slice(equals + 1)];
  // As drivers decode them: a + is a space, and a % that begins no encoding stands for itself. Node.js misreads what is no UTF-8
  // beside letters beyond ASCII.
  const ascii = pair.toWellFormed().replaceAll(/[^\x00-\x7f]+/g, encodeURIComponent);
  // Of a question mark in front, the constructor would make nothing; drivers make it part of the name.
  const [[name, value] = ["", ""]] = [...new URLSearchParams(`?${ascii}`)];
  return { writtenName, name, rawValue, value };
}

/** @throws Refused when no driver takes the value */
function judge(rule: OptionRule & { name: string }, value: string, doubt: (note: string) => void): void {
  const finding = rule.value(value);
  if (finding !== "Right" && "wrong" in finding) throw badOption(`${rule.name} ${finding.wrong}`);
  if (finding !== "Right") doubt(finding.doubtful);
  const isHarmless = /^tls(Insecure|AllowInvalid)/.test(rule.name) && value === "false";
  if (rule.use === "Unchecked" && !isHarmless) doubt(rule.why);
}

/** Which option it is: by its name, unless that may be a part of a password. */
function nameFor(name: string, query: string, index: number, count: number): string {
  return TELLING_NAME.test(name) && !query.includes("@")
    ? `the option ${name}`
    : `option number ${index + 1} (of ${count})`;
}
