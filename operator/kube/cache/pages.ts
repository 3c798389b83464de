import type { ObjectMeta } from "#common/object-meta";
import type { KubeClient } from "../client/client.ts";
import { MalformedReply } from "../client/api-error.ts";

type Page<T> = { kind?: string; metadata?: { resourceVersion?: string; continue?: string }; items?: T[] | null };

/** client-go's number: a page of Secrets' metadata is half a MiB then. */
const PAGE = "500";
const TIMEOUT_MS = 60_000;

/**
 * Lists a collection in pages and hands over each object; one page at most is in memory at a time. No resourceVersion is
 * asked for, so that the answer is the newest state there is; all pages are of that one moment.
 *
 * @returns the resourceVersion of the list.
 * @throws what the client throws; also 410, when the server has forgotten the moment (after minutes): start over.
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
    // Whatever else is JSON must not be taken for an empty list: everything that is held would be gone.
    if (!page.kind?.endsWith("List") || !version) throw new MalformedReply("GET", path);
    for (const object of page.items ?? []) add(object);
    token = page.metadata?.continue;
    if (!token) return version;
  }
}
