/** Sees changes in the same way for every writer: a watch of metadata by the bench itself. */
import type { PartialObject } from "#common/object-meta";
import type { KubeClient } from "#kube/client/client";

export type Observer = {
  /** When each name was seen first, on the scale of `performance.now()`. */
  readonly seen: ReadonlyMap<string, number>;
  /** Resolves when so many names were seen, with the time at which the last of them was. @throws after `withinMs` */
  until(count: number, withinMs?: number): Promise<number>;
  stop(): void;
};

type Event = { type: string; object: PartialObject };

const PATIENCE_MS = 120_000;

/**
 * @param path a collection, as `/api/v1/namespaces/a/secrets`
 * @param type ADDED: it was created after now. MODIFIED: it was written since; of an AppSecret that nobody edits it says
 *   that its status has come.
 */
export async function observe(client: KubeClient, path: string, type: "ADDED" | "MODIFIED"): Promise<Observer> {
  const list = await client.get<{ metadata: { resourceVersion: string } }>(path, {
    query: { limit: "1" },
    metadataOnly: "list",
  });
  const seen = new Map<string, number>();
  const stopping = new AbortController();
  let waiting: { count: number; resolve: (at: number) => void } | undefined;
  const started = Promise.withResolvers<undefined>();
  const ended = client.stream(path, {
    query: { watch: "true", resourceVersion: list.metadata.resourceVersion, timeoutSeconds: "7200" },
    metadataOnly: true,
    signal: stopping.signal,
    idleMs: 7_200_000,
    onStart: () => started.resolve(undefined),
    onValue(value) {
      const event = value as Event;
      const { name } = event.object.metadata;
      if (event.type !== type || seen.has(name)) return;
      const now = performance.now();
      seen.set(name, now);
      if (waiting && seen.size >= waiting.count) waiting.resolve(now);
    },
  });
  const failed = ended.then(() => {
    throw new Error(`the watch of ${path} ended`);
  });
  failed.catch(() => undefined);
  await Promise.race([started.promise, failed]);

  return {
    seen,
    async until(count, withinMs = PATIENCE_MS) {
      if (seen.size >= count) return performance.now();
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      waiting = { count, resolve };
      const timer = setTimeout(() => reject(new Error(`${path}: ${seen.size} of ${count} seen`)), withinMs);
      return Promise.race([promise, failed]).finally(() => clearTimeout(timer));
    },
    stop: () => stopping.abort(),
  };
}
