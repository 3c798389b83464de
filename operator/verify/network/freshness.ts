/** What the caching headers of a response allow (RFC 9111) to a private cache that keeps verdicts instead of bodies. Pure. */

export type Freshness = {
  /** It may be remembered at all, and then requested conditionally. */
  storable: boolean;
  /** How long it may be used without another request, in milliseconds. */
  freshMs: number;
};

/** A provider's mistake in a header must not last for days. */
const LONGEST_FRESH_MS = 3_600_000;

/**
 * @param headers with names in lower case
 * @param epochMs when the response came, in ms since the epoch
 */
export function freshness(headers: Readonly<Record<string, string>>, epochMs: number): Freshness {
  const directives = cacheControl(headers["cache-control"]);
  if (directives.has("no-store")) return { storable: false, freshMs: 0 };
  if (directives.has("no-cache")) return { storable: true, freshMs: 0 };
  const lifetime = lifetimeMs(directives.get("max-age"), headers, epochMs);
  // §4.2.3: the time that it has spent in caches on its way counts.
  const age = seconds(headers["age"]) ?? 0;
  return { storable: true, freshMs: Math.min(Math.max(0, lifetime - age * 1_000), LONGEST_FRESH_MS) };
}

/** §5.2. A quoted value may contain commas, but no directive that counts here is a list. A directive's first value counts. */
function cacheControl(value = ""): Map<string, string> {
  const directives = new Map<string, string>();
  for (const part of value.toLowerCase().split(",")) {
    const [name = "", argument = ""] = part.split("=", 2).map((piece) => piece.trim());
    if (!directives.has(name)) directives.set(name, argument.replace(/^"(.*)"$/, "$1"));
  }
  return directives;
}

/** §5.3: max-age takes precedence over Expires, and an Expires that is no date is in the past. */
function lifetimeMs(maxAge: string | undefined, headers: Readonly<Record<string, string>>, epochMs: number): number {
  // §4.2.1: what cannot be read is stale.
  if (maxAge !== undefined) return (seconds(maxAge) ?? 0) * 1_000;
  if (headers["expires"] === undefined) return 0;
  const date = Date.parse(headers["date"] ?? "");
  const lifetime = Date.parse(headers["expires"]) - (Number.isNaN(date) ? epochMs : date);
  return Number.isNaN(lifetime) ? 0 : lifetime;
}

function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text.trim()) ? Number(text) : undefined;
}
