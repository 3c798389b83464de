/**
 * `spec.restart`: when a published value changes, the workloads that read it are restarted, once.
 *
 * The contents of a Secret are counted. The count stands on the Secret itself, written in the same request as the content,
 * and in the status once the workloads were restarted for it. So nothing of a value, not even a hash, is kept anywhere: to
 * know whether an update changes one, the operator reads the Secret just before it writes it. Whenever the operator is
 * stopped, the next one sees by the two counts whether a restart is still due; a second request for it restarts nothing,
 * since it sets the same count on the Pod template.
 */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { CONTENT_VERSION_ANNOTATION, RESTARTED_FOR_PREFIX } from "#api/names";
import type { Workload } from "#api/schema/restart";
import type { AppSecretSpec } from "#api/schema/spec";
import type { PublishedSecret } from "#api/status";
import type { Note, RestartWorkloads } from "./actions.ts";
import type { Observed, SecretMeta } from "./observed.ts";
import { contentOf } from "./observed.ts";

/** What is not counted, or not yet, is the first content. */
const FIRST = 1;

/** Longest name of an annotation without its domain (Kubernetes: IsQualifiedName). */
const MAX_NAME = 63;

/**
 * The count of the content that is about to be published.
 *
 * @param data the content to publish, base64 by key
 * @param isLatest whether the same generation with the same sources was published last: what to go by when the Secret that
 *   held it is gone, or may not be read
 * @returns undefined where nothing is counted; or the Secret that has to be read first
 */
export function nextVersion(
  observed: Observed,
  spec: AppSecretSpec,
  data: Readonly<Record<string, string>>,
  isLatest: boolean,
): { version: number | undefined } | { read: string } {
  const { appSecret, target } = observed;
  if (!isCounted(spec)) return { version: undefined };
  const recorded = appSecret.status?.secret;
  if (!recorded) return { version: versionOf(target) ?? FIRST };
  const known = recorded.contentVersion ?? FIRST;
  const last = lastPublished(observed, recorded.uid);
  if (!last) return { version: isLatest ? known : known + 1 };
  const ownSecret = contentOf(observed, last);
  if (!ownSecret) return { read: last.name };
  const isSame = ownSecret.data ? isDeepStrictEqual(ownSecret.data, data) : isLatest;
  return { version: Math.max(versionOf(last) ?? known, known) + (isSame ? 0 : 1) };
}

/**
 * The Secret whose content was published last: the one that the status records, or one with a higher count, which was
 * written under another name before an operator was stopped.
 */
function lastPublished({ owned, target }: Observed, recordedUid: string): SecretMeta | undefined {
  const recorded = owned.find(({ uid }) => uid === recordedUid);
  const candidates = [recorded, ...owned, target].filter((secret) => secret !== undefined);
  return candidates.toSorted((a, b) => (versionOf(b) ?? 0) - (versionOf(a) ?? 0))[0];
}

/** The restarts that are due when the content `version` is published; undefined where there are none. */
export function restartFor(
  { appSecret, target }: Observed,
  spec: AppSecretSpec,
  secret: string,
  version = versionOf(target),
): RestartWorkloads | undefined {
  const recorded = appSecret.status?.secret;
  // At the first publication nobody has read anything else.
  if (!isCounted(spec) || !recorded || version === undefined) return undefined;
  if (version === (recorded.contentVersion ?? FIRST)) return undefined;
  return {
    kind: "RestartWorkloads",
    workloads: spec.restart.map((workload) => ({ workload, missing: missing(workload, secret) })),
    annotation: annotationFor(appSecret.metadata.name),
    // The recorded Secret, not the one that is being written: until the status is, it stays the same whatever happens.
    value: `${recorded.uid}.${version}`,
    version,
  };
}

/** What the status records of a count. It outlives spec.restart, so that a list that comes back does not start the count again. */
export function recordedVersion(
  version: number | undefined,
  recorded: PublishedSecret | undefined,
): Pick<PublishedSecret, "contentVersion"> {
  const contentVersion = version ?? recorded?.contentVersion;
  return contentVersion === undefined ? {} : { contentVersion };
}

function isCounted(spec: AppSecretSpec): spec is AppSecretSpec & { restart: Workload[] } {
  return spec.restart !== undefined && spec.restart.length > 0;
}

/** By the annotation. A value that is no count was written by somebody else, and is ignored. */
function versionOf(secret: SecretMeta | undefined): number | undefined {
  const text = secret?.annotations?.[CONTENT_VERSION_ANNOTATION];
  return text !== undefined && /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : undefined;
}

/** Names of AppSecrets are longer than those of annotations may be: a long one is cut, and a digest of the name tells it apart. */
function annotationFor(appSecret: string): string {
  const [domain = "", start = ""] = RESTARTED_FOR_PREFIX.split("/");
  const room = MAX_NAME - start.length;
  if (appSecret.length <= room) return `${domain}/${start}${appSecret}`;
  const digest = createHash("sha256").update(appSecret).digest("hex").slice(0, 8);
  return `${domain}/${start}${appSecret.slice(0, room - digest.length - 1)}-${digest}`;
}

function missing({ kind, name }: Workload, secret: string): Note {
  const message =
    `The values of Secret "${secret}" changed, but ${kind} "${name}" in spec.restart does not exist, so it was not ` +
    `restarted. Create it, or remove it from spec.restart.`;
  return failed(message);
}

/** @returns what to say about workloads that the API server refused to restart, as a sentence and as an Event */
export function notRestarted(workloads: readonly Workload[]): { message: string; note: Note } {
  const names = workloads.map(({ kind, name }) => `${kind} "${name}"`).join(", ");
  const message =
    `The operator is not allowed to restart ${names}. Check its Role and any admission policies. ` +
    `It retries automatically.`;
  return { message, note: failed(message) };
}

function failed(message: string): Note {
  return { type: "Warning", reason: "RestartFailed", action: "Restart", message };
}
