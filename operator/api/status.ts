/** The shapes of `status` and the stable vocabulary of its conditions. */

export type ConditionStatus = "True" | "False" | "Unknown";

/** `Accepted`, `Verified`, `Published` and `Ready` always exist; `Reconciling` and `Stalled` only while they hold. */
export type ConditionType = "Accepted" | "Verified" | "Published" | "Ready" | "Reconciling" | "Stalled";

/** One constant per reason: users, alerts and health scripts match on them. */
export const Reason = {
  // Accepted
  Accepted: "Accepted",
  InvalidSpec: "InvalidSpec",
  SourceNotFound: "SourceNotFound",
  SourceKeyNotFound: "SourceKeyNotFound",
  Duplicate: "Duplicate",
  // Verified: True
  Verified: "Verified",
  NotRequired: "NotRequired",
  // Verified: Unknown
  Pending: "Pending",
  Unreachable: "Unreachable",
  UnreachableRefused: "UnreachableRefused",
  UnreachableTimeout: "UnreachableTimeout",
  CheckNotMade: "CheckNotMade",
  CannotBeChecked: "CannotBeChecked",
  // Verified: False, whatever was checked
  RejectedAddress: "RejectedAddress",
  RejectedNameNotFound: "RejectedNameNotFound",
  RejectedTLS: "RejectedTLS",
  // Verified: False, of a JWKS
  RejectedHTTPStatus: "RejectedHTTPStatus",
  RejectedRedirect: "RejectedRedirect",
  RejectedTooLarge: "RejectedTooLarge",
  RejectedNotJWKS: "RejectedNotJWKS",
  RejectedNoUsableKey: "RejectedNoUsableKey",
  RejectedPrivateKey: "RejectedPrivateKey",
  RejectedWeakKey: "RejectedWeakKey",
  RejectedDuplicateKeyID: "RejectedDuplicateKeyID",
  // Verified: False, of a MongoDB server
  RejectedURI: "RejectedURI",
  RejectedURIOption: "RejectedURIOption",
  RejectedServer: "RejectedServer",
  RejectedAuthentication: "RejectedAuthentication",
  RejectedNotAuthorized: "RejectedNotAuthorized",
  // Verified: False, of MongoDB Atlas
  RejectedAPIKey: "RejectedAPIKey",
  RejectedAPIAccess: "RejectedAPIAccess",
  RejectedProject: "RejectedProject",
  RejectedCluster: "RejectedCluster",
  RejectedClusterPaused: "RejectedClusterPaused",
  RejectedClusterCreating: "RejectedClusterCreating",
  // Published
  Published: "Published",
  PublishedUnverified: "PublishedUnverified",
  NotPublished: "NotPublished",
  Disabled: "Disabled",
  Suspended: "Suspended",
  SecretNotOwned: "SecretNotOwned",
  KeptLastGood: "KeptLastGood",
  Forbidden: "Forbidden",
} as const;
export type Reason = (typeof Reason)[keyof typeof Reason];

/** A condition of the Kubernetes API conventions. `lastTransitionTime` is RFC 3339 in UTC, whole seconds. */
export type Condition = {
  type: ConditionType;
  status: ConditionStatus;
  reason: string;
  message: string;
  observedGeneration: number;
  lastTransitionTime: string;
};

/** The Secret that is published now, and the generation of the AppSecret whose content it has. */
export type PublishedSecret = {
  name: string;
  uid: string;
  resourceVersion: string;
  generation: number;
  /** Of spec.restart: the content that its workloads were restarted for last, or began with. Stays when the list goes. */
  contentVersion?: number;
  /**
   * Whether a live check has confirmed the content. Absent where there is none to make, and in a status that an operator wrote
   * before it recorded this.
   */
  verified?: boolean;
  /** Key names, sorted. Never values, never hashes of values. */
  keys: string[];
};

/** A Secret that was read through `secretKeyRef`, as of the last publication: what a restart compares instead of reading. */
export type SourceVersion = { name: string; uid: string; resourceVersion: string };

/** The last verdict of the live check and what it is about, so that a restarted operator need neither read nor check again. */
export type Verification = {
  generation: number;
  /** Absent in a status that an operator wrote before it recorded the answer. */
  answer?: "Yes" | "Unverifiable" | "No" | "Silence";
  /** Of a No: it can become a yes without a person (a cluster that is being created). */
  passing?: boolean;
  /**
   * When the first of the checks was made that have not said yes since, in RFC 3339 and whole seconds of UTC. Absent with a yes,
   * and in a status that an operator wrote before it recorded this: long ago.
   */
  failingSince?: string;
  /** The sources whose values were checked, sorted by name; absent where there are none. */
  sources?: SourceVersion[];
  /** The host of the Atlas cluster's address, as Atlas told it last. */
  host?: string;
  /** The last value of the check-now annotation that was answered. */
  checkNow?: string;
};

export type AppSecretStatus = {
  observedGeneration: number;
  secret?: PublishedSecret;
  verification?: Verification;
  /** Sorted by name. */
  sources?: SourceVersion[];
  /** The Service Binding specification's "Provisioned Service" duck type. */
  binding?: { name: string };
  conditions?: Condition[];
};
