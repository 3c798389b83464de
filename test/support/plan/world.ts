/**
 * A small cluster in memory with the operator's real controller in it: caches and their transforms, gather, plan and execute,
 * over an API server of this folder. Only the live checks are played, for their time is the test's.
 */
import { setImmediate } from "node:timers/promises";
import type { CheckRequest, CheckSubject, Verdict } from "#api/check";
import type { AppSecret } from "#api/schema/spec";
import { parseSpec } from "#api/schema/spec";
import type { AppSecretStatus } from "#api/status";
import { silent } from "#common/log";
import type { ObjectMeta } from "#common/object-meta";
import { createMultiNamespaceStore } from "#controller/cache/multi-namespace-store";
import { trimAppSecret, trimSecret } from "#controller/cache/transform";
import { matters } from "#controller/controller";
import type { Learned } from "#controller/gather";
import { gather } from "#controller/gather";
import { createLookup, keyOf } from "#controller/lookup";
import type { Reconciled } from "#controller/reconcile";
import { createReconciler } from "#controller/reconcile";
import { ApiError } from "#kube/client/api-error";
import type { EventInput } from "#kube/events";
import type { Action } from "#plan/actions";
import type { Holder, Observed } from "#plan/observed";
import { sourceNames } from "#plan/sources";
import type { Scheduler } from "#verify/schedule/scheduler";
import type { ApiServer, Request, StoredSecret, StoredWorkload } from "./api-server.ts";
import { createApiServer } from "./api-server.ts";

/** What the operator did, in the words of the plan. Refresh: it read a Secret's metadata again after a conflict. */
export type Did = { kind: Action["kind"] | "Refresh"; event?: EventInput; asked?: CheckRequest };

export type World = {
  server: ApiServer;
  /** What the API server has. To set it is to write it: it gets a new resourceVersion. */
  appSecret: AppSecret;
  holder: Holder | undefined;
  readonly secrets: Map<string, StoredSecret>;
  readonly workloads: Map<string, StoredWorkload>;
  /** The status code with which the API server refuses a request. */
  refuses: (request: Request) => number | undefined;
  /** What a live check of this target would say; undefined: it goes on. */
  answer: (subject: CheckSubject) => Verdict | undefined;
  /** What the scheduler knows, by inputs. A restart forgets it. */
  known: Map<string, ReturnType<Scheduler["known"]>>;
  /** Every live check that was requested, in order. */
  asked: CheckRequest[];
  /** Every request that was carried out in the last `settle`, in order. */
  requests: Request[];
  /** How the last `settle` ended; undefined after a kill. */
  reconciled: Reconciled | undefined;
  caches: Caches;
};

export const YES = { answer: "Yes", message: "It works." } as const satisfies Verdict;
export const NOW = new Date("2026-11-23T12:00:00.000Z");
export const UID = "uid-of-orders";

const NAMESPACE = "staging";

export function world(
  spec: unknown,
  options: { status?: AppSecretStatus; holder?: Holder; generation?: number } = {},
): World {
  const parsed = parseSpec(spec);
  if (!parsed.ok) throw new Error(parsed.problems.join("\n"));
  const server = createApiServer();
  let name = "orders";
  const w: World = {
    server,
    get appSecret() {
      return server.appSecrets.get(name)!;
    },
    set appSecret(value) {
      server.appSecrets.delete(name);
      ({ name } = value.metadata);
      server.appSecrets.set(name, {
        ...value,
        metadata: { ...value.metadata, resourceVersion: server.nextVersion() },
      });
    },
    holder: options.holder,
    secrets: server.secrets,
    workloads: server.workloads,
    refuses: () => undefined,
    answer: () => YES,
    known: new Map(),
    asked: [],
    requests: [],
    reconciled: undefined,
    caches: createCaches(),
  };
  w.appSecret = {
    apiVersion: "appsecret.dev/v1",
    kind: "AppSecret",
    metadata: {
      name,
      namespace: NAMESPACE,
      uid: UID,
      resourceVersion: "",
      generation: options.generation ?? 1,
      creationTimestamp: "2026-11-23T11:00:00Z",
    },
    spec: parsed.spec,
    status: options.status ?? { observedGeneration: -1 },
  };
  return w;
}

/** The time has come to check what is published again. */
export function makeDue(in_: World): void {
  for (const [inputs, known] of in_.known) in_.known.set(inputs, { ...known, due: true });
}

/** Puts in a Secret that the operator did not make. */
export function put(
  to: World,
  name: string,
  data: Record<string, string>,
  metadata: Partial<ObjectMeta> = {},
  rest: Pick<StoredSecret, "type" | "immutable"> = {},
): void {
  const resourceVersion = to.server.nextVersion();
  const uid = `uid-of-${name}-${resourceVersion}`;
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  to.secrets.set(name, {
    metadata: { name, namespace: NAMESPACE, uid, resourceVersion, ...metadata },
    data: Object.fromEntries(encoded) as Record<string, string>,
    ...rest,
  });
}

/** Changes a Secret as a person would, with kubectl edit: it has a new resourceVersion, and these values in base64. */
export function modify(on: World, name: string, data?: Record<string, string>): void {
  const secret = on.secrets.get(name);
  if (!secret) throw new Error(`there is no Secret ${name}`);
  const metadata = { ...secret.metadata, resourceVersion: on.server.nextVersion() };
  on.secrets.set(name, { ...secret, metadata, data: data ?? secret.data });
}

/** Another generation with another spec. */
export function edit(of: World, spec: unknown): void {
  const parsed = parseSpec(spec);
  if (!parsed.ok) throw new Error(parsed.problems.join("\n"));
  const { metadata } = of.appSecret;
  of.appSecret = {
    ...of.appSecret,
    spec: parsed.spec,
    metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1 },
  };
}

