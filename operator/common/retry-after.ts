/** When the other side wants to be asked again (RFC 9110 §10.2.3). */

/** A server that asks for more is asked again all the same: an hour is long for a person who waits. */
const LONGEST_MS = 3_600_000;

/**
 * @param value of the header `Retry-After`: seconds, or a date
 * @param now epoch milliseconds
 * @returns milliseconds from now, from 0 to an hour; undefined when there is no such header, or no sense in it
 */
export function retryAfterMs(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? "";
  const ms = /^\d{1,10}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), LONGEST_MS);
}
