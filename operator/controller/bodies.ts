/** The requests of the controller, as the API server takes them: paths and bodies, and nothing else. */
import { GROUP, HOLDS_LABEL, PLURAL, VERSION } from "#api/names";
import type { ObjectMeta } from "#common/object-meta";
import type { Workload } from "#api/schema/restart";
import type { AppSecretStatus } from "#api/status";
import type { AppSecretType } from "#api/schema/spec";
import type { DesiredSecret } from "#plan/actions";
import { operatorFields } from "./cache/managed-fields.ts";

export function appSecretPath(namespace: string, name: string): string {
  return `/apis/${GROUP}/${VERSION}/namespaces/${namespace}/${PLURAL}/${name}`;
}

export function secretsPath(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/secrets`;
}

export function secretPath(namespace: string, name: string): string {
  return `${secretsPath(namespace)}/${name}`;
}

const RESOURCES = { Deployment: "deployments", StatefulSet: "statefulsets", DaemonSet: "daemonsets" } as const;

export function workloadPath(namespace: string, { kind, name }: Workload): string {
  return `/apis/apps/v1/namespaces/${namespace}/${RESOURCES[kind]}/${name}`;
}

/** The body of a create. Always Opaque: a Secret of another type could, for instance, mint a ServiceAccount token. */
export function newSecret(
  namespace: string,
  { name, labels, annotations, ownerReference, immutable, data }: DesiredSecret,
) {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name,
      namespace,
      labels,
      annotations,
      ...(ownerReference ? { ownerReferences: [ownerReference] } : {}),
    },
    type: "Opaque",
    ...(immutable ? { immutable } : {}),
    data,
  };
}

/**
 * A strategic merge patch that makes the content exact without reading it: it removes keys that were dropped and keys that
 * others put in. Labels and annotations of others stay; those that the operator set and that left the spec are removed. The
 * API server refuses it with 409 or 422 when the Secret is another one by now or was written since (measured on 1.37).
 */
export function secretPatch(secret: DesiredSecret, current: ObjectMeta) {
  const own = operatorFields(current);
  return {
    metadata: {
      uid: current.uid,
      resourceVersion: current.resourceVersion,
      labels: { ...removals(own.labels), ...secret.labels },
      annotations: { ...removals(own.annotations), ...secret.annotations },
      ownerReferences: [{ $patch: "replace" }, ...(secret.ownerReference ? [secret.ownerReference] : [])],
    },
    type: "Opaque",
    immutable: secret.immutable ? true : null,
    data: { $patch: "replace", ...secret.data },
  };
}

/**
 * What `secretPatch` leaves undone on a Secret without any data: there the API server drops a map that says
 * `$patch: replace`, and answers 200 (measured on 1.37). Where nothing is, there is nothing to replace.
 */
export function firstDataPatch({ data }: DesiredSecret, { uid, resourceVersion }: ObjectMeta) {
  return { metadata: { uid, resourceVersion }, data };
}

/** A merge patch for a workload. Another value is another Pod template, which the workload's controller rolls out. */
export function restartPatch(annotation: string, value: string) {
  return { spec: { template: { metadata: { annotations: { [annotation]: value } } } } };
}

function removals(keys: readonly string[]): Record<string, null> {
  return Object.fromEntries(keys.map((key) => [key, null]));
}

/** A merge patch leaves alone what it does not name. */
const NO_SECRET = { verified: null };
const NO_VERIFICATION = {
  answer: null,
  passing: null,
  failingSince: null,
  sources: null,
  host: null,
  checkNow: null,
};

/** A merge patch for /status. The resourceVersion fences it: what was decided on an older AppSecret is refused with 409. */
export function statusPatch({ uid, resourceVersion }: ObjectMeta, status: AppSecretStatus) {
  return {
    metadata: { uid, resourceVersion },
    status: {
      ...status,
      secret: status.secret ? { ...NO_SECRET, ...status.secret } : null,
      verification: status.verification ? { ...NO_VERIFICATION, ...status.verification } : null,
      sources: status.sources ?? null,
      binding: status.binding ?? null,
    },
  };
}

export function holdsPatch({ uid }: ObjectMeta, holds: AppSecretType | null) {
  return { metadata: { uid, labels: { [HOLDS_LABEL]: holds } } };
}
