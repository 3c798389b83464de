/**
 * Carries out a plan, one request after another. There are no decisions here: what the API server answers is put into the
 * caches and, where it changes the picture, the caller looks again and plans again.
 */
import type { AppSecret } from "../api/schema.ts";
import type { ObjectMeta, PartialObject } from "../api/metadata.ts";
import type { AppSecretStatus } from "../api/status.ts";
import { ApiError } from "../kube/errors.ts";
import type { KubeClient } from "../kube/client.ts";
import type { EventRecorder } from "../kube/events.ts";
import type { Action, DesiredSecret, Note } from "../plan/actions.ts";
import type { Holder, PublishedContent, Refusal, Source } from "../plan/observed.ts";
import type { Scheduler } from "../verify/scheduler.ts";
import { keyOf } from "./index.ts";
import { holdsData } from "./own-fields.ts";
import {
  appSecretPath,
  firstDataPatch,
  holdsPatch,
  newSecret,
  secretPatch,
  secretPath,
  secretsPath,
  statusPatch,
} from "./requests.ts";
import { restart } from "./restart.ts";
import type { Cache } from "./scoped-store.ts";
import { trimAppSecret, trimSecret } from "./trim.ts";

export type Shell = {
  /** Its writes fail once this replica may not write any more (it lost the Lease). */
  client: KubeClient;
  appSecrets: Pick<Cache<AppSecret>, "get" | "put" | "remove">;
  secrets: Pick<Cache<PartialObject>, "get" | "put" | "remove">;
  events: EventRecorder;
  checks: Pick<Scheduler, "ask">;
};

/** What carrying out a plan led to. */
export type Outcome =
  | { kind: "Done"; published?: PublishedVersion }
  /** The picture has changed, or there is more of it: observe again, with this added, and plan again. */
  | { kind: "Again"; sources?: ReadonlyMap<string, Source>; content?: PublishedContent; refusal?: Refusal }
  /** The AppSecret, or its namespace, is going away: nothing more is to be done. */
  | { kind: "Gone" };

export type PublishedVersion = { uid: string; resourceVersion: string };

/** @throws ApiError and network errors that a later try may not meet; the queue backs off */
export async function execute(shell: Shell, appSecret: AppSecret, actions: readonly Action[]): Promise<Outcome> {
  let current = appSecret;
  let published: PublishedVersion | undefined;
  /** Made by us in this pass without an ownerReference: nobody else would ever collect it. */
  let unowned: { name: string; uid: string } | undefined;

  for (const action of actions) {
    switch (action.kind) {
      case "ReadSources":
        return { kind: "Again", sources: await readSources(shell, current, action.names) };
      case "ReadPublished": {
        const content = await readPublished(shell, current, action.name);
        return { kind: "Again", ...(content ? { content } : {}) };
      }
      case "Check":
        shell.checks.ask(keyOf(current), action.request);
        return { kind: "Again" };
      case "SetHolds": {
        const claimed = await setHolds(shell, current, action.holds);
        if (claimed === undefined) return { kind: "Again" };
        if (claimed === "Forbidden") return { kind: "Again", refusal: { kind: "HoldsForbidden" } };
        if (claimed.metadata.generation !== current.metadata.generation) return { kind: "Again" };
        current = claimed;
        break;
      }
      case "CreateSecret": {
        const older = action.confirm && (await findNewer(shell, current));
        if (older) return older;
        const made = await createSecret(shell, current, action.secret);
        if (made.kind !== "Written") return made;
        published = made.version;
        if (!action.secret.ownerReference) unowned = { name: action.secret.name, uid: made.version.uid };
        if (action.note) record(shell, current, action.note);
        break;
      }
      case "UpdateSecret": {
        const older = action.confirm && (await findNewer(shell, current));
        if (older) return older;
        const made = await updateSecret(shell, current, action);
        if (made.kind !== "Written") return made;
        published = made.version;
        if (action.note && made.version.resourceVersion !== action.resourceVersion) record(shell, current, action.note);
        break;
      }
      case "RestartWorkloads": {
        const { missing, refused: kept } = await restart(shell, current, action);
        for (const note of missing) record(shell, current, note);
        if (kept.length > 0) return { kind: "Again", refusal: { kind: "NotRestarted", workloads: kept } };
        break;
      }
      case "DeleteSecret": {
        const older = await findNewer(shell, current, action.holder);
        if (older) return older;
        const standing = await deleteSecret(shell, current, action);
        if (standing) return standing;
        break;
      }
      case "WriteStatus": {
        const status = action.publishes && published ? withVersion(action.status, published) : action.status;
        const outcome = await writeStatus(shell, current, status);
        if (outcome === "Written") break;
        if (outcome === "Gone" && unowned) await deleteSecret(shell, current, unowned);
        return { kind: outcome };
      }
      case "RecordEvent":
        record(shell, current, action.note);
        break;
    }
  }
  return published ? { kind: "Done", published } : { kind: "Done" };
}

