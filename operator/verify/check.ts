/** What a live check consists of. Each is a folder here with a definition in its index.ts, and an entry in checks.ts. */
import type { CheckKind, CheckSubject, Verdict } from "#api/check";
import type { Egress, Purpose } from "./network/egress.ts";
import type { HttpClient } from "./network/http.ts";

export type SubjectOf<K extends CheckKind> = Extract<CheckSubject, { kind: K }>;

/** Makes one check. Never rejects: whatever it meets becomes a verdict. */
export type Check<K extends CheckKind = CheckKind> = (subject: SubjectOf<K>, options: CheckOptions) => Promise<Verdict>;

export type CheckOptions = {
  /** Ends the check at once. */
  signal: AbortSignal;
  /** A person asked, so a remembered verdict is not enough. */
  fresh: boolean;
};

/** `purpose` and `mayBePrivate` decide where the check may connect to. */
export type CheckDefinition<K extends CheckKind> = Purpose & {
  /**
   * Whose budget a check is charged to: checks with the same text share the limits of one host. A text, never shown; "" for a
   * subject that no host can be read from.
   */
  budgetOf: (subject: SubjectOf<K>) => string;
  create: (parts: CheckParts) => Check<K>;
};

/** What a check may use. Its way out is its own: it has the rules of the check's purpose. */
export type CheckParts = {
  egress: Egress;
  http: HttpClient;
  /** Of Atlas itself, without the path of its API: https://cloud.mongodb.com */
  atlasBaseUrl: string;
  /** Another check, as a part of this one: an Atlas cluster is a MongoDB server, too. Not before `create` has returned. */
  check: Check;
};

/** All checks. */
export type Checks = {
  check: Check;
  budgetOf: (subject: CheckSubject) => string;
  /** Cuts every connection. */
  close(): Promise<void>;
};
