import type { ObjectMeta } from "#common/object-meta";
import { OperatorError } from "#common/operator-error";
import { readStatus } from "../client/api-error.ts";

/** One line of a watch, with what the reflector relies on checked. */
export type WatchEvent<T> =
  | { type: "ADDED" | "MODIFIED" | "DELETED"; object: T }
  /** A resourceVersion to resume from. `endsList`: the objects before it were the initial list, which is complete now. */
  | { type: "BOOKMARK"; version: string; endsList: boolean };

/** An ERROR event: the API server ends the watch in the middle of a 200. 410: the server no longer knows our resourceVersion. */
export class WatchFailed extends OperatorError {
  readonly status: number;

  constructor(status: number, reason: string) {
    super("WatchFailed", `the API server ended the watch: ${status}${reason === "" ? "" : ` ${reason}`}`);
    this.name = "WatchFailed";
    this.status = status;
  }
}

/** @throws WatchFailed for an ERROR event, and for a line that is not an event */
export function readWatchEvent<T extends { metadata: ObjectMeta }>(value: unknown): WatchEvent<T> {
  const { type, object } = (value ?? {}) as { type?: unknown; object?: { code?: unknown; metadata?: ObjectMeta } };
  if (type === "ERROR")
    throw new WatchFailed(typeof object?.code === "number" ? object.code : 500, readStatus(object).reason);
  const metadata = object?.metadata;
  if (typeof metadata?.resourceVersion !== "string") throw new WatchFailed(500, "MalformedEvent");
  if (type === "BOOKMARK") {
    const endsList = metadata.annotations?.["k8s.io/initial-events-end"] === "true";
    return { type, version: metadata.resourceVersion, endsList };
  }
  const known = type === "ADDED" || type === "MODIFIED" || type === "DELETED";
  if (!known || typeof metadata.name !== "string") throw new WatchFailed(500, "MalformedEvent");
  return { type, object: object as T };
}
