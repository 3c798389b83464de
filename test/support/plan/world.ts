/** A small world in memory for the tests of `plan`: what an API server would keep, and what carrying out a plan does to it. */
import { gather } from "#controller/gather";
import type { CheckSubject, Verdict } from "#api/check";
import { HOLDS_LABEL, OWNER_ANNOTATION } from "#api/names";
import type { ObjectMeta } from "#common/object-meta";
import type { AppSecret } from "#api/schema/spec";
import { parseSpec } from "#api/schema/spec";
import type { AppSecretStatus } from "#api/status";
import type { Action, DesiredSecret } from "#plan/actions";
import type { Holder, Observed, PublishedContent, Source } from "#plan/observed";
import { plan } from "#plan/plan";
import type { Scheduler } from "#verify/schedule/scheduler";

export type StoredSecret = { metadata: ObjectMeta; data: Record<string, string> };

export type World = {
  appSecret: AppSecret;
  holder: Holder | undefined;
  secrets: Map<string, StoredSecret>;
  version: number;
  /** Workloads by name: their Pod template's annotations, and how often they were rolled out. */
  workloads: Map<string, { annotations: Record<string, string>; rolls: number }>;
  /** What a live check of this target would say; undefined: it goes on. */
  answer: (subject: CheckSubject) => Verdict | undefined;
  /** What the scheduler knows. A restart forgets it. */
  known: Map<string, ReturnType<Scheduler["known"]>>;
  /** What was asked, in order. */
  asked: Action[];
};

export const YES: Verdict = { answer: "Yes", message: "It works." };

export const NOW = new Date("2026-11-23T12:00:00.000Z");
export const UID = "uid-of-orders";

export function world(
  spec: unknown,
  options: { status?: AppSecretStatus; holder?: Holder; generation?: number } = {},
): World {
  const parsed = parseSpec(spec);
  if (!parsed.ok) throw new Error(parsed.problems.join("\n"));
  return {
    appSecret: {
      apiVersion: "appsecret.dev/v1",
      kind: "AppSecret",
      metadata: {
        name: "orders",
        namespace: "staging",
        uid: UID,
        resourceVersion: "1",
        generation: options.generation ?? 1,
        creationTimestamp: "2026-11-23T11:00:00Z",
      },
      spec: parsed.spec,
      status: options.status ?? { observedGeneration: -1 },
    },
    holder: options.holder,
    secrets: new Map(),
    version: 100,
    workloads: new Map(),
    answer: () => YES,
    known: new Map(),
    asked: [],
  };
}

/** The time has come to check what is published again. */
export function makeDue(in_: World): void {
  for (const [inputs, known] of in_.known) in_.known.set(inputs, { ...known, due: true });
}

/** Puts in a Secret that we did not make. */
export function put(to: World, name: string, data: Record<string, string>, metadata: Partial<ObjectMeta> = {}): void {
  to.version += 1;
  const uid = `uid-of-${name}-${to.version}`;
  const meta = { name, namespace: "staging", uid, resourceVersion: `${to.version}`, ...metadata };
  const encoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  to.secrets.set(name, { metadata: meta, data: Object.fromEntries(encoded) as Record<string, string> });
}

/** Another generation with another spec. */
export function edit(of: World, spec: unknown): void {
  const next = world(spec);
  of.appSecret = {
    ...of.appSecret,
    spec: next.appSecret.spec,
    metadata: { ...of.appSecret.metadata, generation: (of.appSecret.metadata.generation ?? 0) + 1 },
  };
}

/** The same reading of the world that the controller does, from these maps instead of its caches. */
export function observe(
  { appSecret, holder, secrets, known }: World,
  read: ReadonlyMap<string, Source> = new Map(),
  published?: PublishedContent,
): Observed {
  const partial = (secret: StoredSecret | undefined) =>
    secret && { apiVersion: "v1", kind: "Secret", metadata: secret.metadata };
  const controlled = [...secrets.values()]
    .filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uid === appSecret.metadata.uid))
    .map(({ metadata }) => metadata.name);
  const observed = gather(
    {
      appSecrets: { get: () => appSecret },
      secrets: { get: (_, name) => partial(secrets.get(name)) },
      index: { controlledBy: () => new Set(controlled), holderFor: () => holder },
      checks: { known: (_, inputs) => known.get(inputs) ?? { due: false } },
    },
    appSecret.metadata.namespace,
    appSecret.metadata.name,
    { sources: read, ...(published ? { published } : {}) },
  );
  if (!observed) throw new Error("the AppSecret of this world is gone");
  return observed;
}

