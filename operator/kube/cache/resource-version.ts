/**
 * Resource versions as numbers: `-1`, `0`, `1` as `a` is older than, the same as, or newer than `b`; `undefined` where
 * they cannot be compared.
 *
 * Since Kubernetes 1.35 (KEP-5504) the API promises decimal integers without leading zeros, comparable within one
 * resource, across its objects too. They may exceed 2^53, so they are compared as strings: by length, then by digits.
 */
export function compareVersions(a: string | undefined, b: string | undefined): -1 | 0 | 1 | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a === b) return 0;
  if (!DECIMAL.test(a) || !DECIMAL.test(b)) return undefined;
  if (a.length !== b.length) return a.length < b.length ? -1 : 1;
  return a < b ? -1 : 1;
}

const DECIMAL = /^(0|[1-9][0-9]*)$/;
