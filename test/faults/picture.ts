import * as assert from "uvu/assert";
import { HOLDS_LABEL } from "#api/names";
import type { ObjectMeta } from "#common/object-meta";
import type { AppSecret } from "#api/schema/spec";
import type { Environment, Secret } from "#support/operator/environment";
import { decoded, state } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import type { Proxy } from "#support/fault-proxy/proxy";

/** A namespace as it is, without what differs from run to run: uids, versions, times. */
export type Picture = {
  secrets: Record<string, unknown>;
  appSecrets: Record<string, unknown>;
  /** How often each Deployment was changed. */
  deployments: Record<string, number>;
};

export async function picture({
  api,
  paths,
  namespace,
}: Pick<Environment, "api" | "paths" | "namespace">): Promise<Picture> {
  const [secrets, appSecrets, deployments] = await Promise.all([
    api.get<{ items: Secret[] }>(paths.secrets),
    api.get<{ items: AppSecret[] }>(paths.appSecrets),
    api.get<{ items: { metadata: ObjectMeta }[] }>(`/apis/apps/v1/namespaces/${namespace}/deployments`),
  ]);
  const uids = new Map(appSecrets.items.map(({ metadata }) => [metadata.uid, metadata.name]));
  const versions = new Map(secrets.items.map(({ metadata }) => [metadata.uid, metadata.resourceVersion]));
  return {
    secrets: Object.fromEntries(secrets.items.map((secret) => [secret.metadata.name, secretPicture(secret, uids)])),
    appSecrets: Object.fromEntries(appSecrets.items.map((one) => [one.metadata.name, appSecretPicture(one, versions)])),
    deployments: Object.fromEntries(
      deployments.items.map(({ metadata }) => [metadata.name, (metadata.generation ?? 1) - 1]),
    ),
  };
}

function secretPicture(secret: Secret, uids: ReadonlyMap<string, string>) {
  const { labels = {}, annotations = {}, ownerReferences = [] } = secret.metadata;
  const owners = ownerReferences.map(({ uid, controller }) => ({
    owner: uids.get(uid) ?? "somebody gone",
    controller,
  }));
  return { type: secret.type, data: decoded(secret), labels, annotations, owners };
}

/** What the status records about the Secret must be true: otherwise the next restart writes the Secret again. */
function appSecretPicture({ metadata, spec, status }: AppSecret, versions: ReadonlyMap<string, string>) {
  const { secret, sources = [], binding, observedGeneration, conditions = [] } = status ?? {};
  return {
    holds: metadata.labels?.[HOLDS_LABEL],
    spec,
    observed: observedGeneration === metadata.generation,
    published: secret && {
      name: secret.name,
      generation: secret.generation,
      contentVersion: secret.contentVersion,
      keys: secret.keys,
      recorded: versions.get(secret.uid) === secret.resourceVersion,
    },
    sources: sources.map(({ name, uid, resourceVersion }) => ({
      name,
      recorded: versions.get(uid) === resourceVersion,
    })),
    binding: binding?.name,
    conditions: conditions.map(({ type, status: is, reason, message, observedGeneration: of }) => ({
      type,
      is,
      reason,
      message,
      of,
    })),
  };
}

/**
 * Waits until every AppSecret has been looked at, what it published is recorded, and the operator has asked nothing for a
 * while.
 *
 * @param restMs how long nothing has to go through the proxy
 */
export async function atRest(
  { api, paths }: Pick<Environment, "api" | "paths">,
  proxy: Proxy,
  restMs = 200,
): Promise<void> {
  await eventually(async () => {
    if (performance.now() - proxy.lastActive() < restMs) throw new Error("the operator is still at work");
    const { items } = await api.get<{ items: AppSecret[] }>(paths.appSecrets);
    const waiting = items.find(({ metadata, status }) => status?.observedGeneration !== metadata.generation);
    if (waiting) throw new Error(`${waiting.metadata.name} was never looked at`);
    const secrets = await api.get<{ items: Secret[] }>(paths.secrets);
    const versions = secrets.items.map(({ metadata: { uid, resourceVersion } }) => `${uid} ${resourceVersion}`);
    const published = items.filter((item) => state(item, "Ready").startsWith("True/Published"));
    const behind = published.find(({ status }) => {
      return !versions.includes(`${status?.secret?.uid} ${status?.secret?.resourceVersion}`);
    });
    if (behind) throw new Error(`${behind.metadata.name} does not record what it published`);
  });
}

/** @returns the picture that is wanted or, after a while, the one that is there instead */
export async function comesTo(
  wanted: Picture,
  env: Pick<Environment, "api" | "paths" | "namespace">,
): Promise<Picture> {
  let last: Picture | undefined;
  await eventually(async () => assert.equal((last = await picture(env)), wanted)).catch(() => undefined);
  return last ?? picture(env);
}
