import type { ObjectMeta } from "#common/object-meta";
import type { KubeClient } from "../client/client.ts";
import { MalformedReply } from "../client/api-error.ts";

type Page<T> = { kind?: string; metadata?: { resourceVersion?: string; continue?: string }; items?: T[] | null };

/** client-go's number: a page of Secrets' metadata then has half a MiB. */
const PAGE = "500";
const TIMEOUT_MS = 60_000;

/**
 * Lists a collection in pages and passes each object to `add`; at most one page is in memory at a time. The request names
 * no resourceVersion, so that the list is the newest state there is; all pages are of that one moment.
 *
 * @returns the resourceVersion of the list
 * @throws what the client throws; 410 if the server has forgotten that moment (after minutes): list from the start then
 */
export async function listPages<T extends { metadata: ObjectMeta }>(
  client: Pick<KubeClient, "get">,
  path: string,
  options: { selectors: Record<string, string>; metadataOnly: boolean; signal: AbortSignal },
  add: (object: T) => void,
): Promise<string> {
  const { selectors, metadataOnly, signal } = options;
  let token: string | undefined;
  for (;;) {
    const page = await client.get<Page<T>>(path, {
      query: { ...selectors, limit: PAGE, ...(token ? { continue: token } : {}) },
      signal,
      timeoutMs: TIMEOUT_MS,
      ...(metadataOnly ? { metadataOnly: "list" } : {}),
    });
    const version = page.metadata?.resourceVersion;
    // Other JSON must not pass for an empty list: everything in the store would be gone.
    if (!page.kind?.endsWith("List") || !version) throw new MalformedReply("GET", path);
    for (const object of page.items ?? []) add(object);
    token = page.metadata?.continue;
    if (!token) return version;
  }
}
