/**
 * An API server in memory, as far as the controller uses one: uid, resourceVersion and generation, merge and strategic merge
 * patches, preconditions (409, 422), immutable Secrets, and managedFields. What Kubernetes 1.37 was measured to answer.
 */
import { isDeepStrictEqual } from "node:util";
import { OPERATOR_NAME } from "#api/names";
import type { AppSecret } from "#api/schema/spec";
import type { AppSecretStatus } from "#api/status";
import type { ManagedFields, ObjectMeta, OwnerReference, PartialObject } from "#common/object-meta";
import { ApiError } from "#kube/client/api-error";
import type { KubeClient } from "#kube/client/client";

export type StoredSecret = { metadata: ObjectMeta; data: Record<string, string>; type?: string; immutable?: boolean };
export type StoredWorkload = { annotations: Record<string, string>; rolls: number };

/** A request as a test sees it: what it did, to which object. */
export type Request = {
  verb: "GET" | "POST" | "PATCH" | "DELETE";
  kind: string;
  name: string;
  subresource: string | undefined;
  metadataOnly: boolean;
  body?: unknown;
};

export type ApiServer = {
  client: KubeClient;
  appSecrets: Map<string, AppSecret>;
  /** Objects are replaced, never changed: one that was not written is the same as before. */
  secrets: Map<string, StoredSecret>;
  workloads: Map<string, StoredWorkload>;
  /** The next resourceVersion. */
  nextVersion(): string;
  /** Called before each request; what it throws is the reply. */
  before: (request: Request) => void;
  /** Called with each that was carried out. */
  after: (request: Request) => void;
};

type Body = {
  metadata?: {
    uid?: string;
    resourceVersion?: string;
    labels?: Record<string, string | null>;
    annotations?: Record<string, string | null>;
    ownerReferences?: (OwnerReference | { $patch: "replace" })[];
  };
  type?: string;
  immutable?: boolean | null;
  data?: Record<string, string>;
  status?: Record<string, unknown>;
};

export function createApiServer(): ApiServer {
  let version = 100;
  const server: ApiServer = {
    appSecrets: new Map(),
    secrets: new Map(),
    workloads: new Map(),
    nextVersion: () => `${(version += 1)}`,
    before: () => undefined,
    after: () => undefined,
    client: {
      get: (path, options) => answer("GET", path, () => read(server, path), { metadataOnly: !!options?.metadataOnly }),
      create: (path, body) => answer("POST", path, () => create(server, path, body as Body), { body }),
      patch: (path, body) => answer("PATCH", path, () => patch(server, path, body as Body), { body }),
      remove: (path, options = {}) => answer("DELETE", path, () => remove(server, path, options)),
      update: () => Promise.reject(new Error("the controller updates nothing by PUT")),
      stream: () => Promise.reject(new Error("there are no watches")),
      close: () => Promise.resolve(),
    },
  };

  async function answer<T>(
    verb: Request["verb"],
    path: string,
    carryOut: () => unknown,
    rest: { metadataOnly?: boolean; body?: unknown } = {},
  ): Promise<T> {
    await Promise.resolve();
    const request = { verb, metadataOnly: false, ...resourceOf(path), ...rest };
    server.before(request);
    const reply = carryOut();
    server.after(request);
    return reply as T;
  }
  return server;
}

function refuse(verb: string, path: string, status: number, reason: string, fields: string[] = []): ApiError {
  return new ApiError(verb, path, {
    status,
    reason,
    causes: fields.map((field) => ({ field, reason: "FieldValueInvalid" })),
  });
}

type Resource = Pick<Request, "kind" | "name" | "subresource">;

/** `/apis/GROUP/VERSION/namespaces/NAMESPACE/RESOURCE[/NAME[/status]]` */
function resourceOf(path: string): Resource {
  const [, kind = "", name = "", subresource] = /\/namespaces\/[^/]+\/([^/]+)\/?([^/]*)\/?(.*)$/.exec(path) ?? [];
  return { kind, name, subresource: subresource === "" ? undefined : subresource };
}

function read({ appSecrets, secrets }: ApiServer, path: string): unknown {
  const { kind, name } = resourceOf(path);
  const found = kind === "secrets" ? secrets.get(name) : appSecrets.get(name);
  if (!found) throw refuse("GET", path, 404, "NotFound");
  return kind === "secrets" ? { apiVersion: "v1", kind: "Secret", ...found } : found;
}

function create(server: ApiServer, path: string, body: Body): PartialObject {
  const { metadata, type = "Opaque", immutable, data = {} } = body;
  const { name, namespace, labels, annotations, ownerReferences } = metadata as ObjectMeta;
  if (server.secrets.has(name)) throw refuse("POST", path, 409, "AlreadyExists");
  const resourceVersion = server.nextVersion();
  const secret: StoredSecret = {
    metadata: {
      name,
      namespace,
      uid: `uid-${resourceVersion}`,
      resourceVersion,
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(ownerReferences ? { ownerReferences } : {}),
      managedFields: managed(Object.keys(labels ?? {}), Object.keys(annotations ?? {}), data),
    },
    type,
    ...(immutable ? { immutable } : {}),
    data,
  };
  server.secrets.set(name, secret);
  return partial(secret);
}

function patch(server: ApiServer, path: string, body: Body): unknown {
  const { kind, name, subresource } = resourceOf(path);
  switch (kind) {
    case "secrets":
      return patchSecret(server, path, name, body);
    case "appsecrets":
      return patchAppSecret(server, path, name, body, subresource);
    default:
      return patchWorkload(server, path, name, body);
  }
}

