import { HOLDS_LABEL, MANAGED_BY_LABEL, OPERATOR_NAME, OWNER_ANNOTATION } from "#api/names";
import type { AppSecret } from "#api/schema/spec";
import type { WatchEvent } from "#support/operator/api";
import type { Secret } from "#support/operator/environment";
import { decoded } from "#support/operator/environment";
import type { Passed } from "./proxy.ts";

/**
 * Promises about every moment, not only about the end. etcd numbers all changes of all objects in one order, so that two
 * recordings make one history: what a Secret was, and what its AppSecret asked, when the operator touched it.
 */
export type History = {
  /** From here on only what is asked for now excuses a deletion. To be called when the operator is at rest. */
  mark: () => void;
  /** What the operator has done that it must not, one sentence each. `allowed`: may a Secret of this name hold this? */
  violations: (allowed?: Allowed) => string[];
  /** Every content that the operator has given each Secret. */
  contents: () => Map<string, Set<string>>;
};

export type Allowed = (secret: string, content: string) => boolean;

export type Recorded = {
  secrets: readonly WatchEvent<Secret>[];
  appSecrets: readonly WatchEvent<AppSecret>[];
  /** Those of the operator. */
  requests: readonly Passed[];
  secretsPath: string;
};

/** A Secret's data as one text, to be compared. */
function contentOf(secret: Secret): string {
  return JSON.stringify(Object.entries(decoded(secret)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function createHistory(recorded: Recorded): History {
  const marks: number[] = [];
  const ours = () => {
    const writes = recorded.requests.filter(({ path }) => path.startsWith(recorded.secretsPath));
    return {
      versions: new Set(writes.map(({ resourceVersion }) => resourceVersion)),
      removed: new Set(writes.filter(({ method }) => method === "DELETE").map(({ uid }) => uid)),
    };
  };

  return {
    mark: () => void marks.push(Math.max(0, ...[...recorded.secrets, ...recorded.appSecrets].map(versionOf))),
    contents() {
      const { versions } = ours();
      const contents = new Map<string, Set<string>>();
      for (const { type, object } of recorded.secrets) {
        if (type === "DELETED" || !versions.has(object.metadata.resourceVersion)) continue;
        const { name } = object.metadata;
        contents.set(name, (contents.get(name) ?? new Set()).add(contentOf(object)));
      }
      return contents;
    },
    violations(allowed = () => true) {
      const { versions, removed } = ours();
      const found: string[] = [];
      const secrets = new Map<string, Secret>();
      const appSecrets = new Map<string, AppSecret>();
      /** Specs that were in force since the last mark, the one at the mark only until the next. */
      const recent = new Map<string, AppSecret[]>();
      const pending = [...marks];

      for (const event of inOrder(recorded)) {
        const { type, object } = event;
        const { name, resourceVersion, uid } = object.metadata;
        while (pending[0] !== undefined && pending[0] < Number(resourceVersion)) {
          pending.shift();
          recent.clear();
        }
        if (isAppSecret(object)) {
          if (!recent.has(name)) recent.set(name, []);
          if (type === "DELETED") appSecrets.delete(name);
          else {
            appSecrets.set(name, object);
            recent.get(name)?.push(object);
          }
          continue;
        }
        const before = secrets.get(name);
        if (type === "DELETED") secrets.delete(name);
        else secrets.set(name, object);
        const owner = object.metadata.annotations?.[OWNER_ANNOTATION];
        const said = (what: string) => found.push(`at ${resourceVersion}: ${what}`);

        if (type === "DELETED") {
          if (!removed.has(uid)) continue;
          if (owner === undefined) said(`it deleted the foreign Secret ${name}`);
          else if (!mayWithdraw(name, owner, { appSecrets, recent }))
            said(`it deleted Secret ${name}, for which ${owner} asks`);
          continue;
        }
        if (!versions.has(resourceVersion)) continue;
        if (before !== undefined && before.metadata.annotations?.[OWNER_ANNOTATION] !== owner) {
          said(`it took Secret ${name}, which was not ${owner}'s`);
        }
        if (
          owner === undefined ||
          object.metadata.labels?.[MANAGED_BY_LABEL] !== OPERATOR_NAME ||
          object.type !== "Opaque"
        ) {
          said(`it left Secret ${name} without owner or label, or of another type`);
        }
        if (!allowed(name, contentOf(object))) said(`it put into Secret ${name} what nobody asked for`);
        const appSecret = owner === undefined ? undefined : appSecrets.get(owner);
        if (appSecret !== undefined && !holds(appSecret, appSecrets)) {
          said(`it published Secret ${name} for ${owner}, which does not hold its type`);
        }
      }
      return found;
    },
  };
}

function* inOrder({ secrets, appSecrets }: Recorded): Generator<WatchEvent<Secret> | WatchEvent<AppSecret>> {
  yield* [...secrets, ...appSecrets].sort((a, b) => versionOf(a) - versionOf(b));
}

function versionOf({ object }: { object: { metadata: { resourceVersion: string } } }): number {
  return Number(object.metadata.resourceVersion);
}

function isAppSecret(object: Secret | AppSecret): object is AppSecret {
  return "spec" in object;
}

/** The label goes before the Secret: an admission policy must not let a second one in that then finds a Secret published. */
function holds({ metadata, spec }: AppSecret, all: ReadonlyMap<string, AppSecret>): boolean {
  if (spec.type === "Custom") return true;
  const holders = [...all.values()].filter((other) => other.metadata.labels?.[HOLDS_LABEL] === spec.type);
  return holders.length === 1 && holders[0]?.metadata.uid === metadata.uid;
}

/** By what is asked now or, where it has just changed, by what was asked since the last mark. */
function mayWithdraw(
  secret: string,
  owner: string,
  {
    appSecrets,
    recent,
  }: { appSecrets: ReadonlyMap<string, AppSecret>; recent: ReadonlyMap<string, readonly AppSecret[]> },
): boolean {
  const now = appSecrets.get(owner);
  const asked = [...(now === undefined ? [] : [now]), ...(recent.get(owner) ?? [])];
  return now === undefined || asked.some((appSecret) => !asksFor(secret, appSecret, appSecrets));
}

function asksFor(secret: string, { metadata, spec }: AppSecret, all: ReadonlyMap<string, AppSecret>): boolean {
  if ((spec.target.name ?? metadata.name) !== secret) return false;
  if (spec.type === "Authentication" && !spec.authentication.enabled) return false;
  const holder = [...all.values()].find((other) => other.metadata.labels?.[HOLDS_LABEL] === spec.type);
  return spec.type === "Custom" || holder === undefined || holder.metadata.uid === metadata.uid;
}
