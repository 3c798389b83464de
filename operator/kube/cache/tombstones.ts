import { createExpiringMap } from "#common/expiring-map";
import type { ObjectMeta } from "#common/object-meta";
import { compareVersions } from "./resource-version.ts";

/**
 * The memory of objects that left a store, by uid, so that a late message (the reply to a PATCH that overtook its
 * DELETED event, an event repeated) does not bring them back. Messages are late by seconds; five minutes and 50,000
 * entries (a few MiB at most) bound the memory.
 */
export type Tombstones = {
  /** `gone`: deleted, a uid never comes back. `forgotten`: it exists, only what is older than this version is late. */
  add(uid: string, version: string | undefined, how: "gone" | "forgotten"): void;
  refuses(uid: string, version: string): boolean;
  /** A list as of `listVersion` shows these objects: if it is newer than their end, they exist (a restored backup). */
  settle(listed: Iterable<{ metadata: ObjectMeta }>, listVersion: string): void;
  clear(): void;
};

const KEEP_MS = 5 * 60_000;
const KEEP_COUNT = 50_000;

export function createTombstones(monotonicMs: () => number): Tombstones {
  const graves = createExpiringMap<string, { version: string | undefined; how: "gone" | "forgotten" }>({
    ttlMs: KEEP_MS,
    maxEntries: KEEP_COUNT,
    monotonicMs,
  });
  return {
    add(uid, version, how) {
      if (graves.get(uid)?.how === "gone" && how === "forgotten") return;
      graves.set(uid, { version, how });
    },
    refuses(uid, version) {
      const grave = graves.get(uid);
      if (grave === undefined) return false;
      return grave.how === "gone" || compareVersions(version, grave.version) === -1;
    },
    settle(listed, listVersion) {
      if (graves.size === 0) return;
      for (const { metadata } of listed) {
        if (compareVersions(listVersion, graves.get(metadata.uid)?.version) === 1) graves.delete(metadata.uid);
      }
    },
    clear: () => graves.clear(),
  };
}
