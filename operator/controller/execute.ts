/**
 * Carries out a plan, one request after another. There are no decisions here: replies of the API server go into the caches
 * and, where they change the picture, the caller observes and plans again.
 */
import type { AppSecret } from "#api/schema/spec";
import type { PartialObject } from "#common/object-meta";
import type { AppSecretStatus } from "#api/status";
import { ApiError, statusOf } from "#kube/client/api-error";
import type { KubeClient } from "#kube/client/client";
import type { EventRecorder } from "#kube/events";
import type { Action, DesiredSecret, Note, RestartWorkloads } from "#plan/actions";
import type { Refusal } from "#plan/observed";
import type { Scheduler } from "#verify/schedule/scheduler";
import { keyOf } from "./lookup.ts";
import { holdsData } from "./cache/managed-fields.ts";
import type { Outcome, WrittenSecret } from "./outcome.ts";
import { AGAIN, DONE, GONE } from "./outcome.ts";
import type { Reader } from "./refresh.ts";
import { confirm, readPublished, readSources, refreshAppSecret, refreshSecret } from "./refresh.ts";
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
  /** Its writes fail once this replica has lost the Lease. */
  client: KubeClient;
  events: EventRecorder;
  checks: Pick<Scheduler, "ask">;
};

/**
 * @returns Done with the Secret that was written, if one was; or the outcome of the first action that was not carried out
 * @throws ApiError and network errors that a later try may not meet; the queue backs off
 */
export async function execute(shell: Shell, appSecret: AppSecret, actions: readonly Action[]): Promise<Outcome> {
  let current = appSecret;
  let written: WrittenSecret | undefined;
  for (const action of actions) {
    const outcome = await carryOut(shell, current, action, written);
    if (outcome.kind !== "Done") return outcome;
    current = outcome.appSecret ?? current;
    written = outcome.written ?? written;
  }
  return written ? { kind: "Done", written } : DONE;
}

async function carryOut(
  shell: Shell,
  appSecret: AppSecret,
  action: Action,
  written: WrittenSecret | undefined,
): Promise<Outcome> {
  switch (action.kind) {
    case "ReadSources":
      return readSources(shell, appSecret, action.names);
    case "ReadPublished":
      return readPublished(shell, appSecret, action.name);
    case "Check":
      shell.checks.ask(keyOf(appSecret), action.request);
      return AGAIN;
    case "SetHolds":
      return setHolds(shell, appSecret, action.holds);
    case "CreateSecret":
      return createSecret(shell, appSecret, action);
    case "UpdateSecret":
      return updateSecret(shell, appSecret, action);
    case "RestartWorkloads":
      return restartWorkloads(shell, appSecret, action);
    case "DeleteSecret": {
      const confirmed = await confirm(shell, appSecret, action.holder);
      return confirmed.kind === "Done" ? deleteSecret(shell, appSecret, action) : confirmed;
    }
    case "WriteStatus": {
      const status = action.afterWrite && written ? withVersion(action.status, written) : action.status;
      const outcome = await writeStatus(shell, appSecret, status);
      if (outcome.kind === "Gone" && written?.isOrphan) {
        await deleteSecret(shell, appSecret, { name: written.name, uid: written.uid });
      }
      return outcome;
    }
    case "RecordEvent":
      record(shell, appSecret, action.note);
      return DONE;
  }
}

async function setHolds(
  shell: Shell,
  { metadata }: AppSecret,
  holds: AppSecret["spec"]["type"] | null,
): Promise<Outcome> {
  try {
    const path = appSecretPath(metadata.namespace, metadata.name);
    const reply = trimAppSecret(await shell.client.patch<AppSecret>(path, holdsPatch(metadata, holds), "merge"));
    shell.appSecrets.put(reply);
    return reply.metadata.generation === metadata.generation ? { kind: "Done", appSecret: reply } : AGAIN;
  } catch (error) {
    const status = statusOf(error);
    if (status === 403) return refused({ kind: "HoldsForbidden" });
    if (status !== 404 && status !== 409 && status !== 422) throw error;
    await refreshAppSecret(shell, metadata);
    return AGAIN;
  }
}

async function createSecret(
  shell: Shell,
  appSecret: AppSecret,
  action: Extract<Action, { kind: "CreateSecret" }>,
): Promise<Outcome> {
  if (action.confirm) {
    const confirmed = await confirm(shell, appSecret);
    if (confirmed.kind !== "Done") return confirmed;
  }
  const { secret, note } = action;
  const { namespace } = appSecret.metadata;
  try {
    const reply = await shell.client.create<PartialObject>(secretsPath(namespace), newSecret(namespace, secret), {
      metadataOnly: true,
    });
    if (note) record(shell, appSecret, note);
    return { kind: "Done", written: { ...remember(shell, reply), isOrphan: !secret.ownerReference } };
  } catch (error) {
    if (statusOf(error) === 409) return lookAgain(shell, namespace, secret.name);
    return refusalOf(error);
  }
}

