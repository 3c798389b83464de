import type { KubeClient } from "./client.ts";

/**
 * The same client for a replica that may lose the right to write at any moment: `assertMayWrite` is called when a write
 * is about to leave, not when the write was requested, and what it throws is what the write fails with. Reads pass.
 */
export function fenced(client: KubeClient, assertMayWrite: () => void): KubeClient {
  const fence = { beforeSend: assertMayWrite };
  return {
    ...client,
    create: (path, body, options) => client.create(path, body, { ...options, ...fence }),
    patch: (path, patch, kind, options) => client.patch(path, patch, kind, { ...options, ...fence }),
    update: (path, body, options) => client.update(path, body, { ...options, ...fence }),
    remove: (path, options) => client.remove(path, { ...options, ...fence }),
  };
}
