/** One connection string as it is met in the field. Every name, host and password in the corpus is made up. */
export type UriCase = {
  /** Where such a string comes from, in words. Unique in the corpus: the list of known differences names cases by it. */
  what: string;
  uri: string;
  /** An official driver that reads its option, by the driver's source. Not every one is asked in the comparison. */
  takenBy?: string;
};

/** A table of cases, one line each: what it is, and the string. */
export function cases(lines: readonly (readonly [what: string, uri: string])[]): UriCase[] {
  return lines.map(([what, uri]) => ({ what, uri }));
}
