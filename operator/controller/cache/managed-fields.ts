import { MANAGED_BY_LABEL, OPERATOR_NAME, OWNER_ANNOTATION } from "#api/names";
import type { ManagedFields, ObjectMeta } from "#common/object-meta";

/** Label and annotation keys. */
export type Fields = { labels: string[]; annotations: string[] };

/**
 * Which labels and annotations of a Secret the operator set, as the API server recorded its writes, without the two that
 * every published Secret has. By them an update removes a label that left the spec, and leaves those of others alone.
 */
export function operatorFields({ managedFields }: ObjectMeta): Fields {
  const fields: Fields = { labels: [], annotations: [] };
  for (const { manager, fieldsV1 } of managedFields ?? []) {
    if (manager !== OPERATOR_NAME) continue;
    const metadata = child(fieldsV1, "f:metadata");
    fields.labels.push(...fieldNames(child(metadata, "f:labels")).filter((name) => name !== MANAGED_BY_LABEL));
    fields.annotations.push(
      ...fieldNames(child(metadata, "f:annotations")).filter((name) => name !== OWNER_ANNOTATION),
    );
  }
  return fields;
}

/** `managedFields` cut down to what `operatorFields` reads, for it is by far the largest part of an object's metadata. */
export function cutManagedFields(metadata: ObjectMeta): ManagedFields[] | undefined {
  const { labels, annotations } = operatorFields(metadata);
  if (labels.length + annotations.length === 0) return undefined;
  const tree = { "f:metadata": { "f:labels": treeOf(labels), "f:annotations": treeOf(annotations) } };
  return [{ manager: OPERATOR_NAME, fieldsV1: tree }];
}

/** Whether the Secret has any data: every key of it has a manager. Takes the whole metadata, not what `cutManagedFields` left. */
export function holdsData({ managedFields }: ObjectMeta): boolean {
  return (managedFields ?? []).some(({ fieldsV1 }) => fieldNames(child(fieldsV1, "f:data")).length > 0);
}

/** fieldsV1 is a tree of objects in which a field's name begins with "f:"; "." stands for the object itself. */
function child(tree: unknown, name: string): unknown {
  return typeof tree === "object" && tree !== null ? (tree as Record<string, unknown>)[name] : undefined;
}

function fieldNames(tree: unknown): string[] {
  if (typeof tree !== "object" || tree === null) return [];
  return Object.keys(tree)
    .filter((field) => field.startsWith("f:"))
    .map((field) => field.slice("f:".length));
}

function treeOf(names: readonly string[]): Record<string, object> {
  return Object.fromEntries(names.map((name) => [`f:${name}`, {}]));
}
