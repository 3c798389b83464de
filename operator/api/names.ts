/** The names that make up the public API (design §1–§3). They never change within `appsecret.dev/v1`. */

export const GROUP = "appsecret.dev";
export const VERSION = "v1";
export const API_VERSION = `${GROUP}/${VERSION}`;
export const KIND = "AppSecret";
export const PLURAL = "appsecrets";

/** Who writes: the field manager of every request, the reporting controller of every event. */
export const OPERATOR_NAME = "appsecret-operator";

/** On an AppSecret: the type that it holds in its namespace. Only the holder has it; the admission policy reads it. */
export const HOLDS_LABEL = `${GROUP}/holds`;
/** On a Secret: the name of the AppSecret that it belongs to. Without it, or with another name, we never touch a Secret. */
export const OWNER_ANNOTATION = `${GROUP}/owner`;
/** On an AppSecret: a value that was not there before asks for a live check at once. */
export const CHECK_NOW_ANNOTATION = `${GROUP}/check-now`;
/** On a Secret whose AppSecret has spec.restart: which of its contents it holds, counted from 1. */
export const CONTENT_VERSION_ANNOTATION = `${GROUP}/content-version`;
/** On a Pod template, with an AppSecret's name behind it: which content of whose Secret its Pods were last restarted for. */
export const RESTARTED_FOR_PREFIX = `${GROUP}/restarted-for-`;
/** On a Secret: that this operator writes it. */
export const MANAGED_BY_LABEL = "app.kubernetes.io/managed-by";

/** Limit of a Secret's data, keys and values together, in bytes (Kubernetes: MaxSecretSize, 1 MiB). */
export const MAX_SECRET_BYTES = 1_048_576;
