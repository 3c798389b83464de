/** What the operator reads of an object's metadata. A full object is asked for only where its content is needed. */

export type OwnerReference = {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
};

/** Who set which fields; `fieldsV1` is the API server's tree of field names, without values. */
export type ManagedFields = { manager?: string; fieldsV1?: unknown };

export type ObjectMeta = {
  name: string;
  namespace: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  /** RFC 3339 in UTC, whole seconds. */
  creationTimestamp?: string;
  /** Set while the object waits for finalizers: it is no longer to be served. */
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFields[];
};

/** What the API server answers when it is asked for `PartialObjectMetadata`: everything but the content. */
export type PartialObject = { apiVersion: string; kind: string; metadata: ObjectMeta };
