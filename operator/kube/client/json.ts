/** `undefined` for what is not JSON. JSON.parse quotes its input in its message, and that may be a Secret: the error ends here. */
export function parseOrUndefined(text: string | Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}
