/** What a reply's caching headers allow (RFC 9111), as a private cache that keeps verdicts instead of bodies. Pure. */

export type Freshness = {
  /** May be remembered at all; it can then be asked for conditionally. */
  storable: boolean;
  /** How long it may be used without asking, in milliseconds. */
  freshMs: number;
};

/** Longer, and a provider's slip would be with us for days. */
const LONGEST_FRESH_MS = 3_600_000;

/**
 * @param headers with names in lower case
 * @param now epoch milliseconds: when the reply came
 */
export function freshness(headers: Readonly<Record<string, string>>, now: number): Freshness {
  const directives = cacheControl(headers["cache-control"]);
  if (directives.has("no-store")) return { storable: false, freshMs: 0 };
  if (directives.has("no-cache")) return { storable: true, freshMs: 0 };
  const lifetime = lifetimeMs(directives.get("max-age"), headers, now);
  // §4.2.3: what it has spent in caches on its way is gone.
  const age = seconds(headers["age"]) ?? 0;
  return { storable: true, freshMs: Math.min(Math.max(0, lifetime - age * 1_000), LONGEST_FRESH_MS) };
}

/** §5.2. What is quoted may hold commas, but no directive that counts here is a list. A directive's first value counts. */
function cacheControl(value = ""): Map<string, string> {
  const directives = new Map<string, string>();
  for (const part of value.toLowerCase().split(",")) {
    const [name = "", argument = ""] = part.split("=", 2).map((piece) => piece.trim());
    if (!directives.has(name)) directives.set(name, argument.replace(/^"(.*)"$/, "$1"));
  }
  return directives;
}

/** §5.3: max-age goes before Expires, and an Expires that is no date is in the past. */
function lifetimeMs(maxAge: string | undefined, headers: Readonly<Record<string, string>>, now: number): number {
  // §4.2.1: what cannot be read is stale.
  if (maxAge !== undefined) return (seconds(maxAge) ?? 0) * 1_000;
  if (headers["expires"] === undefined) return 0;
  const date = Date.parse(headers["date"] ?? "");
  const lifetime = Date.parse(headers["expires"]) - (Number.isNaN(date) ? now : date);
  return Number.isNaN(lifetime) ? 0 : lifetime;
}

function seconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text.trim()) ? Number(text) : undefined;
}
