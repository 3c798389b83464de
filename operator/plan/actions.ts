import type { CheckRequest } from "#api/check";
import type { Workload } from "#api/schema/restart";
import type { AppSecretStatus } from "#api/status";
import type { AppSecretType } from "#api/schema/spec";
import type { Holder } from "./observed.ts";

/** What to do, in order. Each is one request at most, or one for each of a list; a stop between any two of them leaves a state that `plan` goes on from. */
export type Action =
  /** The content depends on these Secrets. Always alone: plan again with what they hold. */
  | { kind: "ReadSources"; names: string[] }
  /** Whether a value changes depends on what this AppSecret published last. Always alone, as ReadSources. */
  | { kind: "ReadPublished"; name: string }
  /** Always the last: requests a live check, which runs beside the reconciles; then plan again with what is known of it. */
  | { kind: "Check"; request: CheckRequest }
  /** Sets or removes the label by which the admission policy knows the holder of a type. */
  | { kind: "SetHolds"; holds: AppSecretType | null }
  /** `confirm`: ask the API server first whether the AppSecret still exists, since a Secret recreated for a deleted one would never be collected. */
  | { kind: "CreateSecret"; secret: DesiredSecret; confirm: boolean; note?: Note }
  /**
   * Makes the content exact. Refused when the Secret is another (uid) or was written since (resourceVersion). `confirm`: it
   * is not as recorded, which may be later work of this operator that this AppSecret is too old to know of; ask first.
   */
  | { kind: "UpdateSecret"; secret: DesiredSecret; uid: string; resourceVersion: string; confirm: boolean; note?: Note }
  | RestartWorkloads
  /**
   * Refused when the Secret is another (uid) or was written since (resourceVersion): somebody may have taken it over. What is
   * deleted cannot be put back, so ask first: do the AppSecret, and the holder that makes it a duplicate, still exist?
   */
  | { kind: "DeleteSecret"; name: string; uid: string; resourceVersion: string; holder?: Holder }
  /** `afterWrite`: the uid and resourceVersion of `secret` come from the write before it. */
  | { kind: "WriteStatus"; status: AppSecretStatus; afterWrite: boolean }
  | { kind: "RecordEvent"; note: Note };

export type RestartWorkloads = {
  kind: "RestartWorkloads";
  /** `missing`: the Event when there is no such workload. */
  workloads: { workload: Workload; missing: Note }[];
  /** Set on their Pod templates. The same value again restarts nothing. */
  annotation: string;
  value: string;
  /** What the status records next. */
  version: number;
};

/** An Event. `action` is what the operator did or tried (events.k8s.io/v1 wants it in CamelCase). */
export type Note = { type: "Normal" | "Warning"; reason: string; action: string; message: string };

/** The Secret to write, with the metadata that the operator owns only. `data` is base64. */
export type DesiredSecret = {
  name: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Absent under `Retain`. */
  ownerReference?: {
    apiVersion: string;
    kind: string;
    name: string;
    uid: string;
    controller: true;
    blockOwnerDeletion: false;
  };
  immutable: boolean;
  data: Readonly<Record<string, string>>;
};

export type Plan = {
  actions: Action[];
  /** Come back after a backoff: no event tells when the obstacle goes away. */
  retry: boolean;
  /** Come back after so many ms, even if nothing changes. */
  againMs?: number;
  /** What happens to the live check: it is repeated for as long as something depends on it. Absent: there is none. */
  check?: { state: "Running" } | Repeat;
};

export type Repeat = {
  state: "Repeat";
  phase: number;
  /** The answer stands until its turn; else the check is repeated sooner. */
  settled: boolean;
  /** An update of what is published waits for an answer, so the pause must not become long. */
  held: boolean;
};