async function updateSecret(
  shell: Shell,
  appSecret: AppSecret,
  action: Extract<Action, { kind: "UpdateSecret" }>,
): Promise<Outcome> {
  if (action.confirm) {
    const confirmed = await confirm(shell, appSecret);
    if (confirmed.kind !== "Done") return confirmed;
  }
  const { secret, resourceVersion, note } = action;
  const { namespace } = appSecret.metadata;
  const current = shell.secrets.get(namespace, secret.name);
  if (current?.metadata.resourceVersion !== resourceVersion) return AGAIN;
  try {
    const written = remember(shell, await patchSecret(shell, secret, current));
    if (note && written.resourceVersion !== resourceVersion) record(shell, appSecret, note);
    return { kind: "Done", written };
  } catch (error) {
    const status = statusOf(error);
    if (status === 404 || status === 409) return lookAgain(shell, namespace, secret.name);
    if (error instanceof ApiError && error.status === 422) {
      const fields = error.causes.map(({ field }) => field);
      if (fields.some((field) => field.startsWith("metadata."))) return lookAgain(shell, namespace, secret.name);
      if (fields.includes("type")) return refused({ kind: "NotOpaque" });
      if (fields.includes("data") || fields.includes("immutable")) return refused({ kind: "Immutable" });
    }
    return refusalOf(error);
  }
}

async function patchSecret({ client }: Shell, secret: DesiredSecret, current: PartialObject): Promise<PartialObject> {
  const path = secretPath(current.metadata.namespace, secret.name);
  const patch = (body: object) => client.patch<PartialObject>(path, body, "strategic", { metadataOnly: true });
  const reply = await patch(secretPatch(secret, current.metadata));
  return holdsData(reply.metadata) ? reply : patch(firstDataPatch(secret, reply.metadata));
}

function remember({ secrets }: Shell, reply: PartialObject): WrittenSecret {
  secrets.put(trimSecret(reply));
  const { name, uid, resourceVersion } = reply.metadata;
  return { name, uid, resourceVersion };
}

function refused(refusal: Refusal): Outcome {
  return { kind: "Again", learned: { refusal } };
}

/** @throws what is no answer to this very request: server errors, timeouts, a refusal to serve at all */
function refusalOf(error: unknown): Outcome {
  if (!(error instanceof ApiError) || error.status >= 500 || error.status === 401 || error.status === 429) throw error;
  if (error.causes.some(({ reason }) => reason === "NamespaceTerminating")) return GONE;
  if (error.status === 404) return GONE;
  return refused(error.status === 403 ? { kind: "Forbidden" } : { kind: "Refused", reason: error.reason });
}

async function restartWorkloads(shell: Shell, appSecret: AppSecret, action: RestartWorkloads): Promise<Outcome> {
  const { missing, refused: workloads } = await restart(shell, appSecret, action);
  for (const note of missing) record(shell, appSecret, note);
  return workloads.length > 0 ? refused({ kind: "NotRestarted", workloads }) : DONE;
}

/** Done when the Secret is gone. A 409 does not mean that: it may be another one by now, or still this one. */
async function deleteSecret(
  shell: Shell,
  { metadata }: AppSecret,
  { name, uid, resourceVersion }: { name: string; uid: string; resourceVersion?: string },
): Promise<Outcome> {
  const { client, secrets } = shell;
  const expected = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
  try {
    await client.remove(secretPath(metadata.namespace, name), expected);
  } catch (error) {
    const status = statusOf(error);
    if (status === 403) return refused({ kind: "DeleteForbidden", name });
    if (status === 409) return lookAgain(shell, metadata.namespace, name);
    if (status !== 404) throw error;
  }
  const known = secrets.get(metadata.namespace, name);
  if (known?.metadata.uid === uid) secrets.remove(known);
  return DONE;
}

async function writeStatus(shell: Shell, appSecret: AppSecret, status: AppSecretStatus): Promise<Outcome> {
  const { metadata } = appSecret;
  const path = `${appSecretPath(metadata.namespace, metadata.name)}/status`;
  try {
    const reply = await shell.client.patch<PartialObject>(path, statusPatch(metadata, status), "merge", {
      metadataOnly: true,
    });
    shell.appSecrets.put(trimAppSecret({ ...appSecret, metadata: reply.metadata, status }));
    return DONE;
  } catch (error) {
    const code = statusOf(error);
    if (code === 404) return GONE;
    if (code !== 409 && code !== 422) throw error;
    return (await refreshAppSecret(shell, metadata)) ? AGAIN : GONE;
  }
}

/** The Secret is not what the cache says: the next plan is made on what is there. */
async function lookAgain(shell: Shell, namespace: string, name: string): Promise<Outcome> {
  await refreshSecret(shell, namespace, name);
  return AGAIN;
}

function record({ events }: Shell, { apiVersion, kind, metadata }: AppSecret, { type, reason, action, message }: Note) {
  const { namespace, name, uid } = metadata;
  events.record({ regarding: { apiVersion, kind, namespace, name, uid }, type, reason, action, note: message });
}

function withVersion(status: AppSecretStatus, { uid, resourceVersion }: WrittenSecret): AppSecretStatus {
  return status.secret ? { ...status, secret: { ...status.secret, uid, resourceVersion } } : status;
}
