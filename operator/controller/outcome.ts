import type { AppSecret } from "#api/schema/spec";
import type { Learned } from "./gather.ts";

/** What an action, or a whole plan, led to. */
export type Outcome =
  /** Carried out. `appSecret`: as the API server has it since. `written`: the Secret, where it was written. */
  | { kind: "Done"; appSecret?: AppSecret; written?: WrittenSecret }
  /** The picture has changed, or there is more of it: observe again, with what was learned, and plan again. */
  | { kind: "Again"; learned: Learned }
  /** The AppSecret, or its namespace, is going away: nothing is left to do. */
  | { kind: "Gone" };

export type WrittenSecret = {
  name: string;
  uid: string;
  resourceVersion: string;
  /** Created without an ownerReference: if its AppSecret is gone by now, nobody else deletes it. */
  isOrphan?: boolean;
};

export const DONE: Outcome = { kind: "Done" };
export const GONE: Outcome = { kind: "Gone" };
export const AGAIN: Outcome = { kind: "Again", learned: {} };
