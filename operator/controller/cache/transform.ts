/** What is kept in memory of the objects that the watches bring: as little as the decisions need. */
import { API_VERSION, KIND } from "#api/names";
import type { ObjectMeta, PartialObject } from "#common/object-meta";
import type { AppSecret } from "#api/schema/spec";
import type { AppSecretStatus, Condition } from "#api/status";
import { READ } from "#plan/observed";
import { cutManagedFields } from "./managed-fields.ts";

/** An AppSecret, whole but for the metadata that no decision reads. */
export function trimAppSecret({ metadata, spec, status }: AppSecret): AppSecret {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp } = metadata;
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      ...(generation === undefined ? {} : { generation }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...only("labels", READ.appSecret.labels, metadata.labels),
      ...only("annotations", READ.appSecret.annotations, metadata.annotations),
    },
    spec,
    ...(status === undefined ? {} : { status: withSharedTexts(status) }),
  };
}

/** Texts that any number of AppSecrets have in common. */
const everywhere = new Map<string, string>();
/** Other operators, or people, may have written the status: their texts must not pile up here. */
const MOST_SHARED = 1000;

/**
 * JSON.parse makes a new string for each that it meets, and in ten thousand statuses they are mostly the same: a third of
 * what an AppSecret took in memory. The conditions are the same values, in fewer strings.
 */
function withSharedTexts(status: AppSecretStatus): AppSecretStatus {
  if (status.conditions === undefined) return status;
  const own = new Map<string, string>();
  const conditions = status.conditions.map((condition): Condition => ({
    type: condition.type,
    status: condition.status,
    reason: shared(everywhere, condition.reason),
    // A message that quotes nothing names nothing: it is one of the few sentences that fit any AppSecret.
    message: shared(condition.message.includes('"') ? own : everywhere, condition.message),
    observedGeneration: condition.observedGeneration,
    lastTransitionTime: shared(own, condition.lastTransitionTime),
  }));
  return { ...status, conditions };
}

function shared(texts: Map<string, string>, text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  if (texts.size < MOST_SHARED) texts.set(text, text);
  return text;
}

/**
 * A Secret's metadata: whose it is, which version it and its content have, and which labels and annotations on it the
 * operator set.
 */
export function trimSecret({ metadata }: PartialObject): PartialObject {
  const { name, namespace, uid, resourceVersion, annotations, ownerReferences } = metadata;
  const managedFields = cutManagedFields(metadata);
  const trimmed: ObjectMeta = {
    name,
    namespace,
    uid,
    resourceVersion,
    ...only("annotations", READ.secret.annotations, annotations),
    ...(ownerReferences === undefined ? {} : { ownerReferences }),
    ...(managedFields === undefined ? {} : { managedFields }),
  };
  return { apiVersion: "v1", kind: "Secret", metadata: trimmed };
}

/** The entries of these keys; nothing where there is none of them, since an empty object costs memory ten thousand times. */
function only(
  member: "labels" | "annotations",
  keys: readonly string[],
  all: Readonly<Record<string, string>> | undefined,
): Pick<ObjectMeta, typeof member> {
  const kept = keys.flatMap((key) => {
    const value = all?.[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  return kept.length === 0 ? {} : { [member]: Object.fromEntries(kept) };
}
