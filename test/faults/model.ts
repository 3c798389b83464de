/**
 * What must be, in a few rules: an independent telling of the operator's promises, without clocks, versions or requests.
 *
 * The operator and the garbage collector act when they like. So a story does not lead to one state but to a set of them: all
 * that are reached when any of their moves come in between, in any order. Where nobody can move any more, all is settled;
 * what the cluster shows then has to be one of these states.
 */

export type Type = "Authentication" | "Database" | "Custom";

/** A literal, or key "k" of a Secret. */
export type Value = { text: string } | { source: string };

export type Spec = {
  type: Type;
  /** The AppSecret's own name unless told. */
  target?: string;
  retain: boolean;
  suspend: boolean;
  /** Means something for Authentication only. */
  enabled: boolean;
  value: Value;
};

export type Action =
  /** `past`: the holder's label is taken off first, so that the admission policy lets a second one in. */
  | { do: "apply"; name: string; spec: Spec; past?: boolean }
  | { do: "delete"; name: string }
  /** Sets key "k" of a Secret, which is made when there is none. */
  | { do: "write"; secret: string; text: string }
  | { do: "remove"; secret: string }
  /** Names another owner in the annotation, or none. */
  | { do: "give"; secret: string; owner: string | null }
  /** kill -9 of the operator, and a new one. */
  | { do: "crash" };

/** What the API server made of it. A Secret that was there is `changed`, one that was not is `made` or `absent`. */
export type Outcome = "done" | "refused" | "made" | "changed" | "absent";

type Secret = {
  id: number;
  data: Readonly<Record<string, string>>;
  owner?: string;
  controller?: { id: number; name: string };
};
type AppSecret = { id: number; spec: Spec; ready: string; published?: number };

export type Model = {
  readonly appSecrets: Readonly<Record<string, AppSecret>>;
  readonly secrets: Readonly<Record<string, Secret>>;
  /** Who holds a type, by id. */
  readonly holders: Readonly<Partial<Record<Type, number>>>;
  readonly next: number;
};

export const EMPTY: Model = { appSecrets: {}, secrets: {}, holders: {}, next: 1 };

/** What a person can see of a state, and of the cluster. */
export type View = {
  appSecrets: Record<string, { ready: string; holds: boolean }>;
  secrets: Record<string, { data: Readonly<Record<string, string>>; owner?: string; controller?: string }>;
};

export function view({ appSecrets, secrets, holders }: Model): View {
  return {
    appSecrets: mapValues(appSecrets, ({ ready, id, spec }) => ({ ready, holds: holders[spec.type] === id })),
    secrets: mapValues(secrets, ({ data, owner, controller }) => ({
      data,
      ...(owner === undefined ? {} : { owner }),
      ...(controller === undefined ? {} : { controller: controller.name }),
    })),
  };
}

/** The states after a person has acted in any of these; none where that outcome was impossible. */
export function act(models: readonly Model[], action: Action, outcome: Outcome): Model[] {
  return models.flatMap((model) => actOn(model, action, outcome));
}

function actOn(model: Model, action: Action, outcome: Outcome): Model[] {
  switch (action.do) {
    case "crash":
      return [model];
    case "apply": {
      if (outcome === "refused") return [model];
      const { name, spec } = action;
      const known = model.appSecrets[name];
      const appSecret: AppSecret = known ? { ...known, spec } : { id: model.next, spec, ready: "" };
      return [{ ...model, appSecrets: { ...model.appSecrets, [name]: appSecret }, next: model.next + 1 }];
    }
    case "delete": {
      const gone = model.appSecrets[action.name];
      if (!gone) return [model];
      const held = model.holders[gone.spec.type] === gone.id;
      const holders = held ? without(model.holders, gone.spec.type) : model.holders;
      return [{ ...model, appSecrets: without(model.appSecrets, action.name), holders }];
    }
    case "write": {
      const known = model.secrets[action.secret];
      if ((known === undefined) !== (outcome === "made")) return [];
      const secret: Secret = { ...(known ?? { id: model.next }), data: { ...known?.data, k: action.text } };
      return [{ ...putSecret(model, action.secret, secret), next: model.next + 1 }];
    }
    case "remove":
      if ((model.secrets[action.secret] === undefined) !== (outcome === "absent")) return [];
      return [{ ...model, secrets: without(model.secrets, action.secret) }];
    case "give": {
      const known = model.secrets[action.secret];
      if ((known === undefined) !== (outcome === "absent")) return [];
      if (!known) return [model];
      const { owner: _, ...rest } = known;
      return [putSecret(model, action.secret, { ...rest, ...(action.owner === null ? {} : { owner: action.owner }) })];
    }
  }
}

