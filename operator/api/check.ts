/**
 * The words that the decisions (plan) and the live checks (verify) exchange: what to check, and what came of it. Neither room
 * knows the other.
 */
import type { Reason } from "./status.ts";

/**
 * What a live check is made of. Holds secret values: never logged, and kept no longer than the check lasts.
 *
 * A member that is added here does not compile until verify/checks.ts has the check for it.
 */
export type CheckSubject = JwksSubject | MongoSubject | AtlasSubject;

export type CheckKind = CheckSubject["kind"];

export type JwksSubject = { kind: "JWKS"; uri: string } & OfNamespace;

/** `database`: the one that is pinged. */
export type MongoSubject = { kind: "MongoDB"; uri: string; database: string } & OfNamespace;

/** `namespace`: the AppSecret's, only where a name may lead elsewhere from another one (check-namespace.ts). */
type OfNamespace = { namespace?: string };

export type AtlasSubject = {
  kind: "Atlas";
  projectId: string;
  clusterName: string;
  publicKey: string;
  privateKey: string;
  /** If set, the check also logs in to the cluster as this user and pings `database`. */
  databaseUser?: { username: string; password: string };
  database: string;
};

/**
 * What came of a check. Made by the constructors of verify/verdict.ts. `message` says what is wrong, then what to do; it ends in a
 * full stop and never carries a secret value.
 */
export type Verdict =
  /** It works. */
  | { answer: "Yes"; message: string; facts?: Facts }
  /**
   * The check cannot look at all of it: only the application can tell. What could be checked had nothing against it, so nobody
   * waits for anything, and the next check will say the same.
   */
  | { answer: "Unverifiable"; reason: Reason; message: string; facts?: Facts }
  /** A definite no. `passing`: it may become a yes without a change (a cluster that is being created), so waiting makes sense. */
  | { answer: "No"; reason: Reason; message: string; passing: boolean }
  /**
   * Unknown: unreachable, timed out, overloaded. `retryAfterMs`: the pause that the other side wants. `facts`: of a part that did
   * answer.
   */
  | { answer: "Silence"; reason: Reason; message: string; retryAfterMs?: number; facts?: Facts };

/**
 * For so long after the first no, in ms, it may still repair itself: it is checked again soon, and no person is called. A database
 * user, a role or a first signing key is often made a minute after what uses it.
 */
export const SETTLING_MS = 120_000;

/** What a check learned in passing. */
export type Facts = {
  /** Atlas: the host of the cluster's SRV address, for MONGODB_URI. A host name, no secret. */
  host?: string;
  /** JWKS: changes when the set of keys does. Kept in memory only. */
  keys?: string;
};

/** Requests a check for an AppSecret. */
export type CheckRequest = {
  subject: CheckSubject;
  /** Names what the verdict will be about: the generation, and the versions of the sources. */
  inputs: string;
  /** When in each interval it is repeated, from 0 to 1. */
  phase: number;
  /** What an earlier check said of these inputs, as far as the status remembers: silence alone does not overrule it. */
  stands?: Verdict;
  /** A remembered verdict is not enough. `checkNow`: the value of the annotation that requests the check. */
  fresh: boolean;
  checkNow?: string;
};

/** The checks of an AppSecret do not say yes. They are repeated sooner than at their turn. */
export type Trouble = {
  /** When the first of these checks was made, in ms since the epoch. 0: long ago. */
  sinceMs: number;
  /** What the last one said. */
  reason: Reason;
  /** The AppSecret waits: as soon as its target answers, something can be published. */
  waits: boolean;
};

/** How a check stands. */
export type CheckState =
  | { state: "Pending"; since: Date }
  /** `checkNow`: the value of the annotation that this answers. */
  | { state: "Answered"; verdict: Verdict; checkNow?: string };
