/** What is kept in memory of the objects that the watches bring: as little as the decisions need. */
import { API_VERSION, CHECK_NOW_ANNOTATION, CONTENT_VERSION_ANNOTATION, KIND, OWNER_ANNOTATION } from "#api/names";
import type { ObjectMeta, PartialObject } from "#common/object-meta";
import type { AppSecret } from "#api/schema/spec";
import type { AppSecretStatus, Condition } from "#api/status";
import { cutManagedFields } from "./managed-fields.ts";

/** Our own type, whole but for the two parts that only other programs read. */
export function trimAppSecret({ metadata, spec, status }: AppSecret): AppSecret {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, labels } = metadata;
  const checkNow = metadata.annotations?.[CHECK_NOW_ANNOTATION];
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
      ...(labels === undefined ? {} : { labels }),
      ...(checkNow === undefined ? {} : { annotations: { [CHECK_NOW_ANNOTATION]: checkNow } }),
    },
    spec,
    ...(status === undefined ? {} : { status: withSharedTexts(status) }),
  };
}

/** Texts that any number of AppSecrets have, by themselves. */
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

/** A Secret's metadata: whose it is, which version it and its content have, and which labels and annotations on it are ours. */
export function trimSecret({ metadata }: PartialObject): PartialObject {
  const { name, namespace, uid, resourceVersion, annotations, ownerReferences } = metadata;
  const kept = [OWNER_ANNOTATION, CONTENT_VERSION_ANNOTATION].flatMap((annotation) => {
    const value = annotations?.[annotation];
    return value === undefined ? [] : [[annotation, value] as const];
  });
  const managedFields = cutManagedFields(metadata);
  const trimmed: ObjectMeta = {
    name,
    namespace,
    uid,
    resourceVersion,
    ...(kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) }),
    ...(ownerReferences === undefined ? {} : { ownerReferences }),
    ...(managedFields === undefined ? {} : { managedFields }),
  };
  return { apiVersion: "v1", kind: "Secret", metadata: trimmed };
}
