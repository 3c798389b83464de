import { backoffMs } from "#common/backoff";
import { OperatorError } from "#common/operator-error";
import { ApiError, RequestTimeout } from "../client/api-error.ts";
import { WatchFailed } from "./watch-event.ts";

/** Where a reflector stands, and how its attempts have gone. */
export type ReflectorState = {
  /** Where to resume; `undefined`: list first. */
  version: string | undefined;
  /** The newest version that the server has ever shown. */
  newest: string | undefined;
  /** There has been a complete list. */
  listed: boolean;
  /** Since when the server's lists have been older than `newest`, in monotonic ms. */
  behindSinceMs: number | undefined;
  canStreamLists: boolean;
  /** Sessions in a row that failed. */
  failures: number;
  /** How often in a row the server refused to go on from `version`. */
  refusals: number;
};

export const INITIAL_STATE: Readonly<ReflectorState> = {
  version: undefined,
  newest: undefined,
  listed: false,
  behindSinceMs: undefined,
  canStreamLists: true,
  failures: 0,
  refusals: 0,
};

/** A session is one list, if need be, and one watch after it. */
export type SessionEnd = {
  /** `undefined`: the server ended the watch as it should. */
  error: unknown;
  /** How long the watch lived, in ms; -Infinity: it never began. The time of a list does not count. */
  livedMs: number;
  /** The server sent anything at all on the watch. */
  heard: boolean;
};

export type RetryTimings = { backoffBaseMs: number; backoffMaxMs: number; healthyMs: number };

/** After this many refusals of one resourceVersion in a row, the reflector lists again. */
const REFUSALS_UNTIL_LIST = 5;
const LONGEST_RETRY_AFTER_MS = 30_000;

/** What the end of a session means for the next one, and how long to wait before it, in ms. */
export function afterwards(
  state: Readonly<ReflectorState>,
  end: SessionEnd,
  timings: RetryTimings,
  random: () => number = Math.random,
): { next: ReflectorState; waitMs: number } {
  const { error, livedMs } = end;
  const wasHealthy = livedMs >= timings.healthyMs;
  const next = wasHealthy ? { ...state, failures: 0, refusals: 0 } : { ...state };
  if (error === undefined && wasHealthy) return { next, waitMs: 0 };
  if (refusesToStreamLists(state, error)) return { next: { ...next, canStreamLists: false }, waitMs: 0 };

  next.failures += 1;
  const status = statusOf(error);
  if (status !== undefined && ![401, 403, 404].includes(status)) next.refusals += 1;
  if (mustListAgain(end, status) || next.refusals >= REFUSALS_UNTIL_LIST) next.version = undefined;
  const askedMs = error instanceof ApiError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
  const backoff = { baseMs: timings.backoffBaseMs, maxMs: timings.backoffMaxMs };
  return {
    next,
    waitMs: Math.max(Math.min(askedMs, LONGEST_RETRY_AFTER_MS), backoffMs(next.failures, backoff, random)),
  };
}

/** The server's reply is older than what it has shown before. */
export class StaleList extends OperatorError {
  constructor() {
    super("StaleList", "the API server returned a state that is older than one it returned before");
    this.name = "StaleList";
  }
}

function statusOf(error: unknown): number | undefined {
  return error instanceof ApiError || error instanceof WatchFailed ? error.status : undefined;
}

function refusesToStreamLists({ version, canStreamLists }: ReflectorState, error: unknown): boolean {
  return version === undefined && canStreamLists && error instanceof ApiError && [400, 422].includes(error.status);
}

function mustListAgain({ error, heard }: SessionEnd, status: number | undefined): boolean {
  if (error instanceof StaleList) return true;
  // A watch from a version that the server has not reached yet gets silence, without bookmarks, until the server is there,
  // and never gets what happened before (measured on 1.37). So a watch that was silent from its start is suspect.
  if (error instanceof RequestTimeout && !heard) return true;
  // The version is forgotten, or the server calls it invalid.
  return status === 410 || status === 400 || status === 422;
}
