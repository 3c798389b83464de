import type { AppSecret } from "#api/schema/spec";
import type { CheckState } from "#api/check";
import {
  CHECK_NOW_ANNOTATION,
  CONTENT_VERSION_ANNOTATION,
  HOLDS_LABEL,
  OWNER_ANNOTATION,
  VERIFIED_ANNOTATION,
} from "#api/names";
import type { ObjectMeta } from "#common/object-meta";
import type { Workload } from "#api/schema/restart";

/**
 * The labels and annotations that decisions depend on. The caches keep these and drop all others
 * (controller/cache/transform.ts), and code of the plan that reads another one does not compile.
 */
export const READ = {
  appSecret: { labels: [HOLDS_LABEL], annotations: [CHECK_NOW_ANNOTATION] },
  secret: { labels: [], annotations: [OWNER_ANNOTATION, CONTENT_VERSION_ANNOTATION, VERIFIED_ANNOTATION] },
} as const;

type Only<Keys extends readonly string[]> = { [Key in Keys[number]]?: string };

type MetaWith<Of extends { labels: readonly string[]; annotations: readonly string[] }> = Omit<
  ObjectMeta,
  "labels" | "annotations"
> & { labels?: Only<Of["labels"]>; annotations?: Only<Of["annotations"]> };

/** An AppSecret as the cache has it. */
export type ObservedAppSecret = Omit<AppSecret, "metadata"> & { metadata: MetaWith<(typeof READ)["appSecret"]> };

/** The metadata of a Secret as the cache has them. */
export type SecretMeta = MetaWith<(typeof READ)["secret"]>;

/**
 * Everything that a decision depends on, as one value: `plan` reads nothing else.
 *
 * Secrets appear as metadata only. The operator reads the content of its own Secret only where spec.restart has its changes
 * counted, and where content that was not verified is about to replace it: otherwise uid and resourceVersion, recorded against
 * observed, tell whether somebody else wrote it.
 */
export type Observed = {
  appSecret: ObservedAppSecret;
  /** The AppSecret that holds this one's type in the namespace. `undefined` for a type of which there may be many. */
  holder: Holder | undefined;
  /** The Secret of the target's name. `undefined`: none is known, which a create will confirm or refute. */
  target: SecretMeta | undefined;
  /** Existing Secrets that this AppSecret published: by controller ownerReference, or as recorded in its status. */
  owned: readonly SecretMeta[];
  /** What is known of each Secret named in a `secretKeyRef`; a name that is not here has not been looked at. */
  sources: ReadonlyMap<string, Source>;
  /** By uid: the contents of Secrets that this AppSecret published, as far as this reconcile has read them. */
  ownSecrets?: ReadonlyMap<string, SecretContent>;
  /** Why the API server refused the write that this observation follows. */
  refusal?: Refusal;
  live: LiveCheck;
};

/** What is known of the live check of this very generation with these very sources. */
export type LiveCheck = {
  /** Names the generation and the sources; a check of other inputs is none of these. */
  inputs: string;
  /** Absent: this process has not requested one. The status may still hold the verdict of an earlier one. */
  check?: CheckState;
  /** It is time to check again. `fresh`: a person wants to know, so no remembered verdict will do. */
  due?: { fresh: boolean };
};

/** `data` is base64; absent: the operator is not allowed to read it. */
export type SecretContent = { uid: string; resourceVersion: string; data?: Readonly<Record<string, string>> };

export type Holder = { name: string; uid: string };

/**
 * A source Secret: missing or forbidden (403), known by its metadata only, or read. `data` is base64, as the API gives it.
 */
export type Source =
  | { found: false; forbidden?: true }
  | { found: true; uid: string; resourceVersion: string; data?: Readonly<Record<string, string>> };

/** A write that the API server refused, for a reason that an immediate retry does not change. */
export type Refusal =
  | SecretRefusal
  /** 403 on the label that marks the holder of a type. */
  | { kind: "HoldsForbidden" }
  /** 403 on the delete of a Secret of this name. */
  | { kind: "DeleteForbidden"; name: string }
  /** A 4xx on a restart of these workloads; the others of the list are restarted. */
  | { kind: "NotRestarted"; workloads: Workload[] };

/** Refusals of the write of the Secret itself. */
export type SecretRefusal =
  /** 403: RBAC, an admission policy or a quota. */
  | { kind: "Forbidden" }
  /** 422 on `data`: the Secret is immutable and the content differs. */
  | { kind: "Immutable" }
  /** 422 on `type`: a Secret that was handed over is not Opaque. */
  | { kind: "NotOpaque" }
  /** Any other 4xx; `reason` is the API's CamelCase word, for instance `RequestEntityTooLarge`. */
  | { kind: "Refused"; reason: string };

/** What this reconcile has read of a Secret, if that is what the Secret holds now. */
export function contentOf(
  { ownSecrets }: Pick<Observed, "ownSecrets">,
  { uid, resourceVersion }: SecretMeta,
): SecretContent | undefined {
  const read = ownSecrets?.get(uid);
  return read?.resourceVersion === resourceVersion ? read : undefined;
}
