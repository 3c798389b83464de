/** One GET over one dispatcher, with a limit on the response. Follows nothing, judges nothing. */
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from "node:zlib";
import type { Dispatcher } from "undici";
import { networkCode, tlsAlert } from "#common/network-code";

export type Reply = {
  kind: "Reply";
  status: number;
  headers: Readonly<Record<string, string>>;
  body: Buffer;
  /** `Compressed`: it was, and `body` is not. `Untrue`: the header says so, and it was not. */
  coding?: "Compressed" | "Untrue";
};

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
  return outcome.kind === "Reply" ? decoded(outcome, get.maxBytes) : outcome;
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

type Decode = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const withZlibHeader: Decode = promisify(inflate);
const withoutZlibHeader: Decode = promisify(inflateRaw);

const DECODE: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ["gzip", promisify(gunzip)],
  ["x-gzip", promisify(gunzip)],
  // RFC 9110 §8.4.1.2: some servers leave out the header of zlib, whose first byte ends in 8.
  ["deflate", (body, options) => (((body[0] ?? 0) & 0x0f) === 8 ? withZlibHeader : withoutZlibHeader)(body, options)],
  ["br", promisify(brotliDecompress)],
  ["zstd", promisify(zstdDecompress)],
]);

/** More are an attack, not a configuration. */
const MAX_CODINGS = 3;

/**
 * Undoes the content codings, as `fetch` does: if one of them is unknown (`aws-chunked`, `utf-8`), the body is read as it came.
 * zlib stops when the output is longer than allowed.
 */
async function decoded(reply: Reply, maxBytes: number): Promise<Reply | TooLarge> {
  const codings = (reply.headers["content-encoding"] ?? "").toLowerCase().split(",", MAX_CODINGS + 1);
  const decoders = codings.map((coding) => DECODE.get(coding.trim())).filter((decode) => decode !== undefined);
  if (decoders.length < codings.length || codings.length > MAX_CODINGS || reply.body.length === 0) return reply;
  try {
    let { body } = reply;
    // The last one was applied last (RFC 9110 §8.4).
    for (const decode of decoders.reverse()) body = await decode(body, { maxOutputLength: maxBytes });
    return { ...reply, body, coding: "Compressed" };
  } catch (error) {
    // The status and the headers of a refusal say enough, even if its body cannot be read.
    if (isRefusal(reply.status)) return { ...reply, body: Buffer.alloc(0) };
    return networkCode(error) === "ERR_BUFFER_TOO_LARGE" ? { kind: "TooLarge" } : { ...reply, coding: "Untrue" };
  }
}

function isRefusal(status: number): boolean {
  return status >= 300;
}
