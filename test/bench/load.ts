/**
 * The load, and the floor: the fastest honest way to get the same objects into the API server without an operator. One
 * client creates each AppSecret and writes its Secret and its status itself, with the operator's own client and requests.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { GROUP, PLURAL, VERSION } from "#api/names";
import type { ObjectMeta, PartialObject } from "#common/object-meta";
import type { AppSecret } from "#api/schema/spec";
import type { AppSecretStatus } from "#api/status";
import type { KubeClient } from "#kube/client/client";
import { statusPatch } from "#controller/bodies";

/** As many requests at once as the operator has reconciles. */
export const AT_ONCE = 16;

export function appSecretsPath(namespace: string): string {
  return `/apis/${GROUP}/${VERSION}/namespaces/${namespace}/${PLURAL}`;
}

export function secretsPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/secrets`;
}

/** Of a type that is never checked live, so that the API server is the only other side. */
const SPEC = {
  type: "Custom",
  custom: {
    data: {
      API_KEY: { value: "0123456789abcdef0123456789abcdef" },
      ENDPOINT: { value: "https://billing.example.com/v1" },
      TIMEOUT_SECONDS: { value: "30" },
    },
  },
};

/** Creates an AppSecret as a person would. */
export function createAppSecret(
  client: KubeClient,
  namespace: string,
  name: string,
  spec: object = SPEC,
): Promise<AppSecret> {
  const body = { apiVersion: `${GROUP}/${VERSION}`, kind: "AppSecret", metadata: { name, namespace }, spec };
  return client.create(appSecretsPath(namespace), body, { query: { fieldManager: "bench" } });
}

/** Makes an AppSecret, and whatever belongs to it. Resolves with how long the API server took to create it, in ms. */
export type Maker = (name: string) => Promise<number>;

/** What the operator wrote for one AppSecret, to be written for others by the floor. */
export type Template = { name: string; uid: string; secret: string; status: string };

/** @param name of an AppSecret with `SPEC` that the operator has published */
export async function templateOf(client: KubeClient, namespace: string, name: string): Promise<Template> {
  const { metadata, status } = await client.get<AppSecret>(`${appSecretsPath(namespace)}/${name}`);
  const secret = await client.get<PartialObject & { type: string; data: object }>(`${secretsPath(namespace)}/${name}`);
  const { labels, annotations, ownerReferences } = secret.metadata;
  const body = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, labels, annotations, ownerReferences },
    type: secret.type,
    data: secret.data,
  };
  return { name, uid: metadata.uid, secret: JSON.stringify(body), status: JSON.stringify(status) };
}

/** The floor: what the operator would write is written here. An operator that comes later finds nothing to do. */
export function floor(client: KubeClient, namespace: string, template: Template): Maker {
  const fill = (text: string, { name, uid }: ObjectMeta): unknown =>
    JSON.parse(text.replaceAll(template.name, name).replaceAll(template.uid, uid));
  return async (name) => {
    const began = performance.now();
    const { metadata } = await createAppSecret(client, namespace, name);
    const createdMs = performance.now() - began;
    const secret = await client.create<PartialObject>(secretsPath(namespace), fill(template.secret, metadata), {
      metadataOnly: true,
    });
    const status = fill(template.status, metadata) as AppSecretStatus;
    if (status.secret) {
      status.secret.uid = secret.metadata.uid;
      status.secret.resourceVersion = secret.metadata.resourceVersion;
    }
    const path = `${appSecretsPath(namespace)}/${name}/status`;
    await client.patch(path, statusPatch(metadata, status), "merge", { metadataOnly: true });
    return createdMs;
  };
}

/** Only the AppSecret: the rest is the operator's. */
export function requestOnly(client: KubeClient, namespace: string): Maker {
  return async (name) => {
    const began = performance.now();
    await createAppSecret(client, namespace, name);
    return performance.now() - began;
  };
}

/** `count` tasks, as many at once as told, as fast as they go. */
export async function allOf(count: number, atOnce: number, task: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const hand = async () => {
    for (let index = next++; index < count; index = next++) await task(index);
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, hand));
}

/** Starts a task at each tick, whether the ones before have ended or not; resolves when all have. */
export async function paced(count: number, perSecond: number, task: (index: number) => Promise<unknown>) {
  const began = performance.now();
  const tasks: Promise<unknown>[] = [];
  for (let index = 0; index < count; index += 1) {
    await sleep(Math.max(0, began + (index * 1000) / perSecond - performance.now()));
    tasks.push(task(index));
  }
  await Promise.all(tasks);
}
