/** What is kept in memory of the objects that the watches bring: as little as the decisions need. */
import { CHECK_NOW_ANNOTATION, CONTENT_VERSION_ANNOTATION, OWNER_ANNOTATION } from "../api/names.ts";
import type { ObjectMeta, PartialObject } from "../api/metadata.ts";
import type { AppSecret } from "../api/schema.ts";
import { cutManagedFields } from "./own-fields.ts";

/** Our own type, whole but for the two parts that only other programs read. */
export function trimAppSecret({ apiVersion, kind, metadata, spec, status }: AppSecret): AppSecret {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, labels } = metadata;
  const checkNow = metadata.annotations?.[CHECK_NOW_ANNOTATION];
  return {
    apiVersion,
    kind,
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
    ...(status === undefined ? {} : { status }),
  };
}

/** A Secret's metadata: whose it is, which version it and its content have, and which labels and annotations on it are ours. */
export function trimSecret({ apiVersion, kind, metadata }: PartialObject): PartialObject {
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
  return { apiVersion, kind, metadata: trimmed };
}
