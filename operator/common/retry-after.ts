/** A server that wants a longer pause gets no longer one: an hour is long for a person who waits. */
const LONGEST_MS = 3_600_000;

/**
 * When the other side wants the next request (RFC 9110 §10.2.3).
 *
 * @param value of the header `Retry-After`: seconds, or a date; the first one, if there are several
 * @param epochMs the time now, in ms since the epoch
 * @returns milliseconds from now, from 0 to an hour; undefined if there is no such header or it makes no sense
 */
export function retryAfterMs(
  value: string | readonly string[] | undefined,
  epochMs: number = Date.now(),
): number | undefined {
  const text = (typeof value === "string" ? value : value?.[0])?.trim() ?? "";
  const ms = /^\d{1,10}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - epochMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), LONGEST_MS);
}