/** All states that are reached from these when operator and garbage collector move, these included. */
export function reachable(models: readonly Model[]): Model[] {
  return explore(models, (model) => [...moves(model), ...halfMoves(model)]).all;
}

/** The states in which nobody moves any more. */
export function settled(models: readonly Model[]): Model[] {
  return explore(models, moves).ends;
}

/** More than this would be a story that nobody can check. */
const MOST_STATES = 20_000;

function explore(from: readonly Model[], next: (model: Model) => Model[]): { all: Model[]; ends: Model[] } {
  const known = new Map(from.map((model) => [keyOf(model), model]));
  const ends: Model[] = [];
  for (const [key, model] of known) {
    const others = next(model).filter((other) => keyOf(other) !== key);
    if (others.length === 0) ends.push(model);
    for (const other of others) if (!known.has(keyOf(other))) known.set(keyOf(other), other);
    if (known.size > MOST_STATES) throw new Error("this story has too many possible states: settle more often");
  }
  return { all: [...known.values()], ends };
}

function moves(model: Model): Model[] {
  const chosen = chooseHolders(model);
  if (chosen.length > 0) return chosen;
  return [...Object.keys(model.appSecrets).map((name) => reconcile(model, name)), ...collect(model)];
}

/** The operator was stopped, or overtaken, between its first write and its last. */
function halfMoves(model: Model): Model[] {
  return Object.keys(model.appSecrets).flatMap((name) => {
    const { secrets } = reconcile(model, name);
    const target = targetOf(name, model.appSecrets[name]);
    return secrets[target] === undefined
      ? []
      : [putSecret(model, target, secrets[target])].map((half) => ({ ...half, next: model.next + 1 }));
  });
}

/** A type that nobody holds goes to one of those who ask for it. */
function chooseHolders(model: Model): Model[] {
  for (const type of ["Authentication", "Database"] as const) {
    const members = Object.values(model.appSecrets).filter(({ spec }) => spec.type === type);
    if (members.length === 0 || model.holders[type] !== undefined) continue;
    return members.map(({ id }) => ({ ...model, holders: { ...model.holders, [type]: id } }));
  }
  return [];
}

/** A Secret whose controller is gone. */
function collect(model: Model): Model[] {
  const alive = new Set(Object.values(model.appSecrets).map(({ id }) => id));
  return Object.entries(model.secrets)
    .filter(([, { controller }]) => controller !== undefined && !alive.has(controller.id))
    .map(([name]) => ({ ...model, secrets: without(model.secrets, name) }));
}

