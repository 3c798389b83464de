import type { AppSecret } from "#api/schema/spec";
import type { PartialObject } from "#common/object-meta";
import { parseSpec } from "#api/schema/spec";
import { CHECK_NOW_ANNOTATION, OWNER_ANNOTATION } from "#api/names";
import type {
  LiveCheck,
  Observed,
  ObservedAppSecret,
  Refusal,
  SecretContent,
  SecretMeta,
  Source,
} from "#plan/observed";
import { sourceNames } from "#plan/sources";
import { inputsOf } from "#plan/verdict";
import type { Scheduler } from "#verify/schedule/scheduler";
import type { Lookup } from "./lookup.ts";
import { keyOf } from "./lookup.ts";
import type { Cache } from "./cache/multi-namespace-store.ts";

/** What the requests of this reconcile have found so far, beyond what the watches brought. */
export type Learned = {
  sources?: ReadonlyMap<string, Source>;
  /** By uid. */
  ownSecrets?: ReadonlyMap<string, SecretContent>;
  refusal?: Refusal;
};

/** What the watches have brought, and the live checks. */
export type Memory = {
  checks: Pick<Scheduler, "known">;
  appSecrets: Pick<Cache<AppSecret>, "get">;
  secrets: Pick<Cache<PartialObject>, "get">;
  lookup: Pick<Lookup, "controlledBy" | "holderFor">;
};

/**
 * Puts together all that is known about one AppSecret, from memory alone. Where something must be read, the plan says so.
 *
 * @returns undefined when there is no such AppSecret
 */
export function gather(
  { appSecrets, secrets, lookup, checks }: Memory,
  namespace: string,
  name: string,
  learned: Learned,
): Observed | undefined {
  const appSecret: ObservedAppSecret | undefined = appSecrets.get(namespace, name);
  if (!appSecret) return undefined;
  const { spec, status, metadata } = appSecret;

  const lookUp = (secret: string): SecretMeta | undefined => secrets.get(namespace, secret)?.metadata;
  const candidates = new Set(lookup.controlledBy(metadata.uid));
  if (status?.secret) candidates.add(status.secret.name);
  const owned = [...candidates]
    .map(lookUp)
    .filter((secret) => secret !== undefined)
    .filter((secret) => secret.annotations?.[OWNER_ANNOTATION] === name)
    .filter(({ uid, name: secret }) => uid === status?.secret?.uid || lookup.controlledBy(metadata.uid).has(secret));

  const sources = new Map<string, Source>();
  const parsed = parseSpec(spec);
  for (const source of parsed.ok ? sourceNames(parsed.spec) : []) {
    const known = learned.sources?.get(source) ?? sourceOf(lookUp(source));
    if (known) sources.set(source, known);
  }
  return {
    appSecret,
    holder: lookup.holderFor(appSecret),
    target: lookUp(parsed.ok ? (parsed.spec.target.name ?? name) : name),
    owned,
    sources,
    ...(learned.ownSecrets ? { ownSecrets: learned.ownSecrets } : {}),
    ...(learned.refusal ? { refusal: learned.refusal } : {}),
    live: liveCheck(checks, appSecret, inputsOf(appSecret, sources)),
  };
}

function liveCheck(checks: Memory["checks"], appSecret: ObservedAppSecret, inputs: string): LiveCheck {
  const { check, due, asked } = checks.known(keyOf(appSecret), inputs);
  const wanted = appSecret.metadata.annotations?.[CHECK_NOW_ANNOTATION];
  const fresh = wanted !== undefined && wanted !== appSecret.status?.verification?.checkNow && wanted !== asked;
  return { inputs, ...(check ? { check } : {}), ...(due || fresh ? { due: { fresh } } : {}) };
}

function sourceOf(secret: SecretMeta | undefined): Source | undefined {
  return secret && { found: true, uid: secret.uid, resourceVersion: secret.resourceVersion };
}
