import { OperatorError } from "#common/operator-error";
import { retryAfterMs } from "#common/retry-after";
import { parseOrUndefined } from "./json.ts";
import type { Outcome } from "./send.ts";

/*
 * What can go wrong with a request to the API server. Each message consists of the verb, the path and constant words: the
 * server's text, a body that does not parse and a proxy's page may all quote the values of a Secret.
 */
export type Cause = { field: string; reason: string };

/** The API server refused the request. */
export class ApiError extends OperatorError {
  readonly status: number;
  /** `Status.reason`, a CamelCase word such as `AlreadyExists`, `Conflict`, `Invalid`; "" if the reply had none. */
  readonly reason: string;
  readonly causes: Cause[];
  /** How long the server wants the client to wait (`Retry-After`), in seconds. */
  readonly retryAfterSeconds?: number;

  constructor(
    verb: string,
    path: string,
    reply: { status: number; reason?: string; causes?: Cause[]; retryAfterSeconds?: number | undefined },
  ) {
    const reason = reply.reason ?? "";
    super("ApiError", `${verb} ${withoutQuery(path)}: ${reply.status}${reason === "" ? "" : ` ${reason}`}`);
    this.name = "ApiError";
    this.status = reply.status;
    this.reason = reason;
    this.causes = reply.causes ?? [];
    if (reply.retryAfterSeconds !== undefined) this.retryAfterSeconds = reply.retryAfterSeconds;
  }
}

/** There was no reply: the connection could not be made, or ended before the reply was complete. */
export class Unreachable extends OperatorError {
  /** False: the request never left, so it was not executed. True: it may have been. */
  readonly sent: boolean;

  /** @param failure `networkCode`: the system's or undici's code, such as `ECONNREFUSED` or `UND_ERR_SOCKET` */
  constructor(verb: string, path: string, failure: { sent: boolean; networkCode: string }) {
    const happened = failure.sent ? "the connection ended before the reply" : "no connection to the API server";
    super("Unreachable", `${verb} ${withoutQuery(path)}: ${happened} (${failure.networkCode})`);
    this.name = "Unreachable";
    this.sent = failure.sent;
  }
}

/** No complete reply came in time. The request may have been executed. */
export class RequestTimeout extends OperatorError {
  constructor(verb: string, path: string, timeoutMs: number) {
    super("RequestTimeout", `${verb} ${withoutQuery(path)}: no complete reply within ${timeoutMs} ms`);
    this.name = "RequestTimeout";
  }
}

/** A 2xx whose body is not an object of the Kubernetes API: a proxy's page, or JSON that was cut off. */
export class MalformedReply extends OperatorError {
  constructor(verb: string, path: string) {
    super("MalformedReply", `${verb} ${withoutQuery(path)}: the reply is not JSON of the Kubernetes API`);
    this.name = "MalformedReply";
  }
}

/** The caller's signal ended the request. */
export class RequestAborted extends OperatorError {
  constructor(verb: string, path: string) {
    super("RequestAborted", `${verb} ${withoutQuery(path)}: aborted by the caller`);
    this.name = "RequestAborted";
  }
}

/** The HTTP status of a refusal, `undefined` for any other error: `if (statusOf(error) === 404)`. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof ApiError ? error.status : undefined;
}

/** The error for an outcome that was not retried. `withheld` has an error of its own already. */
export function toError(
  verb: string,
  path: string,
  outcome: Exclude<Outcome, { kind: "withheld" }>,
  timeoutMs: number,
): OperatorError {
  switch (outcome.kind) {
    case "aborted":
      return new RequestAborted(verb, path);
    case "timeout":
      return new RequestTimeout(verb, path, timeoutMs);
    case "unreachable":
      return new Unreachable(verb, path, outcome);
    case "reply": {
      const { status, headers, body } = outcome;
      const askedMs = retryAfterMs(headers["retry-after"], Date.now());
      const retryAfter = askedMs === undefined ? {} : { retryAfterSeconds: askedMs / 1000 };
      return new ApiError(verb, path, { status, ...readStatus(parseOrUndefined(body)), ...retryAfter });
    }
  }
}

/**
 * Reads a `Status` reply for what is safe to show. `reason` and each cause's `field` and `reason` are names; `message`,
 * in `Status` and in each cause, is dropped.
 */
export function readStatus(body: unknown): { reason: string; causes: Cause[]; retryAfterSeconds?: number } {
  const status = record(body);
  const details = record(status["details"]);
  const causes = Array.isArray(details["causes"]) ? details["causes"] : [];
  const after = details["retryAfterSeconds"];
  return {
    reason: word(status["reason"]),
    causes: causes
      .slice(0, 64)
      .map((cause) => ({ field: fieldPath(record(cause)["field"]), reason: word(record(cause)["reason"]) })),
    ...(typeof after === "number" && after > 0 ? { retryAfterSeconds: after } : {}),
  };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function word(value: unknown): string {
  return typeof value === "string" && /^[A-Za-z]{1,64}$/.test(value) ? value : "";
}

/** Field paths consist of names; anything else is dropped. */
function fieldPath(value: unknown): string {
  return typeof value === "string" && /^[\w.\-/[\]"$*]{1,300}$/.test(value) ? value : "";
}

function withoutQuery(path: string): string {
  const at = path.indexOf("?");
  return at < 0 ? path : path.slice(0, at);
}
