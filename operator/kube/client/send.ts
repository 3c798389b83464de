import type { Dispatcher } from "undici";

/**
 * One HTTP request and what became of it, as a value: nothing is thrown here, and nothing is decided.
 *
 * Written on undici's `dispatch` rather than its `request`: no stream is made for a body that is wanted whole, and the
 * callbacks tell whether the request was ever put on a connection, on which the safety of a retry depends.
 */
export type Outcome =
  | { kind: "reply"; status: number; headers: Headers; body: Buffer }
  /** `sent`: it was handed to a connection, so the server may have executed it. */
  | { kind: "unreachable"; sent: boolean; networkCode: string }
  | { kind: "timeout"; sent: boolean }
  | { kind: "aborted" }
  /** The caller's guard threw this before the first byte left. */
  | { kind: "withheld"; error: unknown };

export type Headers = Record<string, string | string[] | undefined>;

export type HttpRequest = {
  origin: string;
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  headers: Record<string, string | string[]>;
  body: string | null;
  /** For the whole of it: waiting for a connection, connecting, sending and receiving. */
  timeoutMs: number;
  signal: AbortSignal | undefined;
  /** Asked when a connection is there and the request is about to leave; what it throws keeps it from leaving. */
  guard: (() => void) | undefined;
};

export function exchange(dispatcher: Dispatcher, request: HttpRequest): Promise<Outcome> {
  return new Promise((resolve) => {
    const { signal } = request;
    let controller: Dispatcher.DispatchController | undefined;
    let outcome: Outcome | undefined;
    let status = 0;
    let headers: Headers = {};
    const chunks: Buffer[] = [];

    function settle(result: Outcome): void {
      if (outcome !== undefined) return;
      outcome = result;
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      resolve(result);
    }

    /** Ends the connection with it: on HTTP/1.1 the rest of this reply would otherwise be taken for the next one. */
    function giveUp(result: Outcome): void {
      settle(result);
      controller?.abort(new Error(result.kind));
    }

    const abort = (): void => giveUp({ kind: "aborted" });
    const timer = setTimeout(() => giveUp({ kind: "timeout", sent: controller !== undefined }), request.timeoutMs);
    if (signal?.aborted) return abort();
    signal?.addEventListener("abort", abort, { once: true });

    dispatcher.dispatch(
      {
        origin: request.origin,
        method: request.method,
        path: request.path,
        headers: request.headers,
        body: request.body,
      },
      {
        onRequestStart(started) {
          controller = started;
          // It was given up while it waited for a connection, so it must not be sent any more.
          try {
            if (outcome === undefined) request.guard?.();
            else started.abort(new Error(outcome.kind));
          } catch (error) {
            giveUp({ kind: "withheld", error });
          }
        },
        onResponseStart(_controller, statusCode, responseHeaders) {
          status = statusCode;
          headers = responseHeaders;
        },
        onResponseData(_controller, chunk) {
          chunks.push(chunk);
        },
        onResponseEnd() {
          settle({ kind: "reply", status, headers, body: Buffer.concat(chunks) });
        },
        onResponseError(_controller, error) {
          settle({ kind: "unreachable", sent: controller !== undefined, networkCode: networkCode(error) });
        },
      },
    );
  });
}

/** A code such as ECONNREFUSED. Never the message, which may quote what came over the wire. */
export function networkCode(error: unknown): string {
  const { code, cause, errors } = (error ?? {}) as { code?: unknown; cause?: unknown; errors?: unknown };
  if (typeof code === "string" && /^[A-Z0-9_]{1,64}$/.test(code)) return code;
  if (Array.isArray(errors) && errors.length > 0) return networkCode(errors[0]);
  return cause !== undefined && cause !== error ? networkCode(cause) : "UNKNOWN";
}
