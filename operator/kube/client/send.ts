import type { Dispatcher } from "undici";
import { networkCode } from "#common/network-code";

/**
 * One HTTP request and its outcome, as a value: nothing is thrown here, and nothing is decided.
 *
 * Written on undici's `dispatch` rather than its `request`: it makes no stream of a body that is wanted whole, and its
 * callbacks show whether the request was ever put on a connection, on which the safety of a retry depends.
 */
export type Outcome =
  | { kind: "reply"; status: number; headers: Headers; body: Buffer }
  /** `sent`: it was handed to a connection, so the server may have executed it. */
  | { kind: "unreachable"; sent: boolean; networkCode: string }
  | { kind: "timeout"; sent: boolean }
  | { kind: "aborted" }
  /** The caller's `beforeSend` threw this before the first byte left. */
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
  /** Called when there is a connection and the request is about to leave; if it throws, the request does not leave. */
  beforeSend: (() => void) | undefined;
};

export function send(dispatcher: Dispatcher, request: HttpRequest): Promise<Outcome> {
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

    /** Ends the connection too: on HTTP/1.1 the rest of this reply would otherwise be taken for the next one. */
    function giveUp(result: Outcome): void {
      settle(result);
      controller?.abort(new Error(result.kind));
    }

    const abort = (): void => giveUp({ kind: "aborted" });
    const timer = setTimeout(() => giveUp({ kind: "timeout", sent: controller !== undefined }), request.timeoutMs);
    if (signal?.aborted) return abort();
    signal?.addEventListener("abort", abort, { once: true });

    const { origin, method, path, body } = request;
    dispatcher.dispatch(
      { origin, method, path, headers: request.headers, body },
      {
        onRequestStart(started) {
          controller = started;
          // A request that was given up while it waited for a connection must not leave any more.
          try {
            if (outcome === undefined) request.beforeSend?.();
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
