/** One GET over one dispatcher, with a cap on what comes back. Follows nothing, judges nothing. */
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import type { BrotliOptions, ZlibOptions } from "node:zlib";
import type { Dispatcher } from "undici";

export type Reply = { kind: "Reply"; status: number; headers: Readonly<Record<string, string>>; body: Buffer };

/** `code`: of the system, OpenSSL, zlib or undici. Never a message: those quote what came over the wire. */
export type Failure = { kind: "Failed"; code: string };

export type Get = {
  origin: string;
  path: string;
  headers: Readonly<Record<string, string>>;
  /** Decompressed, in bytes. The body of a refusal is cut off there; any other is TooLarge. */
  maxBytes: number;
  signal: AbortSignal;
};

export async function exchange(dispatcher: Dispatcher, get: Get): Promise<Reply | Failure | { kind: "TooLarge" }> {
  const outcome = await receive(dispatcher, get);
  return outcome.kind === "Reply" ? inflated(outcome, get.maxBytes) : outcome;
}

/** The reply as it came. */
function receive(dispatcher: Dispatcher, get: Get): Promise<Reply | Failure | { kind: "TooLarge" }> {
  return new Promise((resolve) => {
    const reply: Reply & { headers: Record<string, string> } = {
      kind: "Reply",
      status: 0,
      headers: {},
      body: Buffer.alloc(0),
    };
    const chunks: Buffer[] = [];
    let left = get.maxBytes;

    const finish = (): void => {
      get.signal.removeEventListener("abort", abort);
      resolve({ ...reply, body: Buffer.concat(chunks) });
    };
    const abort = (): void => {
      void dispatcher.destroy();
      resolve({ kind: "Failed", code: "ABORTED" });
    };
    if (get.signal.aborted) return abort();
    get.signal.addEventListener("abort", abort, { once: true });

    dispatcher.dispatch(
      { origin: get.origin, method: "GET", path: get.path, headers: { ...get.headers } },
      {
        onRequestStart() {
          // Nothing to do, but undici insists on it.
        },
        onResponseStart(controller, status, headers) {
          reply.status = status;
          // An informational reply (103 Early Hints) comes here, too, and its headers are not the answer's.
          reply.headers = {};
          for (const [name, value] of Object.entries(headers)) {
            if (value !== undefined)
              reply.headers[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
          }
          // Of a redirect only the header counts; its body may be endless.
          if (status >= 300 && status < 400) {
            finish();
            controller.abort(new Error("enough"));
          }
        },
        onResponseData(controller, chunk) {
          chunks.push(chunk.subarray(0, left));
          left -= chunk.length;
          if (left >= 0) return;
          if (isRefusal(reply)) finish();
          else resolve({ kind: "TooLarge" });
          controller.abort(new Error("enough"));
        },
        onResponseEnd: finish,
        onResponseError(_controller, error) {
          get.signal.removeEventListener("abort", abort);
          resolve({ kind: "Failed", code: networkCode(error) });
        },
      },
    );
  });
}

const INFLATE = new Map([
  ["gzip", promisify(gunzip)],
  ["x-gzip", promisify(gunzip)],
  ["deflate", promisify(inflate)],
  ["br", promisify(brotliDecompress)],
]) as ReadonlyMap<string, (body: Buffer, options: ZlibOptions & BrotliOptions) => Promise<Buffer>>;

/** Undoes one content coding, of those that servers apply unasked. zlib stops when the output is longer than allowed. */
async function inflated(reply: Reply, maxBytes: number): Promise<Reply | Failure | { kind: "TooLarge" }> {
  const coding = (reply.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (coding === "identity" || coding === "" || reply.body.length === 0) return reply;
  const decode = INFLATE.get(coding);
  // Nobody reads more of a refusal than its status and headers, if it cannot be read.
  const unreadable = (failed: Failure | { kind: "TooLarge" }): Reply | typeof failed =>
    isRefusal(reply) ? { ...reply, body: Buffer.alloc(0) } : failed;
  if (decode === undefined) return unreadable({ kind: "Failed", code: "UNKNOWN_CONTENT_ENCODING" });
  try {
    return { ...reply, body: await decode(reply.body, { maxOutputLength: maxBytes }) };
  } catch (error) {
    const code = networkCode(error);
    return unreadable(code === "ERR_BUFFER_TOO_LARGE" ? { kind: "TooLarge" } : { kind: "Failed", code });
  }
}

function isRefusal({ status }: Reply): boolean {
  return status >= 300;
}

/** The first code in an error, its causes, or the errors of the several addresses that were tried. */
function networkCode(error: unknown): string {
  if (typeof error !== "object" || error === null) return "UNKNOWN";
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  if (typeof code === "string" && /^[A-Z0-9_]{1,64}$/.test(code)) return code;
  return networkCode(Array.isArray(errors) ? errors[0] : cause);
}
