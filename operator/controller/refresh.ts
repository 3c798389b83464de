/**
 * Reads from the API server while a plan is carried out. What they find goes into the caches, so that the next plan is made
 * on what is there.
 */
import type { ObjectMeta, PartialObject } from "#common/object-meta";
import type { AppSecret } from "#api/schema/spec";
import type { KubeClient } from "#kube/client/client";
import { statusOf } from "#kube/client/api-error";
import type { Holder, SecretContent, Source } from "#plan/observed";
import { appSecretPath, secretPath } from "./bodies.ts";
import type { Cache } from "./cache/multi-namespace-store.ts";
import { trimAppSecret, trimSecret } from "./cache/transform.ts";
import type { Outcome } from "./outcome.ts";
import { AGAIN, DONE, GONE } from "./outcome.ts";

export type Reader = {
  client: Pick<KubeClient, "get">;
  appSecrets: Pick<Cache<AppSecret>, "get" | "put" | "remove">;
  secrets: Pick<Cache<PartialObject>, "get" | "put" | "remove">;
};

/** Learns each Secret with its content; a forbidden one is as good as missing. */
export async function readSources(reader: Reader, { metadata }: AppSecret, names: readonly string[]): Promise<Outcome> {
  const read = names.map(async (name): Promise<[string, Source]> => {
    try {
      const secret = await readSecret(reader, metadata.namespace, name);
      return [name, secret ? { found: true, ...secret } : { found: false }];
    } catch (error) {
      const status = statusOf(error);
      if (status === 404) return [name, { found: false }];
      if (status === 403) return [name, { found: false, forbidden: true }];
      throw error;
    }
  });
  return { kind: "Again", learned: { sources: new Map(await Promise.all(read)) } };
}

/** Learns the content of a Secret that this AppSecret published; nothing when it is gone, which the cache then knows too. */
export async function readPublished(reader: Reader, { metadata }: AppSecret, name: string): Promise<Outcome> {
  const { namespace } = metadata;
  const known = reader.secrets.get(namespace, name);
  try {
    const ownSecret = await readSecret(reader, namespace, name);
    return ownSecret ? found(ownSecret) : AGAIN;
  } catch (error) {
    const status = statusOf(error);
    if (!known || (status !== 403 && status !== 404)) throw error;
    const { uid, resourceVersion } = known.metadata;
    if (status === 403) return found({ uid, resourceVersion });
    reader.secrets.remove(known);
    return AGAIN;
  }
}

function found(content: SecretContent): Outcome {
  return { kind: "Again", learned: { ownSecrets: new Map([[content.uid, content]]) } };
}

/** @returns undefined when it was deleted meanwhile: the watch said so before the reply came, and will not say it again */
async function readSecret({ client, secrets }: Reader, namespace: string, name: string) {
  const secret = await client.get<PartialObject & { data?: Record<string, string> }>(secretPath(namespace, name));
  secrets.put(trimSecret({ apiVersion: "v1", kind: "Secret", metadata: secret.metadata }));
  const { uid, resourceVersion } = secret.metadata;
  if (secrets.get(namespace, name)?.metadata.uid !== uid) return undefined;
  return { uid, resourceVersion, data: secret.data ?? {} };
}

/** The cache then has the Secret's metadata as they are now, or has it no more. */
export async function refreshSecret({ client, secrets }: Reader, namespace: string, name: string): Promise<void> {
  try {
    secrets.put(trimSecret(await client.get<PartialObject>(secretPath(namespace, name), { metadataOnly: true })));
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    const known = secrets.get(namespace, name);
    if (known) secrets.remove(known);
  }
}

/** @returns whether the AppSecret with this uid exists; the cache then has it as it is now, and else has it no more */
export async function refreshAppSecret(
  { client, appSecrets }: Pick<Reader, "client" | "appSecrets">,
  { namespace, name, uid }: Pick<ObjectMeta, "namespace" | "name" | "uid">,
): Promise<boolean> {
  const reply = await client.get<AppSecret>(appSecretPath(namespace, name)).catch((error: unknown) => {
    if (statusOf(error) === 404) return undefined;
    throw error;
  });
  if (reply?.metadata.uid === uid) {
    appSecrets.put(trimAppSecret(reply));
    return true;
  }
  const known = appSecrets.get(namespace, name);
  if (known?.metadata.uid === uid) appSecrets.remove(known);
  return false;
}

/**
 * Asks the API server before a write that cannot be taken back.
 *
 * @returns Done when this AppSecret is as the API server has it at this moment, and its type's holder exists; Gone when it
 *   does not exist any more, Again when the picture has changed
 */
export async function confirm(reader: Reader, appSecret: AppSecret, holder?: Holder): Promise<Outcome> {
  const { metadata } = appSecret;
  if (!(await refreshAppSecret(reader, metadata))) return GONE;
  const isHeld = !holder || (await refreshAppSecret(reader, { ...holder, namespace: metadata.namespace }));
  return isHeld && isLatest(reader, appSecret) ? DONE : AGAIN;
}

function isLatest({ appSecrets }: Reader, { metadata }: AppSecret): boolean {
  return appSecrets.get(metadata.namespace, metadata.name)?.metadata.resourceVersion === metadata.resourceVersion;
}
