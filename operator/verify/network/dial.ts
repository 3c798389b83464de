/**
 * One connection to a server at a checked address, with or without TLS: for a check that speaks another protocol than https.
 * The outcome is a value.
 */
import { connect as connectTcp, isIP } from "node:net";
import type { LookupFunction, Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, TLSSocket } from "node:tls";
import type { SecureContext } from "node:tls";
import { networkCode, tlsAlert } from "#common/network-code";
import { ATTEMPT_TIMEOUT_MS } from "./egress.ts";
import type { Address } from "./egress.ts";
import type { HandshakeFailure } from "./tls-alerts.ts";

export type Dialling = {
  /** As in the connection string: with TLS, the certificate must have this name. */
  host: string;
  port: number;
  /** The host's addresses, checked. No other is dialled. */
  addresses: readonly Address[];
  tls: boolean;
  /** With the trusted CAs. */
  secureContext: SecureContext;
  timeoutMs: number;
  signal: AbortSignal;
};

export type DialFailure =
  | { kind: "Refused" }
  | { kind: "TimedOut" }
  | ({ kind: "TlsFailed" } & HandshakeFailure)
  /** `code`: an errno. */
  | { kind: "NetworkFailed"; code: string };

/** The socket must be destroyed by the caller. Never rejects. */
export async function dial(dialling: Dialling): Promise<{ socket: Socket } | { failure: DialFailure }> {
  const { host, port, addresses, tls, secureContext, timeoutMs, signal } = dialling;
  if (signal.aborted) return { failure: { kind: "TimedOut" } };
  // Node calls this function for every host that is not a literal, such as "checked", and does no look-up of its own.
  const lookup: LookupFunction = (_host, options, done) => {
    const [first] = addresses;
    if (options.all === true) done(null, [...addresses]);
    else if (first !== undefined) done(null, first.address, first.family);
    else done(new Error("no address"), "");
  };
  const attempts = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT_MS };
  const tcp = connectTcp({ host: "checked", port, lookup, ...attempts, noDelay: true });
  const name = host.replace(/^\[|\]$|\.$/g, "");
  const begun = tls
    ? connectTls({
        socket: tcp,
        secureContext,
        // Explicit, because NODE_TLS_REJECT_UNAUTHORIZED=0 would disable it.
        rejectUnauthorized: true,
        // RFC 6066 §3: the server name must not be an IP address.
        ...(isIP(name) === 0 && { servername: name }),
        checkServerIdentity: (_name, certificate) => checkServerIdentity(name, certificate),
      })
    : tcp;
  return new Promise((resolve) => {
    let connected = false;
    const end = (failure: DialFailure) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", timeOut);
      begun.destroy();
      tcp.destroy();
      resolve({ failure });
    };
    const timeOut = () => end({ kind: "TimedOut" });
    const timer = setTimeout(timeOut, timeoutMs);
    signal.addEventListener("abort", timeOut);
    // These listeners stay: a socket may fail again after it was destroyed, and an unhandled error ends the process.
    tcp.on("error", (error) => end(networkFailure(error)));
    tcp.once("connect", () => (connected = true));
    begun.on("error", (error) => end(tls && connected ? tlsFailure(error, begun, name) : networkFailure(error)));
    begun.once("close", () => end({ kind: "NetworkFailed", code: "ECONNRESET" }));
    begun.once(tls ? "secureConnect" : "connect", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", timeOut);
      resolve({ socket: begun });
    });
  });
}

function networkFailure(error: unknown): DialFailure {
  const code = networkCode(error);
  if (code === "ECONNREFUSED") return { kind: "Refused" };
  if (code === "ETIMEDOUT") return { kind: "TimedOut" };
  return { kind: "NetworkFailed", code };
}

/**
 * A connection that breaks during the handshake may be the network's fault: only what TLS itself reports is definite.
 *
 * @param host that was dialled
 */
export function tlsFailure(error: unknown, socket: Socket, host?: string): DialFailure {
  const code = networkCode(error);
  return ["ECONNRESET", "EPIPE", "ETIMEDOUT", "UNKNOWN"].includes(code)
    ? { kind: "NetworkFailed", code }
    : { kind: "TlsFailed", code, alert: tlsAlert(error), protocol: protocolOf(socket), host };
}

function protocolOf(socket: Socket): string | undefined {
  return (socket instanceof TLSSocket && socket.getProtocol()) || undefined;
}
