import type { Dispatcher } from "undici";
import { networkCode } from "#common/network-code";
import type { Headers, Outcome } from "./send.ts";
import { createLineSplitter } from "./line-splitter.ts";

/**
 * A reply without an end: JSON lines, handed over as they come.
 *
 * When the other end is gone (a node that lost power, a firewall that forgot the connection), no FIN comes, only silence.
 * The API server breaks the silence of an idle watch with a bookmark each minute, so `idleMs` without a byte means that
 * the connection is dead, and it is cut.
 */
export type StreamOutcome =
  /** It ended as HTTP ends a reply. */
  | { kind: "ended" }
  /** A reply other than 200: its whole body. */
  | Extract<Outcome, { kind: "reply" }>
  | { kind: "silent" }
  /** A line that is not JSON, or at which `onValue` threw. */
  | { kind: "malformed"; error: unknown }
  | { kind: "unreachable"; sent: boolean; networkCode: string }
  | { kind: "aborted" };

export type StreamRequest = {
  origin: string;
  path: string;
  headers: Record<string, string | string[]>;
  /** Longest silence, from the request on, in ms. */
  idleMs: number;
  signal: AbortSignal | undefined;
  onStart: () => void;
  /** Called in order, synchronously; what it throws ends the stream. */
  onValue: (value: unknown) => void;
};

/** Error replies are small; a proxy's page may not be. */
const MAX_ERROR_BODY = 65_536;

export function stream(dispatcher: Dispatcher, request: StreamRequest): Promise<StreamOutcome> {
  return new Promise((resolve) => {
    const { signal } = request;
    let controller: Dispatcher.DispatchController | undefined;
    let outcome: StreamOutcome | undefined;
    let status = 0;
    let headers: Headers = {};
    let heardAt = performance.now();
    let error: Buffer = Buffer.alloc(0);
    const lines = createLineSplitter((line) => request.onValue(JSON.parse(line)));

    function settle(result: StreamOutcome): void {
      if (outcome !== undefined) return;
      outcome = result;
      clearInterval(watchdog);
      signal?.removeEventListener("abort", abort);
      resolve(result);
    }

    function giveUp(result: StreamOutcome): void {
      settle(result);
      controller?.abort(new Error(result.kind));
    }

    const abort = (): void => giveUp({ kind: "aborted" });
    // Not a timer that each chunk resets: there may be thousands of chunks a second.
    const watchdog = setInterval(
      () => {
        if (performance.now() - heardAt > request.idleMs) giveUp({ kind: "silent" });
      },
      Math.max(10, request.idleMs / 10),
    );
    if (signal?.aborted) return abort();
    signal?.addEventListener("abort", abort, { once: true });

    dispatcher.dispatch(
      { origin: request.origin, method: "GET", path: request.path, headers: request.headers, body: null },
      {
        onRequestStart(started) {
          controller = started;
          if (outcome !== undefined) started.abort(new Error(outcome.kind));
        },
        onResponseStart(_controller, statusCode, responseHeaders) {
          heardAt = performance.now();
          status = statusCode;
          headers = responseHeaders;
          if (status === 200) request.onStart();
        },
        onResponseData(_controller, chunk) {
          if (outcome !== undefined) return;
          if (status !== 200) {
            if (error.length < MAX_ERROR_BODY) error = Buffer.concat([error, chunk]);
            return;
          }
          try {
            lines.push(chunk);
          } catch (thrown) {
            giveUp({ kind: "malformed", error: thrown });
          }
          // After the work, however long that took: only the other end's silence counts.
          heardAt = performance.now();
        },
        onResponseEnd() {
          if (status !== 200) settle({ kind: "reply", status, headers, body: error });
          // Half a line and yet a proper end: a proxy cut the reply, so it is not known to be complete.
          else
            settle(
              lines.pending > 0 ? { kind: "unreachable", sent: true, networkCode: "CUT_LINE" } : { kind: "ended" },
            );
        },
        onResponseError(_controller, thrown) {
          settle({ kind: "unreachable", sent: controller !== undefined, networkCode: networkCode(thrown) });
        },
      },
    );
  });
}
