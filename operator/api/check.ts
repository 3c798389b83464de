/**
 * The words that the decisions (plan) and the live checks (verify) exchange: what is to be checked, and what came of it.
 * Neither knows the other.
 */
import type { Reason } from "./status.ts";

/** What a live check is made of. Holds secret values: never logged, and kept no longer than the check lasts. */
export type CheckSubject = JwksSubject | MongoSubject | AtlasSubject;

export type JwksSubject = { kind: "JWKS"; uri: string };

/** `database`: the one that is pinged. */
export type MongoSubject = { kind: "MongoDB"; uri: string; database: string };

export type AtlasSubject = {
  kind: "Atlas";
  projectId: string;
  clusterName: string;
  publicKey: string;
  privateKey: string;
  /** With it the cluster itself is pinged as that user, in `database`. */
  databaseUser?: { username: string; password: string };
  database: string;
};

/** What came of a check. `message` tells a person what to do; it ends in a full stop and never carries a secret value. */
export type Verdict =
  /** It works. */
  | { answer: "Yes"; message: string; facts?: Facts }
  /** A definite no. `passing`: it may become a yes by itself (a cluster that is being created), so waiting makes sense. */
  | { answer: "No"; reason: Reason; message: string; passing: boolean }
  /**
   * Nobody knows: unreachable, timed out, overloaded. `retryAfterMs`: what the other side asked for. `facts`: of a part that
   * did answer.
   */
  | { answer: "Silence"; reason: Reason; message: string; retryAfterMs?: number; facts?: Facts };

/** What a check learned besides its answer. */
export type Facts = {
  /** Atlas: the host of the cluster's SRV address, for MONGODB_URI. A host name, no secret. */
  host?: string;
  /** JWKS: changes when the set of keys does. Kept in memory only. */
  keys?: string;
};

/** Asks for a check of an AppSecret. */
export type CheckRequest = {
  subject: CheckSubject;
  /** Names what the answer will be about: the generation, and the versions of the sources. */
  inputs: string;
  /** When in each interval it is repeated, from 0 to 1. */
  phase: number;
  /** What an earlier check said of these inputs, as far as the status remembers: silence alone does not overrule it. */
  stands?: Verdict;
  /** Do not answer from memory. `checkNow`: the annotation's value that asks for it. */
  fresh: boolean;
  checkNow?: string;
};

/** How a check stands. */
export type CheckState =
  | { state: "Pending"; since: Date }
  /** `checkNow`: the annotation's value that this answers. */
  | { state: "Answered"; verdict: Verdict; checkNow?: string };