type Caches = ReturnType<typeof createCaches>;

function createCaches() {
  const appSecrets = createMultiNamespaceStore<AppSecret>([], silent);
  const secrets = createMultiNamespaceStore<{ apiVersion: string; kind: string; metadata: ObjectMeta }>([], silent);
  const lookup = createLookup((namespace, name) => appSecrets.get(namespace, name));
  appSecrets.onChange(({ before, after }) => void lookup.updateAppSecret(before, after));
  secrets.onChange(({ before, after }) => lookup.updateSecret(before?.metadata, after?.metadata));
  return { appSecrets, secrets, lookup };
}

/** The watches bring everything that has happened. */
function watch({ server, caches, holder, appSecret }: World): void {
  if (holder && !server.appSecrets.has(holder.name)) {
    const metadata = { ...appSecret.metadata, ...holder, resourceVersion: server.nextVersion() };
    server.appSecrets.set(holder.name, { ...appSecret, metadata });
  }
  list(caches.appSecrets, [...server.appSecrets.values()].map(trimAppSecret));
  list(
    caches.secrets,
    [...server.secrets.values()]
      .map(({ metadata }) => ({ apiVersion: "v1", kind: "Secret", metadata }))
      .filter((secret) => matters(secret, caches.lookup))
      .map(trimSecret),
  );
}

function list<T extends { metadata: ObjectMeta }>(
  { parts }: ReturnType<typeof createMultiNamespaceStore<T>>,
  objects: T[],
): void {
  const staged = parts[0]!.store.stage();
  for (const object of objects) staged.add(object);
  staged.commit("0", { authoritative: true });
}

function partsOf(w: World) {
  return {
    ...w.caches,
    lookup: { controlledBy: (uid: string) => w.caches.lookup.controlledBy(uid), holderFor: () => w.holder },
    checks: { known: (_: string, inputs: string) => w.known.get(inputs) ?? { due: false } },
  };
}

/** What the controller would hand to `plan`. */
export function observe(w: World, learned: Learned = {}): Observed {
  watch(w);
  const { namespace, name } = w.appSecret.metadata;
  const observed = gather(partsOf(w), namespace, name, learned);
  if (!observed) throw new Error("the AppSecret of this world is gone");
  return observed;
}

class Killed extends Error {}

/**
 * One reconcile, until nothing is left to be read or asked. Returns what was done, in order.
 *
 * @param killedAfter so many requests: the rest is lost, and so is what was in memory
 */
export async function settle(w: World, now = NOW, killedAfter = Infinity): Promise<Did[]> {
  watch(w);
  const { server } = w;
  const did: Did[] = [];
  w.requests = [];
  w.reconciled = undefined;
  let sent = 0;
  server.before = (request) => {
    if (sent === killedAfter) throw new Killed();
    sent += 1;
    const { verb, kind, name } = request;
    const status = w.refuses(request);
    if (status !== undefined) throw new ApiError(verb, `${kind}/${name}`, { status, reason: "Refused" });
  };
  server.after = (request) => {
    w.requests.push(request);
    const kind = kindOf(w, request);
    // Of one action each: several sources, several workloads, the second patch of a Secret without data.
    if (kind && did.at(-1)?.kind !== kind) did.push({ kind });
  };
  const events = {
    record: (event: EventInput) => void did.push({ kind: "RecordEvent", event }),
    close: () => Promise.resolve(),
    counts: { sent: 0, failed: 0, dropped: 0 },
  };
  const parts = { ...partsOf(w), client: server.client, events, checks: checksOf(w, now, did) };
  try {
    w.reconciled = await createReconciler(parts, () => now)(keyOf(w.appSecret));
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    await setImmediate();
    w.known.clear();
  }
  if (w.reconciled?.cause === "Conflict") throw new Error("plan asks the same again and again");
  return did;
}

function kindOf(w: World, { verb, kind, name, subresource, metadataOnly }: Request): Did["kind"] | undefined {
  if (kind === "appsecrets") return verb === "GET" ? undefined : subresource === "status" ? "WriteStatus" : "SetHolds";
  if (kind !== "secrets") return "RestartWorkloads";
  switch (verb) {
    case "GET":
      return metadataOnly ? "Refresh" : sourceNames(w.appSecret.spec).includes(name) ? "ReadSources" : "ReadPublished";
    case "POST":
      return "CreateSecret";
    case "PATCH":
      return "UpdateSecret";
    case "DELETE":
      return "DeleteSecret";
  }
}

/** The scheduler's part: it remembers one question, and the last answer to it. */
function checksOf(w: World, now: Date, did: Did[]): Pick<Scheduler, "ask" | "known" | "keep" | "forget"> {
  const only = (inputs: string) => {
    for (const other of w.known.keys()) if (other !== inputs) w.known.delete(other);
  };
  return {
    known: (_, inputs) => w.known.get(inputs) ?? { due: false },
    keep: (_, { inputs }) => only(inputs),
    forget: () => w.known.clear(),
    ask(_, request) {
      const { subject, inputs, checkNow } = request;
      w.asked.push(request);
      did.push({ kind: "Check", asked: request });
      only(inputs);
      const verdict = w.answer(subject);
      const before = w.known.get(inputs);
      w.known.set(inputs, {
        ...before,
        due: false,
        ...(checkNow === undefined ? {} : { asked: checkNow }),
        ...(verdict
          ? { check: { state: "Answered", verdict, ...(checkNow === undefined ? {} : { checkNow }) } }
          : before?.check
            ? {}
            : { check: { state: "Pending", since: now } }),
      });
    },
  };
}
