/** One GET over one dispatcher, with a limit on the response. Follows nothing, judges nothing. */
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import type { BrotliOptions, ZlibOptions } from "node:zlib";
import type { Dispatcher } from "undici";
import { networkCode, tlsAlert } from "#common/network-code";

export type Reply = { kind: "Reply"; status: number; headers: Readonly<Record<string, string>>; body: Buffer };

/**
 * `code`: of the system, OpenSSL, zlib or undici. Never a message: those quote what came over the wire. `alert`: the number of the
 * TLS alert with which the server ended the connection.
 */
export type Failure = { kind: "Failed"; code: string; alert?: number };

type TooLarge = { kind: "TooLarge" };

export type Get = {
  origin: string;
  path: string;
  headers: Readonly<Record<string, string>>;
  /** Decompressed, in bytes. The body of a refusal is cut off there; any other is TooLarge. */
  maxBytes: number;
  signal: AbortSignal;
};

/** Never rejects. */
export async function httpGet(dispatcher: Dispatcher, get: Get): Promise<Reply | Failure | TooLarge> {
  const outcome = await receive(dispatcher, get);
  return outcome.kind === "Reply" ? inflated(outcome, get.maxBytes) : outcome;
}

/** The reply as it came. */
function receive(dispatcher: Dispatcher, get: Get): Promise<Reply | Failure | TooLarge> {
  return new Promise((resolve) => {
    let status = 0;
    let headers: Record<string, string> = {};
    const chunks: Buffer[] = [];
    let left = get.maxBytes;

    const settle = (outcome: Reply | Failure | TooLarge): void => {
      get.signal.removeEventListener("abort", abort);
      resolve(outcome);
    };
    const finish = (): void => settle({ kind: "Reply", status, headers, body: Buffer.concat(chunks) });
    const abort = (): void => {
      void dispatcher.destroy();
      settle({ kind: "Failed", code: "ABORTED" });
    };
    if (get.signal.aborted) return abort();
    get.signal.addEventListener("abort", abort, { once: true });

    dispatcher.dispatch(
      { origin: get.origin, method: "GET", path: get.path, headers: { ...get.headers } },
      {
        onRequestStart() {
          // Nothing to do, but undici insists on it.
        },
        onResponseStart(controller, responseStatus, responseHeaders) {
          status = responseStatus;
          // An informational response (103 Early Hints) comes here, too. Its headers do not belong to the final one.
          headers = inLowerCase(responseHeaders);
          // Of a redirect only the header counts. Its body may be endless.
          if (status >= 300 && status < 400) {
            finish();
            controller.abort(new Error("enough"));
          }
        },
        onResponseData(controller, chunk) {
          chunks.push(chunk.subarray(0, left));
          left -= chunk.length;
          if (left >= 0) return;
          if (isRefusal(status)) finish();
          else settle({ kind: "TooLarge" });
          controller.abort(new Error("enough"));
        },
        onResponseEnd: finish,
        onResponseError(_controller, error) {
          settle(failureOf(error));
        },
      },
    );
  });
}

export function failureOf(error: unknown): Failure {
  const alert = tlsAlert(error);
  return { kind: "Failed", code: networkCode(error), ...(alert === undefined ? {} : { alert }) };
}

function inLowerCase(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) found[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  return found;
}

const INFLATE = new Map([
  ["gzip", promisify(gunzip)],
  ["x-gzip", promisify(gunzip)],
  ["deflate", promisify(inflate)],
  ["br", promisify(brotliDecompress)],
]) as ReadonlyMap<string, (body: Buffer, options: ZlibOptions & BrotliOptions) => Promise<Buffer>>;

/** Undoes one content coding, of those that servers apply unasked. zlib stops when the output is longer than allowed. */
async function inflated(reply: Reply, maxBytes: number): Promise<Reply | Failure | TooLarge> {
  const coding = (reply.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (coding === "identity" || coding === "" || reply.body.length === 0) return reply;
  const decode = INFLATE.get(coding);
  // The status and the headers of a refusal say enough, even if its body cannot be read.
  const unreadable = (failed: Failure | TooLarge): Reply | typeof failed =>
    isRefusal(reply.status) ? { ...reply, body: Buffer.alloc(0) } : failed;
  if (decode === undefined) return unreadable({ kind: "Failed", code: "UNKNOWN_CONTENT_ENCODING" });
  try {
    return { ...reply, body: await decode(reply.body, { maxOutputLength: maxBytes }) };
  } catch (error) {
    const code = networkCode(error);
    return unreadable(code === "ERR_BUFFER_TOO_LARGE" ? { kind: "TooLarge" } : { kind: "Failed", code });
  }
}

function isRefusal(status: number): boolean {
  return status >= 300;
}
