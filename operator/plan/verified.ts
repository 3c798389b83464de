/**
 * The promise: content that a live check has confirmed is replaced only by content that one has confirmed, or because the
 * AppSecret says `verify: "Off"`.
 *
 * Two places say that content was confirmed. On its Secret an annotation, written in one request with the content: so it holds
 * wherever the operator was stopped, and for a Secret that was retained and is taken over. And `status.secret`, for somebody may
 * delete the Secret, and it has to come back as what it was.
 */
import { VERIFIED_ANNOTATION } from "#api/names";
import type { AppSecretStatus } from "#api/status";
import { Reason } from "#api/status";
import type { SecretMeta } from "./observed.ts";

/** Whether what this Secret holds was confirmed. */
export function isVerified({ uid, annotations }: SecretMeta, status: AppSecretStatus | undefined): boolean {
  if (annotations?.[VERIFIED_ANNOTATION] === "true") return true;
  return uid === status?.secret?.uid && isRecordedAsVerified(status);
}

/**
 * Whether what was published last was confirmed. Of a status that an operator wrote before it recorded that, nobody knows
 * whether silence came before a yes or after it: it counts as confirmed, unless the AppSecret wanted no check.
 */
export function isRecordedAsVerified(status: AppSecretStatus | undefined): boolean {
  const { secret, conditions } = status ?? {};
  if (!secret) return false;
  if (secret.verified !== undefined) return secret.verified;
  const verified = conditions?.find(({ type }) => type === "Verified");
  if (verified === undefined) return false;
  return !(verified.reason === Reason.NotRequired && verified.observedGeneration === secret.generation);
}

/**
 * Whether an update leaves the values of these keys as they are. A key that gets another name is looked for among those that
 * the update removes.
 *
 * @param before the data of the Secret that is replaced, base64 by key
 * @param after the data to publish
 * @param keys by the names that they get
 */
export function leaves(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  keys: readonly string[],
): boolean {
  const removed = Object.entries(before).filter(([key]) => !Object.hasOwn(after, key));
  return keys.every((key) => {
    if (!Object.hasOwn(after, key)) return !Object.hasOwn(before, key);
    if (Object.hasOwn(before, key)) return before[key] === after[key];
    return removed.some(([, value]) => value === after[key]);
  });
}
