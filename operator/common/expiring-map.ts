export type ExpiringMapOptions = {
  /** How long an entry lives after it was last set, in ms, unless `set` says otherwise. */
  ttlMs: number;
  /** How many entries there may be. Beyond that, those that were set the longest time ago go, an eighth of the map. */
  maxEntries?: number;
  /** A monotonic clock, in milliseconds. */
  monotonicMs?: () => number;
};

export type ExpiringMap<K, V> = {
  /** Undefined for an entry that has expired, too. Does not extend its life. */
  get(key: K): V | undefined;
  /** Begins the entry's life again and makes it the youngest. */
  set(key: K, value: V, ttlMs?: number): void;
  delete(key: K): void;
  clear(): void;
  /** Removes what has expired. `set` does so now and then; a caller whose entries must not outlive their time has a timer. */
  sweep(): void;
  /** Entries in memory, some of which may have expired. */
  readonly size: number;
};

/** The map is swept when it has doubled since the last sweep, so that a `set` costs a constant on average. Not below this size. */
const SWEEP_AT_LEAST = 1_000;

/**
 * A map that forgets: by age, and by number. For what is known about strangers (hosts, keys, objects), who could otherwise
 * fill the memory.
 *
 * @example
 * const said = createExpiringMap<string, true>({ ttlMs: 300_000, maxEntries: 4_000 });
 * if (said.get(event) === undefined) said.set(event, true);
 */
export function createExpiringMap<K, V>(options: ExpiringMapOptions): ExpiringMap<K, V> {
  const { ttlMs, maxEntries = Infinity, monotonicMs = () => performance.now() } = options;
  /** In the order in which they were set. */
  const entries = new Map<K, { value: V; expiresAt: number }>();
  let sweepAt = SWEEP_AT_LEAST;

  function sweep(): void {
    const now = monotonicMs();
    for (const [key, { expiresAt }] of entries) if (expiresAt <= now) entries.delete(key);
    sweepAt = Math.max(SWEEP_AT_LEAST, 2 * entries.size);
  }

  /** Several at once: an iterator steps over what was deleted in front, of a large map tens of thousands of holes each time. */
  function evict(): void {
    const kept = Math.ceil((maxEntries * 7) / 8);
    for (const key of entries.keys()) {
      if (entries.size <= kept) return;
      entries.delete(key);
    }
  }

  return {
    get(key) {
      const entry = entries.get(key);
      return entry !== undefined && entry.expiresAt > monotonicMs() ? entry.value : undefined;
    },
    set(key, value, entryTtlMs = ttlMs) {
      entries.delete(key);
      entries.set(key, { value, expiresAt: monotonicMs() + entryTtlMs });
      if (entries.size > sweepAt) sweep();
      if (entries.size > maxEntries) evict();
    },
    delete: (key) => void entries.delete(key),
    clear: () => entries.clear(),
    sweep,
    get size() {
      return entries.size;
    },
  };
}