function check(path: string, { uid, resourceVersion }: ObjectMeta, expected: Body["metadata"] = {}): void {
  if (expected.uid !== undefined && expected.uid !== uid) throw refuse("PATCH", path, 422, "Invalid", ["metadata.uid"]);
  if (expected.resourceVersion !== undefined && expected.resourceVersion !== resourceVersion) {
    throw refuse("PATCH", path, 409, "Conflict");
  }
}

function patchSecret(server: ApiServer, path: string, name: string, body: Body): PartialObject {
  const before = server.secrets.get(name);
  if (!before) throw refuse("PATCH", path, 404, "NotFound");
  check(path, before.metadata, body.metadata);
  if (body.type !== undefined && body.type !== (before.type ?? "Opaque")) {
    throw refuse("PATCH", path, 422, "Invalid", ["type"]);
  }
  const data = merged(before.data, body.data);
  const immutable = body.immutable === undefined ? before.immutable === true : body.immutable === true;
  if (before.immutable && (!immutable || !isDeepStrictEqual(data, before.data))) {
    throw refuse("PATCH", path, 422, "Invalid", ["data"]);
  }
  const labels = patched(before.metadata.labels, body.metadata?.labels);
  const annotations = patched(before.metadata.annotations, body.metadata?.annotations);
  const references = body.metadata?.ownerReferences?.filter((reference) => "uid" in reference);
  const ownerReferences = references ?? before.metadata.ownerReferences ?? [];
  const { metadata } = before;
  const after: StoredSecret = {
    metadata: {
      name,
      namespace: metadata.namespace,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      ...(ownerReferences.length > 0 ? { ownerReferences } : {}),
      managedFields: managed(set(body.metadata?.labels), set(body.metadata?.annotations), data),
    },
    type: before.type ?? "Opaque",
    ...(immutable ? { immutable } : {}),
    data,
  };
  // The same patch again leaves the resourceVersion alone.
  if (isDeepStrictEqual(after, before)) return partial(before);
  after.metadata.resourceVersion = server.nextVersion();
  server.secrets.set(name, after);
  return partial(after);
}

/** Where there is no data, the server drops a map that says `$patch: replace`. */
function merged(before: Record<string, string>, change: Record<string, string> | undefined): Record<string, string> {
  if (change === undefined) return before;
  const { $patch: directive, ...data } = change;
  if (directive !== "replace") return { ...before, ...data };
  return Object.keys(before).length === 0 ? {} : data;
}

function patchAppSecret(server: ApiServer, path: string, name: string, body: Body, subresource: string | undefined) {
  const before = server.appSecrets.get(name);
  if (!before) throw refuse("PATCH", path, 404, "NotFound");
  check(path, before.metadata, body.metadata);
  const after: AppSecret =
    subresource === "status"
      ? { ...before, status: merge(before.status, body.status) as AppSecretStatus }
      : { ...before, metadata: { ...before.metadata, labels: patched(before.metadata.labels, body.metadata?.labels) } };
  if (isDeepStrictEqual(after, before)) return before;
  after.metadata = { ...after.metadata, resourceVersion: server.nextVersion() };
  server.appSecrets.set(name, after);
  return after;
}

function patchWorkload(server: ApiServer, path: string, name: string, body: unknown) {
  const workload = server.workloads.get(name);
  if (!workload) throw refuse("PATCH", path, 404, "NotFound");
  const { annotations } = (body as { spec: { template: { metadata: { annotations: Record<string, string> } } } }).spec
    .template.metadata;
  const after = { ...workload.annotations, ...annotations };
  if (isDeepStrictEqual(after, workload.annotations)) return {};
  server.workloads.set(name, { annotations: after, rolls: workload.rolls + 1 });
  return {};
}

function remove({ secrets }: ApiServer, path: string, expected: { uid?: string; resourceVersion?: string }): void {
  const { name } = resourceOf(path);
  const found = secrets.get(name);
  if (!found) throw refuse("DELETE", path, 404, "NotFound");
  const { uid, resourceVersion } = found.metadata;
  if (expected.uid !== uid) throw refuse("DELETE", path, 409, "Conflict");
  if ((expected.resourceVersion ?? resourceVersion) !== resourceVersion) throw refuse("DELETE", path, 409, "Conflict");
  secrets.delete(name);
}

/** RFC 7396. */
function merge(before: unknown, change: unknown): unknown {
  if (typeof change !== "object" || change === null || Array.isArray(change)) return change;
  const after = new Map(Object.entries((before ?? {}) as Record<string, unknown>));
  for (const [key, value] of Object.entries(change)) {
    if (value === null) after.delete(key);
    else after.set(key, merge(after.get(key), value));
  }
  return Object.fromEntries(after);
}

function patched(
  before: Record<string, string> = {},
  change: Record<string, string | null> = {},
): Record<string, string> {
  return merge(before, change) as Record<string, string>;
}

function set(fields: Record<string, string | null> = {}): string[] {
  return Object.keys(fields).filter((key) => fields[key] !== null);
}

function managed(labels: string[], annotations: string[], data: Record<string, string>): ManagedFields[] {
  const tree = (keys: string[]) => Object.fromEntries(keys.map((key) => [`f:${key}`, {}]));
  const metadata = { "f:labels": tree(labels), "f:annotations": tree(annotations) };
  return [{ manager: OPERATOR_NAME, fieldsV1: { "f:metadata": metadata, "f:data": tree(Object.keys(data)) } }];
}

function partial({ metadata }: StoredSecret): PartialObject {
  return { apiVersion: "v1", kind: "Secret", metadata };
}