function reconcile(model: Model, name: string): Model {
  const appSecret = model.appSecrets[name];
  if (!appSecret) return model;
  const { spec, id } = appSecret;
  const says = (ready: string): Model => putAppSecret(model, name, { ...appSecret, ready });
  const target = targetOf(name, appSecret);

  if (spec.type !== "Custom" && model.holders[spec.type] !== id) return withdrawAll(says("False/Duplicate"), name);
  if (spec.suspend) return says("True/Suspended");
  if (spec.type === "Authentication" && !spec.enabled) return withdrawAll(says("True/Disabled"), name);

  const source = "source" in spec.value && spec.type !== "Authentication" ? spec.value.source : undefined;
  if (source === target) return says("False/InvalidSpec");
  if (source !== undefined && !model.secrets[source]) return says("False/SourceNotFound");
  const text = "text" in spec.value ? spec.value.text : source === undefined ? "" : model.secrets[source]?.data["k"];
  if (text === undefined) return says("False/SourceKeyNotFound");
  if (spec.type === "Database" && source !== undefined && !text.startsWith("mongodb://"))
    return says("False/InvalidSpec");

  const there = model.secrets[target];
  const isOurs = there?.owner === name && (there.controller === undefined || there.controller.name === name);
  if (there && !isOurs) return says("False/SecretNotOwned");

  const made: Secret = {
    id: there?.id ?? model.next,
    data: content(spec, text),
    owner: name,
    ...(spec.retain ? {} : { controller: { id, name } }),
  };
  const written = { ...putSecret(model, target, made), next: there ? model.next : model.next + 1 };
  const alone = withdraw(
    written,
    owned(written, name).filter((secret) => secret !== target),
  );
  // Nobody answers a live check in these stories, so nothing is verified, and nothing that was verified is replaced.
  const ready = spec.type === "Custom" ? "True/Published" : "True/PublishedUnverified";
  return putAppSecret(alone, name, { id, spec, ready, published: made.id });
}

/** The data of the Secret for a spec whose value is `text`. */
function content(spec: Spec, text: string): Record<string, string> {
  switch (spec.type) {
    case "Authentication":
      return { JWKS_URI, AUDIENCE: text };
    case "Database":
      return { MONGODB_URI: "text" in spec.value ? mongodbUri(text) : text, DATABASE_NAME: "orders" };
    case "Custom":
      return { A: text, FIXED: "fixed" };
  }
}

export const JWKS_URI = "https://id.example.com/.well-known/jwks.json";

export function mongodbUri(password: string): string {
  return `mongodb://orders:${encodeURIComponent(password)}@db.example.com/`;
}

/** Secrets that this AppSecret published, as far as it can know. */
function owned({ secrets, appSecrets }: Model, name: string): string[] {
  const { id, published } = appSecrets[name] ?? {};
  return Object.entries(secrets)
    .filter(([, secret]) => secret.owner === name && (secret.controller?.id === id || secret.id === published))
    .map(([secret]) => secret);
}

function withdrawAll(model: Model, name: string): Model {
  const appSecret = model.appSecrets[name];
  if (!appSecret) return model;
  const { published: _, ...rest } = appSecret;
  return putAppSecret(withdraw(model, owned(model, name)), name, rest);
}

function withdraw(model: Model, names: readonly string[]): Model {
  return { ...model, secrets: names.reduce((secrets, name) => without(secrets, name), model.secrets) };
}

function targetOf(name: string, appSecret: AppSecret | undefined): string {
  return appSecret?.spec.target ?? name;
}

function putSecret(model: Model, name: string, secret: Secret): Model {
  return { ...model, secrets: { ...model.secrets, [name]: secret } };
}

function putAppSecret(model: Model, name: string, appSecret: AppSecret): Model {
  return { ...model, appSecrets: { ...model.appSecrets, [name]: appSecret } };
}

/** Two states are one when they differ in the numbers of things only. */
function keyOf({ appSecrets, secrets, holders }: Model): string {
  const numbers = new Map<number, number>();
  const renumbered = (id: number): number => {
    const known = numbers.get(id) ?? numbers.size;
    numbers.set(id, known);
    return known;
  };
  return JSON.stringify([sorted(appSecrets), sorted(secrets), sorted(holders)], (key, value: unknown) => {
    const isId = typeof value === "number" && (key === "id" || key === "published" || key === "1");
    return isId ? renumbered(value) : value;
  });
}

function sorted(record: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

function without<T>(record: Readonly<Record<string, T>>, name: string): Record<string, T> {
  const { [name]: _, ...rest } = record;
  return rest;
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
