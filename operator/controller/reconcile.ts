/**
 * One reconcile: gather → plan → execute, again while the picture changes under it.
 *
 * A key is all it is given: everything else is looked up, so that it can start from nothing, be repeated and be stopped
 * anywhere. It throws when a later try may do better; the queue then backs off.
 */
import { OperatorError } from "#common/operator-error";
import type { PartialObject } from "#common/object-meta";
import type { AppSecret } from "#api/schema/spec";
import type { Plan } from "#plan/actions";
import { plan } from "#plan/plan";
import type { Source } from "#plan/observed";
import type { Scheduler } from "#verify/schedule/scheduler";
import type { Outcome, PublishedVersion, Shell } from "./execute.ts";
import { execute } from "./execute.ts";
import type { Learned } from "./gather.ts";
import { gather } from "./gather.ts";
import type { Index } from "./lookup.ts";
import { splitKey } from "./lookup.ts";
import type { Cache } from "./cache/multi-namespace-store.ts";
import { inHandsOf } from "./cache/multi-namespace-store.ts";

/** A pass more than this, and two writers are fighting: the queue's backoff is the better place to wait. */
const MAX_PASSES = 8;

/** How a reconcile ended, for logs and metrics. */
export type Reconciled = {
  result: "unchanged" | "written" | "gone";
  published?: PublishedVersion;
  /** Come back after so many ms. */
  againMs?: number;
};

/** The plan was carried out, but something stands in the way that gives no event when it goes. */
class RetryLater extends OperatorError {
  constructor(key: string) {
    super("RETRY_LATER", `${key}: the API server refused a write; its status says which, and it is tried again.`);
  }
}

/** Somebody else kept changing the same objects. */
class TooManyConflicts extends OperatorError {
  constructor(key: string) {
    super("TOO_MANY_CONFLICTS", `${key}: its objects changed ${MAX_PASSES} times while they were being written.`);
  }
}

type Parts = Omit<Shell, "appSecrets" | "secrets"> & {
  appSecrets: Cache<AppSecret>;
  secrets: Cache<PartialObject>;
  index: Index;
  checks: Scheduler;
};

/**
 * @param now the clock, for condition timestamps
 * @throws RetryLater, TooManyConflicts, ApiError and network errors: try again later
 */
export function createReconciler(parts: Parts, now: () => Date) {
  return async (key: string): Promise<Reconciled> => {
    const [namespace, name] = splitKey(key);
    // What this reconcile writes need not wake its own key: it looks again by itself where that changes the picture.
    const appSecrets = inHandsOf(parts.appSecrets, key);
    const shell = { ...parts, appSecrets, secrets: inHandsOf(parts.secrets, key) };
    let learned: Learned = { sources: new Map<string, Source>() };
    for (let pass = 0; pass < MAX_PASSES; pass += 1) {
      const observed = gather(shell, namespace, name, learned);
      if (!observed) {
        shell.checks.forget(key);
        return { result: "gone" };
      }
      const { actions, retry, againMs, check } = plan(observed, now());
      const outcome = await execute(shell, observed.appSecret, actions);
      switch (outcome.kind) {
        case "Gone":
          return { result: "gone" };
        case "Again":
          learned = learn(learned, outcome);
          continue;
        case "Done":
          goOnChecking(shell.checks, key, observed.live.inputs, check);
          if (retry) throw new RetryLater(key);
          return {
            result: actions.length > 0 ? "written" : "unchanged",
            ...(outcome.published ? { published: outcome.published } : {}),
            ...(againMs === undefined ? {} : { againMs }),
          };
      }
    }
    throw new TooManyConflicts(key);
  };
}

/** A refusal stands until something else has changed, and not just been read. */
function learn(before: Learned, { sources, content, refusal }: Extract<Outcome, { kind: "Again" }>): Learned {
  const stands = refusal ?? (content ? before.refusal : undefined);
  return {
    ...before,
    ...(sources ? { sources } : {}),
    ...(content ? { published: content } : {}),
    refusal: stands,
  };
}

function goOnChecking(checks: Scheduler, key: string, inputs: string, check: Plan["check"]): void {
  if (check === undefined) checks.forget(key);
  else if (check.state === "Repeat") checks.keep(key, { inputs, phase: check.phase, settled: check.settled });
}
