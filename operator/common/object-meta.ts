/** The metadata that the operator reads. It requests a full object only where it needs the content. */

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
  /** Set while the object waits for finalizers. The operator no longer serves it. */
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFields[];
};

/** The API server's reply to a request for `PartialObjectMetadata`: everything but the content. */
export type PartialObject = { apiVersion: string; kind: string; metadata: ObjectMeta };