async function readSources(shell: Shell, { metadata }: AppSecret, names: readonly string[]) {
  const read = names.map(async (name): Promise<[string, Source]> => {
    try {
      const secret = await readSecret(shell, metadata.namespace, name);
      return [name, secret ? { found: true, ...secret } : { found: false }];
    } catch (error) {
      if (isStatus(error, 404)) return [name, { found: false }];
      if (isStatus(error, 403)) return [name, { found: false, forbidden: true }];
      throw error;
    }
  });
  return new Map(await Promise.all(read));
}

/** @returns undefined when it is gone, which the cache then knows too */
async function readPublished(
  shell: Shell,
  { metadata }: AppSecret,
  name: string,
): Promise<PublishedContent | undefined> {
  const { namespace } = metadata;
  const known = shell.secrets.get(namespace, name);
  try {
    return await readSecret(shell, namespace, name);
  } catch (error) {
    if (!known || !isStatus(error, 403, 404)) throw error;
    const { uid, resourceVersion } = known.metadata;
    if (isStatus(error, 403)) return { uid, resourceVersion };
    shell.secrets.remove(known);
    return undefined;
  }
}

/** @returns undefined when it has been deleted meanwhile: the watch has told so before the reply came, and will not again */
async function readSecret({ client, secrets }: Shell, namespace: string, name: string) {
  const secret = await client.get<PartialObject & { data?: Record<string, string> }>(secretPath(namespace, name));
  secrets.put(trimSecret({ apiVersion: "v1", kind: "Secret", metadata: secret.metadata }));
  const { uid, resourceVersion } = secret.metadata;
  if (secrets.get(namespace, name)?.metadata.uid !== uid) return undefined;
  return { uid, resourceVersion, data: secret.data ?? {} };
}

/** @returns the AppSecret as it is now; undefined when it is gone or was another one */
async function setHolds(
  { client, appSecrets }: Shell,
  { metadata }: AppSecret,
  holds: AppSecret["spec"]["type"] | null,
): Promise<AppSecret | "Forbidden" | undefined> {
  try {
    const path = appSecretPath(metadata.namespace, metadata.name);
    const reply = trimAppSecret(await client.patch<AppSecret>(path, holdsPatch(metadata, holds), "merge"));
    appSecrets.put(reply);
    return reply;
  } catch (error) {
    if (isStatus(error, 403)) return "Forbidden";
    if (isStatus(error, 404, 409, 422)) return refreshAppSecret({ client, appSecrets }, metadata).then(() => undefined);
    throw error;
  }
}

type Written = { kind: "Written"; version: PublishedVersion } | Outcome;

async function createSecret(shell: Shell, { metadata }: AppSecret, secret: DesiredSecret): Promise<Written> {
  const { namespace } = metadata;
  try {
    const reply = await shell.client.create<PartialObject>(secretsPath(namespace), newSecret(namespace, secret), {
      metadataOnly: true,
    });
    return written(shell, reply);
  } catch (error) {
    if (isStatus(error, 409)) return refreshSecret(shell, namespace, secret.name);
    return refused(error);
  }
}

async function updateSecret(
  shell: Shell,
  { metadata }: AppSecret,
  { secret, resourceVersion }: Extract<Action, { kind: "UpdateSecret" }>,
): Promise<Written> {
  const { namespace } = metadata;
  const current = shell.secrets.get(namespace, secret.name);
  if (current?.metadata.resourceVersion !== resourceVersion) return { kind: "Again" };
  try {
    const path = secretPath(namespace, secret.name);
    const patch = (body: object) => shell.client.patch<PartialObject>(path, body, "strategic", { metadataOnly: true });
    const reply = await patch(secretPatch(secret, current.metadata));
    if (holdsData(reply.metadata)) return written(shell, reply);
    return written(shell, await patch(firstDataPatch(secret, reply.metadata)));
  } catch (error) {
    if (isStatus(error, 404, 409)) return refreshSecret(shell, namespace, secret.name);
    if (error instanceof ApiError && error.status === 422) {
      const fields = error.causes.map(({ field }) => field);
      if (fields.some((field) => field.startsWith("metadata."))) return refreshSecret(shell, namespace, secret.name);
      if (fields.includes("type")) return { kind: "Again", refusal: { kind: "NotOpaque" } };
      if (fields.includes("data") || fields.includes("immutable")) {
        return { kind: "Again", refusal: { kind: "Immutable" } };
      }
    }
    return refused(error);
  }
}

