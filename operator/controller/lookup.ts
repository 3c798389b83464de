/**
 * Reverse look-ups, derived from the two watches and made again at every start: which AppSecrets a Secret concerns, which
 * Secrets an AppSecret controls, and which AppSecret holds a type.
 */
import { API_VERSION, HOLDS_LABEL, KIND } from "#api/names";
import { parseSpec } from "#api/schema/spec";
import { onePerNamespace } from "#api/types/of-spec";
import type { Holder, ObservedAppSecret as AppSecret, SecretMeta } from "#plan/observed";
import { sourceNames } from "#plan/sources";

export type Lookup = {
  /** Takes a change of an AppSecret in. Returns the keys of others that it concerns: those that wait for its type. */
  updateAppSecret(before: AppSecret | undefined, after: AppSecret | undefined): string[];
  updateSecret(before: SecretMeta | undefined, after: SecretMeta | undefined): void;
  /** Keys of the AppSecrets that publish, published or read a Secret of this name. */
  concerned(namespace: string, secretName: string): ReadonlySet<string>;
  /** Names of the known Secrets that are controlled by the AppSecret with this uid. */
  controlledBy(uid: string): ReadonlySet<string>;
  /** The AppSecret that holds this one's type; undefined for Custom. Right only once the watch has filled the cache. */
  holderFor(appSecret: AppSecret): Holder | undefined;
};

const ONE_PER_NAMESPACE: ReadonlySet<string> = new Set(onePerNamespace());
const NONE: ReadonlySet<string> = new Set();

/** @param get the current AppSecret of a key, as the cache has it */
export function createLookup(get: (namespace: string, name: string) => AppSecret | undefined): Lookup {
  const bySecret = new Map<string, Set<string>>();
  const byController = new Map<string, Set<string>>();
  const groups = new Map<string, Group>();

  return {
    updateAppSecret(before, after) {
      if (before)
        for (const name of secretNames(before)) drop(bySecret, key(before.metadata.namespace, name), keyOf(before));
      if (after)
        for (const name of secretNames(after)) insert(bySecret, key(after.metadata.namespace, name), keyOf(after));
      const waiting: string[] = [];
      if (before && before.metadata.uid !== after?.metadata.uid) waiting.push(...leave(groups, before));
      if (after) join(groups, after);
      return waiting;
    },
    updateSecret(before, after) {
      const was = controllerOf(before);
      const is = controllerOf(after);
      if (before && was !== undefined && was !== is) drop(byController, was, before.name);
      if (after && is !== undefined && was !== is) insert(byController, is, after.name);
    },
    concerned: (namespace, secretName) => bySecret.get(key(namespace, secretName)) ?? NONE,
    controlledBy: (uid) => byController.get(uid) ?? NONE,
    holderFor(appSecret) {
      const group = groups.get(groupKey(appSecret));
      if (!group) return undefined;
      if (group.holder === undefined || !group.members.has(group.holder)) {
        group.holder = best([...group.members.values()].map((name) => get(appSecret.metadata.namespace, name)));
      }
      const name = group.holder === undefined ? undefined : group.members.get(group.holder);
      return group.holder === undefined || name === undefined ? undefined : { name, uid: group.holder };
    },
  };
}

/** The AppSecrets of one unique type in one namespace: names by uid. The holder keeps its place for as long as it exists. */
type Group = { members: Map<string, string>; holder: string | undefined };

function join(groups: Map<string, Group>, appSecret: AppSecret): void {
  if (!ONE_PER_NAMESPACE.has(appSecret.spec.type)) return;
  const group = groups.get(groupKey(appSecret)) ?? { members: new Map<string, string>(), holder: undefined };
  group.members.set(appSecret.metadata.uid, appSecret.metadata.name);
  groups.set(groupKey(appSecret), group);
}

/** @returns the keys of those who stay, when it was the holder that left: one of them is promoted, the others name it */
function leave(groups: Map<string, Group>, appSecret: AppSecret): string[] {
  const group = groups.get(groupKey(appSecret));
  if (!group) return [];
  group.members.delete(appSecret.metadata.uid);
  if (group.members.size === 0) groups.delete(groupKey(appSecret));
  if (group.holder !== appSecret.metadata.uid) return [];
  group.holder = undefined;
  return [...group.members.values()].map((name) => key(appSecret.metadata.namespace, name));
}

/**
 * The next holder: the AppSecret that was accepted before (status, which only the operator writes), then the one that was
 * about to be (label), then the oldest, then the smallest uid. The same on every machine, from the same list.
 */
function best(members: (AppSecret | undefined)[]): string | undefined {
  const ranked = members
    .filter((member) => member !== undefined)
    .map((member) => ({
      uid: member.metadata.uid,
      rank: [
        member.status?.conditions?.some(({ type, status }) => type === "Accepted" && status === "True") ? "0" : "1",
        member.metadata.labels?.[HOLDS_LABEL] === member.spec.type ? "0" : "1",
        member.metadata.creationTimestamp ?? "",
        member.metadata.uid,
      ].join(" "),
    }));
  ranked.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return ranked[0]?.uid;
}

/** The Secrets that an AppSecret has to do with: its target, what it published last, and its sources. */
function secretNames({ metadata, spec, status }: AppSecret): Set<string> {
  const parsed = parseSpec(spec);
  const names = new Set(parsed.ok ? sourceNames(parsed.spec) : []);
  names.add((parsed.ok ? parsed.spec.target.name : undefined) ?? metadata.name);
  if (status?.secret) names.add(status.secret.name);
  return names;
}

function controllerOf(secret: SecretMeta | undefined): string | undefined {
  return secret?.ownerReferences?.find(
    ({ controller, apiVersion, kind }) => controller === true && apiVersion === API_VERSION && kind === KIND,
  )?.uid;
}

/** The work queue's key of an AppSecret: `namespace/name`. */
function key(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/** The namespace and the name of a key. */
export function splitKey(of: string): [namespace: string, name: string] {
  const [namespace = "", name = ""] = of.split("/");
  return [namespace, name];
}

export function keyOf({ metadata }: AppSecret): string {
  return key(metadata.namespace, metadata.name);
}

function groupKey({ metadata, spec }: AppSecret): string {
  return `${metadata.namespace}/${spec.type}`;
}

function insert(map: Map<string, Set<string>>, at: string, value: string): void {
  const set = map.get(at);
  if (set) set.add(value);
  else map.set(at, new Set([value]));
}

function drop(map: Map<string, Set<string>>, at: string, value: string): void {
  const set = map.get(at);
  if (!set?.delete(value)) return;
  if (set.size === 0) map.delete(at);
}