/**
 * Plans and carries out until nothing is left to be read or asked. Returns every action in order.
 *
 * @param killedAfter so many actions: the rest is lost, and so is what was read
 */
export function settle(in_: World, now = NOW, killedAfter = Infinity): Action[] {
  const done: Action[] = [];
  let read: ReadonlyMap<string, Source> = new Map();
  let published: PublishedContent | undefined;
  for (let pass = 0; pass < 7; pass += 1) {
    const { actions } = plan(observe(in_, read, published), now);
    for (const action of actions) {
      if (done.length >= killedAfter) return done;
      done.push(action);
      carryOut(in_, action, now);
    }
    const own = actions.find((action) => action.kind === "ReadPublished");
    if (own) published = contentOf(in_.secrets.get(own.name));
    const wanted = actions.find((action) => action.kind === "ReadSources");
    if (wanted) read = new Map(wanted.names.map((name) => [name, sourceOf(in_.secrets.get(name))]));
    else if (!own && !actions.some(({ kind }) => kind === "Check")) return done;
  }
  throw new Error("plan asks the same again and again");
}

function sourceOf(secret: StoredSecret | undefined): Source {
  if (!secret) return { found: false };
  const { uid, resourceVersion } = secret.metadata;
  return { found: true, uid, resourceVersion, data: secret.data };
}

function contentOf(secret: StoredSecret | undefined): PublishedContent | undefined {
  if (!secret) return undefined;
  const { uid, resourceVersion } = secret.metadata;
  return { uid, resourceVersion, data: secret.data };
}

function carryOut(on: World, action: Action, now: Date): void {
  switch (action.kind) {
    case "Check": {
      const { subject, inputs, checkNow } = action.request;
      on.asked.push(action);
      const verdict = on.answer(subject);
      const before = on.known.get(inputs);
      on.known.set(inputs, {
        ...before,
        due: false,
        ...(checkNow === undefined ? {} : { asked: checkNow }),
        ...(verdict
          ? { check: { state: "Answered", verdict, ...(checkNow === undefined ? {} : { checkNow }) } }
          : before?.check
            ? {}
            : { check: { state: "Pending", since: now } }),
      });
      return;
    }
    case "ReadSources":
    case "ReadPublished":
    case "RecordEvent":
      return;
    case "SetHolds": {
      const { [HOLDS_LABEL]: _, ...others } = on.appSecret.metadata.labels ?? {};
      const labels = action.holds === null ? others : { ...others, [HOLDS_LABEL]: action.holds };
      on.appSecret = { ...on.appSecret, metadata: { ...on.appSecret.metadata, labels } };
      return;
    }
    case "CreateSecret":
      if (on.secrets.has(action.secret.name)) throw new Error("create of a Secret that exists");
      on.version += 1;
      write(on, action.secret, `uid-${on.version}`);
      return;
    case "UpdateSecret": {
      const current = on.secrets.get(action.secret.name);
      if (current?.metadata.uid !== action.uid) throw new Error("update of another Secret");
      const owned = current.metadata.annotations?.[OWNER_ANNOTATION] === on.appSecret.metadata.name;
      if (!owned) throw new Error("update of a foreign Secret");
      on.version += 1;
      write(on, action.secret, action.uid);
      return;
    }
    case "RestartWorkloads": {
      const { workloads, annotation, value } = action;
      for (const { workload } of workloads) {
        const found = on.workloads.get(workload.name);
        if (!found || found.annotations[annotation] === value) continue;
        found.annotations[annotation] = value;
        found.rolls += 1;
      }
      return;
    }
    case "DeleteSecret":
      if (on.secrets.get(action.name)?.metadata.uid !== action.uid) throw new Error("delete of another Secret");
      on.secrets.delete(action.name);
      return;
    case "WriteStatus": {
      const { status } = action;
      const secret = status.secret && on.secrets.get(status.secret.name)?.metadata;
      const version = secret && { uid: secret.uid, resourceVersion: secret.resourceVersion };
      const recorded = action.publishes && status.secret ? { secret: { ...status.secret, ...version } } : {};
      on.appSecret = { ...on.appSecret, status: { ...status, ...recorded } };
      return;
    }
  }
}

function write(on: World, { name, labels, annotations, ownerReference, data }: DesiredSecret, uid: string): void {
  on.secrets.set(name, {
    metadata: {
      name,
      namespace: "staging",
      uid,
      resourceVersion: `${on.version}`,
      labels,
      annotations,
      ...(ownerReference ? { ownerReferences: [ownerReference] } : {}),
    },
    data,
  });
}