function written({ secrets }: Shell, reply: PartialObject): Written {
  secrets.put(trimSecret(reply));
  const { uid, resourceVersion } = reply.metadata;
  return { kind: "Written", version: { uid, resourceVersion } };
}

/** @throws what is no answer to this very request: server errors, timeouts, a refusal to serve at all */
function refused(error: unknown): Outcome {
  if (!(error instanceof ApiError) || error.status >= 500 || error.status === 401 || error.status === 429) throw error;
  if (error.causes.some(({ reason }) => reason === "NamespaceTerminating")) return { kind: "Gone" };
  if (error.status === 404) return { kind: "Gone" };
  const refusal: Refusal = error.status === 403 ? { kind: "Forbidden" } : { kind: "Refused", reason: error.reason };
  return { kind: "Again", refusal };
}

/** @returns undefined when the Secret is gone. A 409 does not say so: it may be another one by now, or still this one. */
async function deleteSecret(
  shell: Shell,
  { metadata }: AppSecret,
  { name, ...expected }: { name: string; uid: string; resourceVersion?: string },
): Promise<Outcome | undefined> {
  const { client, secrets } = shell;
  try {
    await client.remove(secretPath(metadata.namespace, name), expected);
  } catch (error) {
    if (isStatus(error, 403)) return { kind: "Again", refusal: { kind: "DeleteForbidden", name } };
    if (isStatus(error, 409)) return refreshSecret(shell, metadata.namespace, name);
    if (!isStatus(error, 404)) throw error;
  }
  const known = secrets.get(metadata.namespace, name);
  if (known?.metadata.uid === expected.uid) secrets.remove(known);
  return undefined;
}

async function writeStatus(
  { client, appSecrets }: Shell,
  appSecret: AppSecret,
  status: AppSecretStatus,
): Promise<"Written" | "Again" | "Gone"> {
  const { metadata } = appSecret;
  const path = `${appSecretPath(metadata.namespace, metadata.name)}/status`;
  try {
    const reply = await client.patch<PartialObject>(path, statusPatch(metadata, status), "merge", {
      metadataOnly: true,
    });
    appSecrets.put(trimAppSecret({ ...appSecret, metadata: reply.metadata, status }));
    return "Written";
  } catch (error) {
    if (isStatus(error, 404)) return "Gone";
    if (!isStatus(error, 409, 422)) throw error;
    return (await refreshAppSecret({ client, appSecrets }, metadata)) ? "Again" : "Gone";
  }
}

/** The Secret is not what the cache said: look at it, so that the next plan is made on what is there. */
async function refreshSecret({ client, secrets }: Shell, namespace: string, name: string): Promise<Outcome> {
  try {
    secrets.put(trimSecret(await client.get<PartialObject>(secretPath(namespace, name), { metadataOnly: true })));
  } catch (error) {
    if (!isStatus(error, 404)) throw error;
    const known = secrets.get(namespace, name);
    if (known) secrets.remove(known);
  }
  return { kind: "Again" };
}

/** @returns whether the AppSecret with this uid exists; the cache then has it as it is now, and else has it no more */
async function refreshAppSecret(
  { client, appSecrets }: Pick<Shell, "client" | "appSecrets">,
  { namespace, name, uid }: Pick<ObjectMeta, "namespace" | "name" | "uid">,
): Promise<boolean> {
  const reply = await client.get<AppSecret>(appSecretPath(namespace, name)).catch((error: unknown) => {
    if (isStatus(error, 404)) return undefined;
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

/** @returns undefined when this AppSecret is as the API server has it at this moment, and its type's holder exists */
async function findNewer(shell: Shell, appSecret: AppSecret, holder?: Holder): Promise<Outcome | undefined> {
  const { metadata } = appSecret;
  if (!(await refreshAppSecret(shell, metadata))) return { kind: "Gone" };
  const isHeld = !holder || (await refreshAppSecret(shell, { ...holder, namespace: metadata.namespace }));
  return isHeld && isLatest(shell, appSecret) ? undefined : { kind: "Again" };
}

function isLatest({ appSecrets }: Shell, { metadata }: AppSecret): boolean {
  return appSecrets.get(metadata.namespace, metadata.name)?.metadata.resourceVersion === metadata.resourceVersion;
}

function record({ events }: Shell, { apiVersion, kind, metadata }: AppSecret, { type, reason, action, message }: Note) {
  const { namespace, name, uid } = metadata;
  events.record({ regarding: { apiVersion, kind, namespace, name, uid }, type, reason, action, note: message });
}

function withVersion(status: AppSecretStatus, version: PublishedVersion): AppSecretStatus {
  return status.secret ? { ...status, secret: { ...status.secret, ...version } } : status;
}

function isStatus(error: unknown, ...statuses: number[]): boolean {
  return error instanceof ApiError && statuses.includes(error.status);
}
