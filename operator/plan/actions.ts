import type { CheckRequest } from "#api/check";
import type { Workload } from "#api/schema/restart";
import type { AppSecretStatus } from "#api/status";
import type { AppSecretType } from "#api/schema/spec";
import type { Holder } from "./observed.ts";

/** What to do, in order. Each is one request at most, or one for each of a list; a stop between any two of them leaves a state that `plan` goes on from. */
export type Action =
  /** The content has to be made, so these Secrets must be read. Always alone: plan again with what they hold. */
  | { kind: "ReadSources"; names: string[] }
  /** Whether a published value changes is to be known, so this Secret of ours must be read. Always alone, as ReadSources. */
  | { kind: "ReadPublished"; name: string }
  /** Always the last: asks for a live check, beside the reconciles, and plans again with what is known of it then. */
  | { kind: "Check"; request: CheckRequest }
  /** Sets or removes the label by which the admission policy knows the holder of a type. */
  | { kind: "SetHolds"; holds: AppSecretType | null }
  /** `confirm`: ask the API server first whether the AppSecret still exists, for a Secret that came back would stay for ever. */
  | { kind: "CreateSecret"; secret: DesiredSecret; confirm: boolean; note?: Note }
  /**
   * Makes the content exact. Refused when the Secret is another (uid) or was written since (resourceVersion). `confirm`: it
   * is not as we left it, which may be our own later work of which this AppSecret is too old to know; ask first.
   */
  | { kind: "UpdateSecret"; secret: DesiredSecret; uid: string; resourceVersion: string; confirm: boolean; note?: Note }
  | RestartWorkloads
  /**
   * Refused when the Secret is another (uid) or was written since (resourceVersion): somebody may have taken it over. Asks
   * first, for what is deleted cannot be put back: is the AppSecret, and the holder that makes it a duplicate, still there?
   */
  | { kind: "DeleteSecret"; name: string; uid: string; resourceVersion: string; holder?: Holder }
  /** `publishes`: the uid and resourceVersion of `secret` come from the write before it. */
  | { kind: "WriteStatus"; status: AppSecretStatus; publishes: boolean }
  | { kind: "RecordEvent"; note: Note };

export type RestartWorkloads = {
  kind: "RestartWorkloads";
  /** `missing`: the Event when there is no such workload. */
  workloads: { workload: Workload; missing: Note }[];
  /** Set on their Pod templates. The same value again restarts nothing. */
  annotation: string;
  value: string;
  /** What the status is to record. */
  version: number;
};

/** An Event. `action` is what the operator did or tried (events.k8s.io/v1 wants it in CamelCase). */
export type Note = { type: "Normal" | "Warning"; reason: string; action: string; message: string };

/** The Secret as it is to be, metadata that we own only. `data` is base64. */
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
  data: Record<string, string>;
};

export type Plan = {
  actions: Action[];
  /** Come back after a backoff although nothing has changed here: the obstacle gives no event when it goes. */
  retry: boolean;
  /** Come back after so many ms, however nothing changes. */
  againMs?: number;
  /** What becomes of the live check: it is repeated for as long as something depends on it. Absent: there is none. */
  check?: { state: "Running" } | { state: "Repeat"; phase: number; settled: boolean };
};
