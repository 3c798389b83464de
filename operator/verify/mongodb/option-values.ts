/**
 * Which values of an option the official drivers take, by their sources: the Node.js driver 5, 6 and 7, and PyMongo. Where no
 * driver takes a value, the application does not start, or starts without the option.
 */

/** `wrong`: no driver takes it. `doubtful`: some do. Both read on after the option's name, and never quote the value. */
export type Finding = "Right" | { wrong: string } | { doubtful: string };

/** Judges a value, decoded. */
export type ValueRule = (value: string) => Finding;

/** In any case; as driver 5 reads them. Drivers 6 and 7 take the first of each list only, in lower case. */
const TRUE = ["true", "t", "yes", "y", "1"];
const FALSE = ["false", "f", "no", "n", "0", "-1"];

const NO_VALUE: Finding = { wrong: "has no value" };

export const anything: ValueRule = () => "Right";

export const text: ValueRule = (value) => (value === "" ? NO_VALUE : "Right");

/** PyMongo starts without a value, the Node.js drivers do not. */
export const textOrNone: ValueRule = (value) =>
  value === "" ? { doubtful: "has no value, and Node.js drivers do not start with that" } : "Right";

export const boolean: ValueRule = (value) => {
  if (value === "") return NO_VALUE;
  if (value === "true" || value === "false") return "Right";
  const inLowerCase = value.toLowerCase();
  if ([...TRUE, ...FALSE].includes(inLowerCase)) {
    return { doubtful: "must be true or false, in lower case, for the drivers of today" };
  }
  return { wrong: "must be true or false" };
};

export function isTrue(value: string | undefined): boolean {
  return value !== undefined && TRUE.includes(value.toLowerCase());
}

/** Drivers read the digits at the beginning, and leave out what follows ("10s"). */
export function wholeNumber(value: string): number {
  return /^\s*[-+]?\d/.test(value) ? Number.parseInt(value, 10) : Number.NaN;
}

/** @param least -Infinity: also negative numbers */
export function numberFrom(least: number): ValueRule {
  const what = least === -Infinity ? "a whole number" : `a whole number, ${least} or more`;
  return (value) => {
    if (value === "") return NO_VALUE;
    return wholeNumber(value) >= least ? "Right" : { wrong: `must be ${what}` };
  };
}

/** The specification allows -1, and the Node.js drivers refuse it. */
export const staleness: ValueRule = (value) =>
  value === "-1" ? { doubtful: "is -1, which the Node.js drivers refuse" } : numberFrom(1)(value);

export function oneOf(...words: readonly string[]): ValueRule {
  return (value) => {
    if (value === "") return NO_VALUE;
    return words.includes(value) ? "Right" : { wrong: `must be one of ${words.join(", ")}` };
  };
}

export function listOf(...words: readonly string[]): ValueRule {
  return (value) => {
    if (value === "") return NO_VALUE;
    const isRight = value.split(",").every((each) => words.includes(each));
    return isRight ? "Right" : { wrong: `must be a list of ${words.join(", ")}, separated by commas` };
  };
}

/** Empty, it is the set without a tag, which matches every member. Driver 5 refuses that. */
export const tags: ValueRule = (value) => {
  if (value === "") return { doubtful: "is empty, which older drivers refuse" };
  const isRight = value.split(",").every((tag) => tag.includes(":"));
  return isRight ? "Right" : { wrong: "must be a list of name:value, separated by commas" };
};

/** A write concern can have any name, but none that ends in what was left of a string around it. */
export const writeConcern: ValueRule = (value) =>
  /^majority[^A-Za-z0-9]+$/.test(value)
    ? { wrong: "must be majority and no more: with a character behind it, every write fails" }
    : textOrNone(value);

/** RFC 6335 §5.1, and 62 characters as the specification of the seed list allows. */
export const serviceName: ValueRule = (value) => {
  if (value === "") return NO_VALUE;
  return /^_?[a-zA-Z0-9-]{1,62}$/.test(value) ? "Right" : { doubtful: "is no service name (RFC 6335)" };
};
