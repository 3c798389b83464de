import { HOLDS_LABEL, MANAGED_BY_LABEL, OPERATOR_NAME, OWNER_ANNOTATION, VERIFIED_ANNOTATION } from "#api/names";
import type { AppSecret } from "#api/schema/spec";
import type { WatchEvent } from "#support/operator/api";
import type { Secret } from "#support/operator/environment";
import { decoded } from "#support/operator/environment";
import type { Passed } from "#support/fault-proxy/proxy";

/**
 * Promises about every moment, not only about the end. etcd numbers all changes of all objects in one order, so that two
 * recordings make one history: what a Secret was, and what its AppSecret said, when the operator wrote it.
 */
export type History = {
  /** From here on only the present specs excuse a deletion. Call it when the operator is at rest. */
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
  appSecretsPath: string;
  secretsPath: string;
};

/** The AppSecrets that there are, and those that were in force since the last mark. */
type Specs = { appSecrets: ReadonlyMap<string, AppSecret>; recent: ReadonlyMap<string, readonly AppSecret[]> };

/** A Secret's data as one text, to be compared. */
function contentOf(secret: Secret): string {
  return JSON.stringify(Object.entries(decoded(secret)).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function createHistory(recorded: Recorded): History {
  const marks: number[] = [];
  const operatorsWrites = () => {
    const under = (path: string) => recorded.requests.filter((request) => request.path.startsWith(path));
    const versions = (path: string) => new Set(under(path).map(({ resourceVersion }) => resourceVersion));
    const removals = under(recorded.secretsPath).filter(({ method }) => method === "DELETE");
    return {
      versions: versions(recorded.secretsPath),
      appSecretVersions: versions(recorded.appSecretsPath),
      removed: new Set(removals.map(({ uid }) => uid)),
    };
  };

  return {
    mark: () => void marks.push(Math.max(0, ...[...recorded.secrets, ...recorded.appSecrets].map(versionOf))),
    contents() {
      const { versions } = operatorsWrites();
      const contents = new Map<string, Set<string>>();
      for (const { type, object } of recorded.secrets) {
        if (type === "DELETED" || !versions.has(object.metadata.resourceVersion)) continue;
        const { name } = object.metadata;
        contents.set(name, (contents.get(name) ?? new Set()).add(contentOf(object)));
      }
      return contents;
    },
    violations(allowed = () => true) {
      const { versions, appSecretVersions, removed } = operatorsWrites();
      const found: string[] = [];
      const secrets = new Map<string, Secret>();
      const appSecrets = new Map<string, AppSecret>();
      /** Specs that were in force since the last mark, the one at the mark only until the next. */
      const recent = new Map<string, AppSecret[]>();
      /**
       * By type, the uid of the AppSecret whose label somebody else has taken off since the last mark. The operator gave it
       * the type and may publish for it before it sees the label gone; giving the type to another one ends that.
       */
      const takenOff = new Map<string, string>();
      const pending = [...marks];

      for (const event of inOrder(recorded)) {
        const { type, object } = event;
        const { name, resourceVersion, uid } = object.metadata;
        while (pending[0] !== undefined && pending[0] < Number(resourceVersion)) {
          pending.shift();
          recent.clear();
          takenOff.clear();
        }
        const said = (what: string) => found.push(`at ${resourceVersion}: ${what}`);
        if (isAppSecret(object)) {
          const before = appSecrets.get(name);
          if (!recent.has(name)) recent.set(name, []);
          if (type === "DELETED") appSecrets.delete(name);
          else {
            appSecrets.set(name, object);
            recent.get(name)?.push(object);
          }
          const isOperators = appSecretVersions.has(resourceVersion);
          const held = before !== undefined && before.metadata.uid === uid && isLabelled(before);
          const holds = type !== "DELETED" && isLabelled(object);
          if (holds && !held) {
            takenOff.delete(object.spec.type);
            const other = labelled(object.spec.type, appSecrets).find(({ metadata }) => metadata.uid !== uid);
            if (isOperators && other) {
              said(`it gave ${object.spec.type} to ${name} while ${other.metadata.name} holds it`);
            }
          }
          if (held && !holds && type !== "DELETED" && !isOperators) takenOff.set(object.spec.type, uid);
          if (type === "DELETED" && takenOff.get(object.spec.type) === uid) takenOff.delete(object.spec.type);
          continue;
        }
        const before = secrets.get(name);
        if (type === "DELETED") secrets.delete(name);
        else secrets.set(name, object);
        const owner = object.metadata.annotations?.[OWNER_ANNOTATION];

        if (type === "DELETED") {
          if (!removed.has(uid)) continue;
          if (owner === undefined) said(`it deleted the foreign Secret ${name}`);
          else if (!mayWithdraw(name, owner, { appSecrets, recent }))
            said(`it deleted Secret ${name}, which ${owner} asks for`);
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
        if (!allowed(name, contentOf(object))) said(`it put content into Secret ${name} that no AppSecret asks for`);
        if (isVerified(before) && !isVerified(object) && !mayUnverify(owner, { appSecrets, recent })) {
          said(`it replaced what was verified in Secret ${name} by what was not`);
        }
        const appSecret = owner === undefined ? undefined : appSecrets.get(owner);
        if (appSecret !== undefined && !mayPublish(appSecret, appSecrets, takenOff)) {
          said(`it published Secret ${name} for ${owner}, which does not hold its type`);
        }
      }
      return found;
    },
  };
}

function isVerified(secret: Secret | undefined): boolean {
  return secret?.metadata.annotations?.[VERIFIED_ANNOTATION] === "true";
}

/** The AppSecret says that nothing is to be checked, now or, where that has just changed, at any time since the last mark. */
function mayUnverify(owner: string | undefined, { appSecrets, recent }: Specs): boolean {
  if (owner === undefined) return false;
  const now = appSecrets.get(owner);
  const asked = [...(now === undefined ? [] : [now]), ...(recent.get(owner) ?? [])];
  return asked.some(({ spec }) => spec.type === "Custom" || spec.verify === "Off");
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

function isLabelled({ metadata, spec }: AppSecret): boolean {
  return metadata.labels?.[HOLDS_LABEL] === spec.type;
}

/** The AppSecrets that carry the label of this type. */
function labelled(type: string, all: ReadonlyMap<string, AppSecret>): AppSecret[] {
  return [...all.values()].filter(({ metadata }) => metadata.labels?.[HOLDS_LABEL] === type);
}

/** The label goes before the Secret: an admission policy must not let a second one in that then finds a Secret published. */
function mayPublish(
  { metadata, spec }: AppSecret,
  all: ReadonlyMap<string, AppSecret>,
  takenOff: ReadonlyMap<string, string>,
): boolean {
  if (spec.type === "Custom") return true;
  const holders = labelled(spec.type, all);
  if (holders.length === 0) return takenOff.get(spec.type) === metadata.uid;
  return holders.length === 1 && holders[0]?.metadata.uid === metadata.uid;
}

/** Judged by the present spec or, where it has just changed, by any spec since the last mark. */
function mayWithdraw(secret: string, owner: string, { appSecrets, recent }: Specs): boolean {
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
