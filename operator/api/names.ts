/** The names that make up the public API. They never change within `appsecret.dev/v1`. */

export const GROUP = "appsecret.dev";
export const VERSION = "v1";
export const API_VERSION = `${GROUP}/${VERSION}`;
export const KIND = "AppSecret";
export const PLURAL = "appsecrets";

/** The field manager of every request and the reporting controller of every Event. */
export const OPERATOR_NAME = "appsecret-operator";

/** On an AppSecret: the type that it holds in its namespace. Only the holder has this label; the admission policy reads it. */
export const HOLDS_LABEL = `${GROUP}/holds`;
/** On a Secret: the name of the AppSecret that owns it. The operator never touches a Secret without its owner's name. */
export const OWNER_ANNOTATION = `${GROUP}/owner`;
/** On an AppSecret: a new value requests a live check at once. */
export const CHECK_NOW_ANNOTATION = `${GROUP}/check-now`;
/** On a Secret whose AppSecret has spec.restart: the version of its content, counted from 1. */
export const CONTENT_VERSION_ANNOTATION = `${GROUP}/content-version`;
/** On a Secret whose content a live check has confirmed: "true". Written with the content, so that the two never differ. */
export const VERIFIED_ANNOTATION = `${GROUP}/verified`;
/** On a Pod template, followed by an AppSecret's name: the content version that its Pods were last restarted for. */
export const RESTARTED_FOR_PREFIX = `${GROUP}/restarted-for-`;
/** On a Secret: that this operator writes it. */
export const MANAGED_BY_LABEL = "app.kubernetes.io/managed-by";

/** Limit of a Secret's data, keys and values together, in bytes (Kubernetes: MaxSecretSize, 1 MiB). */
export const MAX_SECRET_BYTES = 1_048_576;
