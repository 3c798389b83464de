/**
 * Carries out a plan, one request after another. There are no decisions here: what the API server answers is put into the
 * caches and, where it changes the picture, the caller looks again and plans again.
 */
import type { AppSecret } from "#api/schema/spec";
import type { PartialObject } from "#common/object-meta";
import type { AppSecretStatus } from "#api/status";
import { ApiError, statusOf } from "#kube/client/api-error";
import type { KubeClient } from "#kube/client/client";
import type { EventRecorder } from "#kube/events";
import type { Action, DesiredSecret, Note } from "#plan/actions";
import type { PublishedContent, Refusal, Source } from "#plan/observed";
import type { Scheduler } from "#verify/schedule/scheduler";
import { keyOf } from "./lookup.ts";
import { holdsData } from "./cache/managed-fields.ts";
import type { Reader } from "./refresh.ts";
import { findNewer, readPublished, readSources, refreshAppSecret, refreshSecret } from "./refresh.ts";
import {
  appSecretPath,
  firstDataPatch,
  holdsPatch,
  newSecret,
  secretPatch,
  secretPath,
  secretsPath,
  statusPatch,
} from "./bodies.ts";
import { restart } from "./restart-workloads.ts";
import { trimAppSecret, trimSecret } from "./cache/transform.ts";

export type Shell = Reader & {
  /** Its writes fail once this replica may not write any more (it lost the Lease). */
  client: KubeClient;
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
        if (older) return { kind: older };
        const made = await createSecret(shell, current, action.secret);
        if (made.kind !== "Written") return made;
        published = made.version;
        if (!action.secret.ownerReference) unowned = { name: action.secret.name, uid: made.version.uid };
        if (action.note) record(shell, current, action.note);
        break;
      }
      case "UpdateSecret": {
        const older = action.confirm && (await findNewer(shell, current));
        if (older) return { kind: older };
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
        if (older) return { kind: older };
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

/** @returns the AppSecret as it is now; undefined when it is gone or was another one */
async function setHolds(
  shell: Shell,
  { metadata }: AppSecret,
  holds: AppSecret["spec"]["type"] | null,
): Promise<AppSecret | "Forbidden" | undefined> {
  try {
    const path = appSecretPath(metadata.namespace, metadata.name);
    const reply = trimAppSecret(await shell.client.patch<AppSecret>(path, holdsPatch(metadata, holds), "merge"));
    shell.appSecrets.put(reply);
    return reply;
  } catch (error) {
    const status = statusOf(error);
    if (status === 403) return "Forbidden";
    if (status !== 404 && status !== 409 && status !== 422) throw error;
    await refreshAppSecret(shell, metadata);
    return undefined;
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
    if (statusOf(error) === 409) return lookAgain(shell, namespace, secret.name);
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
    const status = statusOf(error);
    if (status === 404 || status === 409) return lookAgain(shell, namespace, secret.name);
    if (error instanceof ApiError && error.status === 422) {
      const fields = error.causes.map(({ field }) => field);
      if (fields.some((field) => field.startsWith("metadata."))) return lookAgain(shell, namespace, secret.name);
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
    const status = statusOf(error);
    if (status === 403) return { kind: "Again", refusal: { kind: "DeleteForbidden", name } };
    if (status === 409) return lookAgain(shell, metadata.namespace, name);
    if (status !== 404) throw error;
  }
  const known = secrets.get(metadata.namespace, name);
  if (known?.metadata.uid === expected.uid) secrets.remove(known);
  return undefined;
}

async function writeStatus(
  shell: Shell,
  appSecret: AppSecret,
  status: AppSecretStatus,
): Promise<"Written" | "Again" | "Gone"> {
  const { metadata } = appSecret;
  const path = `${appSecretPath(metadata.namespace, metadata.name)}/status`;
  try {
    const reply = await shell.client.patch<PartialObject>(path, statusPatch(metadata, status), "merge", {
      metadataOnly: true,
    });
    shell.appSecrets.put(trimAppSecret({ ...appSecret, metadata: reply.metadata, status }));
    return "Written";
  } catch (error) {
    const code = statusOf(error);
    if (code === 404) return "Gone";
    if (code !== 409 && code !== 422) throw error;
    return (await refreshAppSecret(shell, metadata)) ? "Again" : "Gone";
  }
}

/** The Secret is not what the cache said, so that the next plan is made on what is there. */
async function lookAgain(shell: Shell, namespace: string, name: string): Promise<Outcome> {
  await refreshSecret(shell, namespace, name);
  return { kind: "Again" };
}

function record({ events }: Shell, { apiVersion, kind, metadata }: AppSecret, { type, reason, action, message }: Note) {
  const { namespace, name, uid } = metadata;
  events.record({ regarding: { apiVersion, kind, namespace, name, uid }, type, reason, action, note: message });
}

function withVersion(status: AppSecretStatus, version: PublishedVersion): AppSecretStatus {
  return status.secret ? { ...status, secret: { ...status.secret, ...version } } : status;
}
