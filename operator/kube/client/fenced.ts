import type { KubeClient } from "./client.ts";

/**
 * The same client for a replica that may lose the right to write at any moment: every write asks `guard` when it is
 * about to leave, not when it was called for. What `guard` throws is what the write fails with. Reads are free.
 */
export function guardWrites(client: KubeClient, guard: () => void): KubeClient {
  return {
    ...client,
    create: (path, body, options) => client.create(path, body, { ...options, guard }),
    patch: (path, patch, kind, options) => client.patch(path, patch, kind, { ...options, guard }),
    update: (path, body, options) => client.update(path, body, { ...options, guard }),
    remove: (path, options) => client.remove(path, { ...options, guard }),
  };
}
