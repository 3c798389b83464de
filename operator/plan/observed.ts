import type { AppSecret } from "#api/schema/spec";
import type { CheckState } from "#api/check";
import type { ObjectMeta } from "#common/object-meta";
import type { Workload } from "#api/schema/restart";

/**
 * Everything that a decision depends on, as one value: `plan` reads nothing else.
 *
 * Secrets appear as metadata only. The content of our own Secret is never read at all: what is recorded in the status
 * (uid and resourceVersion) against what is observed tells whether somebody else wrote it.
 */
export type Observed = {
  appSecret: AppSecret;
  /** The AppSecret that holds this one's type in the namespace. `undefined` for a type of which there may be many. */
  holder: Holder | undefined;
  /** The Secret of the target's name. `undefined`: none is known, which a create will confirm or refute. */
  target: ObjectMeta | undefined;
  /** Existing Secrets that this AppSecret published: by controller ownerReference, or as recorded in its status. */
  owned: readonly ObjectMeta[];
  /** What is known of each Secret named in a `secretKeyRef`; a name that is not here has not been looked at. */
  sources: ReadonlyMap<string, Source>;
  /** The Secret of ours that was read last in this reconcile. `data` is base64; absent: it may not be read. */
  published?: PublishedContent;
  /** Why the API server refused the write that this observation follows. */
  refusal?: Refusal;
  live: LiveCheck;
};

/** What is known of the live check of this very generation with these very sources. */
export type LiveCheck = {
  /** Names the generation and the sources; a check of other inputs is none of these. */
  inputs: string;
  /** Absent: not asked for by this process. The status may still tell of an earlier one. */
  check?: CheckState;
  /** It is time to check again. `fresh`: a person wants to know, so nothing that is remembered will do. */
  due?: { fresh: boolean };
};

export type PublishedContent = { uid: string; resourceVersion: string; data?: Readonly<Record<string, string>> };

export type Holder = { name: string; uid: string };

/**
 * A source Secret: gone or not to be read (403), known by its metadata only, or read. `data` is base64, as the API gives
 * it.
 */
export type Source =
  | { found: false; forbidden?: true }
  | { found: true; uid: string; resourceVersion: string; data?: Readonly<Record<string, string>> };

/** A write that the API server refused for a reason that trying again at once will not change. */
export type Refusal =
  /** 403: RBAC, an admission policy or a quota. */
  | { kind: "Forbidden" }
  /** 422 on `data`: the Secret is immutable and the content differs. */
  | { kind: "Immutable" }
  /** 422 on `type`: a Secret that was handed over is not Opaque. */
  | { kind: "NotOpaque" }
  /** 403 on the label that marks the holder of a type. */
  | { kind: "HoldsForbidden" }
  /** 403 on taking away a Secret of this name. */
  | { kind: "DeleteForbidden"; name: string }
  /** A 4xx on a restart of these workloads; the others of the list are restarted. */
  | { kind: "NotRestarted"; workloads: Workload[] }
  /** Any other 4xx; `reason` is the API's CamelCase word, for instance `RequestEntityTooLarge`. */
  | { kind: "Refused"; reason: string };
