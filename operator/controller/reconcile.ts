/**
 * One reconcile: gather → plan → execute, again while the picture changes under it.
 *
 * It takes a key and nothing else, and looks everything up, so that it can start from nothing, be repeated, and be stopped
 * anywhere.
 */
import type { PartialObject } from "#common/object-meta";
import type { AppSecret } from "#api/schema/spec";
import type { Plan } from "#plan/actions";
import { plan } from "#plan/plan";
import type { Scheduler } from "#verify/schedule/scheduler";
import type { Shell } from "./execute.ts";
import { execute } from "./execute.ts";
import type { Learned } from "./gather.ts";
import { gather } from "./gather.ts";
import type { Lookup } from "./lookup.ts";
import { splitKey } from "./lookup.ts";
import type { WrittenSecret } from "./outcome.ts";
import type { Cache } from "./cache/multi-namespace-store.ts";
import { writtenBy } from "./cache/multi-namespace-store.ts";

/** After so many passes two writers are fighting over an object: the queue's backoff is the better place to wait. */
const MAX_PASSES = 8;

/** How a reconcile ended, for the queue, logs and metrics. */
export type Reconciled = {
  /** retry: come back after a backoff, which is expected and no error. */
  result: "unchanged" | "written" | "gone" | "retry";
  /** Of a retry. Refused: the API server refused something, as the status says. Conflict: the objects changed in every pass. */
  cause?: "Refused" | "Conflict";
  /** The Secret, where it was written. */
  written?: WrittenSecret;
  /** Come back after so many ms. */
  againMs?: number;
};

type Parts = Omit<Shell, "appSecrets" | "secrets"> & {
  appSecrets: Cache<AppSecret>;
  secrets: Cache<PartialObject>;
  lookup: Pick<Lookup, "controlledBy" | "holderFor">;
  checks: Pick<Scheduler, "ask" | "known" | "keep" | "forget">;
};

/**
 * @param now the clock, for condition timestamps
 * @throws ApiError and network errors: try again later
 */
export function createReconciler(parts: Parts, now: () => Date) {
  return async (key: string): Promise<Reconciled> => {
    const [namespace, name] = splitKey(key);
    // The reconcile goes on from its own writes, so they need not wake its key again.
    const shell = {
      ...parts,
      appSecrets: writtenBy(parts.appSecrets, key),
      secrets: writtenBy(parts.secrets, key),
    };
    let learned: Learned = {};
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
          learned = learn(learned, outcome.learned);
          continue;
        case "Done":
          goOnChecking(shell.checks, key, observed.live.inputs, check);
          return {
            result: retry ? "retry" : actions.length > 0 ? "written" : "unchanged",
            ...(retry ? { cause: "Refused" } : {}),
            ...(outcome.written ? { written: outcome.written } : {}),
            ...(againMs === undefined ? {} : { againMs }),
          };
      }
    }
    return { result: "retry", cause: "Conflict" };
  };
}

/** What was read stays known. A refusal counts until something has changed: reading the operator's own Secret changes nothing. */
function learn({ refusal: before, ...known }: Learned, found: Learned): Learned {
  const refusal = found.refusal ?? (found.ownSecrets ? before : undefined);
  const ownSecrets = new Map([...(known.ownSecrets ?? []), ...(found.ownSecrets ?? [])]);
  return { ...known, ...found, ...(ownSecrets.size > 0 ? { ownSecrets } : {}), ...(refusal ? { refusal } : {}) };
}

function goOnChecking(checks: Parts["checks"], key: string, inputs: string, check: Plan["check"]): void {
  if (check === undefined) checks.forget(key);
  else if (check.state === "Repeat") checks.keep(key, { ...check, inputs });
}
