/**
 * HTTPS GET for live checks: through the egress rules, with limits on time, size and redirects. The outcome is a value.
 *
 * Each hop has a connection of its own, to an address that was checked a moment before. The connection ends with the hop, so
 * that another check with other rights cannot reuse it.
 *
 * A proxy resolves and dials in place of the operator. Literal addresses are checked all the same, and so are names that resolve
 * here. A name that does not is left to the proxy and its own rules.
 */
import type { SecureContext } from "node:tls";
import { buildConnector, Client } from "undici";
import type { Dispatcher } from "undici";

import { ATTEMPT_TIMEOUT_MS } from "./egress.ts";
import type { Address, Egress, EgressError, ResolveOptions } from "./egress.ts";
import { failureOf, httpGet } from "./http-get.ts";
import type { Failure, Reply } from "./http-get.ts";
import { usesProxy } from "./proxy.ts";
import type { ProxySettings } from "./proxy.ts";
import { createTunnel, TUNNEL_IS_OPEN } from "./proxy-tunnel.ts";
import type { Tunnel } from "./proxy-tunnel.ts";

export type HttpClient = {
  /** Never rejects. */
  get(request: HttpGet): Promise<HttpOutcome>;
  /** Cuts every connection. */
  close(): Promise<void>;
};

export type HttpGet = {
  /** https only. */
  url: string;
  headers?: Readonly<Record<string, string>>;
  /** Of the body, decompressed, in bytes. The body of a refusal (status 300 and above) is cut off there instead. */
  maxBytes: number;
  /** For the whole request, redirects included. */
  timeoutMs: number;
  /** How many redirects are followed; each hop is checked like the first. Headers are not sent on to another origin. */
  maxRedirects: number;
  /** Whose search list applies to names, as the check's subject has it. */
  namespace?: string | undefined;
  signal?: AbortSignal;
};

export type HttpOutcome =
  /** Names of headers are in lower case; one that came several times is one text, joined by ", ". */
  | (Reply & {
      /** Where it came from, if redirects were followed. */
      url?: string;
    })
  /** The egress rules forbid the address. `message` says which one, and what helps. It may be shown as it is. */
  | { kind: "AddressRefused"; message: string }
  | { kind: "NameNotFound" }
  /**
   * The certificate is not trusted, expired or of another name, or the server ended the handshake. `code` as OpenSSL and Node name
   * it, `alert` the number of the server's alert. `proxied`: it came through the proxy, which may have made it.
   */
  | { kind: "TlsFailed"; code: string; alert?: number; proxied?: true }
  /**
   * Too many redirects, or one to a URL that is not allowed (http, user information). `location`: where the one too many leads. A
   * server wrote it.
   */
  | { kind: "BadRedirect"; location?: string }
  | { kind: "TooLarge" }
  | { kind: "TimedOut"; proxied?: true }
  | { kind: "ConnectionRefused" }
  /** Any other network failure. `code`: an errno or undici's code, never a message. */
  | { kind: "Unreachable"; code: string; proxied?: true }
  /**
   * The proxy opened no tunnel, so nothing is known of the host behind it. `status`: the proxy's answer, if it gave one.
   * `code`: TIMED_OUT, or as above.
   */
  | { kind: "ProxyFailed"; code: string; status?: number };

/** @param settings as `proxyFromEnvironment` gives them, which has judged them */
export function createHttpClient(egress: Egress, settings: ProxySettings = {}): HttpClient {
  const open = new Set<Dispatcher>();
  const underWay = new Set<() => void>();
  let closed = false;

  async function hop(url: URL, request: HttpGet, headers: Headers, way: Way): Promise<HttpOutcome> {
    const { signal } = way;
    const proxied = usesProxy(settings, url);
    const addresses = await addressesOf(egress, url.hostname, proxied, { namespace: request.namespace, signal });
    if ("kind" in addresses) return addresses;
    // Only the dot after the name goes: neither TLS (RFC 6066 §3) nor most servers know the name with one.
    const origin = url.origin.replace(/\.(?=(:\d+)?$)/, "");
    way.tunnel = proxied
      ? createTunnel({ uri: settings.httpsProxy ?? "", tls: trusting(egress), client: ONE_REQUEST })
      : undefined;
    let broken: Failure | undefined;
    const onBroken = (error: unknown) => (broken ??= failureOf(error));
    const dispatcher = way.tunnel?.dispatcher ?? connectTo(new URL(origin), addresses, egress, onBroken);
    open.add(dispatcher);
    try {
      const outcome = await httpGet(dispatcher, {
        origin,
        path: url.pathname + url.search,
        // No accept-encoding, as most libraries: http-get.ts says when a server compresses all the same.
        headers: { "user-agent": "appsecret-operator", ...headers },
        maxBytes: request.maxBytes,
        signal,
      });
      if (outcome.kind !== "Failed") return outcome;
      return judge(broken?.alert === undefined ? outcome : broken, way.tunnel);
    } finally {
      open.delete(dispatcher);
      await dispatcher.destroy();
    }
  }

  async function follow(request: HttpGet, way: Way): Promise<HttpOutcome> {
    let url = allowedUrl(request.url);
    if (url === undefined) {
      return {
        kind: "AddressRefused",
        message: "The URL is not a valid https URL, or it contains a user name. Correct it.",
      };
    }
    let headers = request.headers ?? {};
    for (let followed = 0; ; followed += 1) {
      const outcome = await hop(url, request, headers, way);
      const location = outcome.kind === "Reply" && isRedirect(outcome.status) ? outcome.headers["location"] : undefined;
      if (location === undefined) {
        return outcome.kind === "Reply" && followed > 0 ? { ...outcome, url: url.href } : outcome;
      }
      const next = allowedUrl(location, url);
      if (next === undefined) return { kind: "BadRedirect" };
      if (followed >= request.maxRedirects) return { kind: "BadRedirect", location: next.href };
      // RFC 9110 §15.4: what was meant for one server (Authorization above all) is not for another.
      if (next.origin !== url.origin) headers = {};
      url = next;
    }
  }

  return {
    async get(request) {
      const ended = Promise.withResolvers<HttpOutcome>();
      const stop = new AbortController();
      const end = (outcome: HttpOutcome): void => {
        ended.resolve(outcome);
        stop.abort();
      };
      const giveUp = (): void => end({ kind: "Unreachable", code: "ABORTED" });
      const way: Way = { signal: stop.signal, tunnel: undefined };
      const timer = setTimeout(() => end(timedOut(way.tunnel)), request.timeoutMs);
      underWay.add(giveUp);
      request.signal?.addEventListener("abort", giveUp, { once: true });
      if (closed || request.signal?.aborted) giveUp();
      try {
        return await Promise.race([ended.promise, follow(request, way)]);
      } finally {
        clearTimeout(timer);
        underWay.delete(giveUp);
        request.signal?.removeEventListener("abort", giveUp);
      }
    },
    async close() {
      closed = true;
      for (const giveUp of underWay) giveUp();
      await Promise.allSettled([...open].map((dispatcher) => dispatcher.destroy()));
    },
  };
}

type Headers = Readonly<Record<string, string>>;

/** What a request goes by. `tunnel`: of the hop under way, if that leads through the proxy. */
type Way = { readonly signal: AbortSignal; tunnel: Tunnel | undefined };

/** Those that may be dialled. None only behind a proxy, which is left to find them. */
async function addressesOf(
  egress: Egress,
  host: string,
  proxied: boolean,
  options: ResolveOptions,
): Promise<readonly Address[] | HttpOutcome> {
  try {
    return await egress.resolve(host, options);
  } catch (error) {
    const { code, message } = error as EgressError;
    if (code === "AddressRefused") return { kind: "AddressRefused", message };
    if (proxied) return [];
    // EAI_AGAIN: "temporary failure in name resolution".
    return code === "NameNotFound" ? { kind: code } : { kind: "Unreachable", code: "EAI_AGAIN" };
  }
}

/** Without pipelining undici asks for `connection: close`. The deadline is the request's own, so undici's are off. */
const ONE_REQUEST = { allowH2: false, pipelining: 0, headersTimeout: 0, bodyTimeout: 0 } as const;

/** Set explicitly, because NODE_TLS_REJECT_UNAUTHORIZED=0 would switch the verification off. */
function trusting({ secureContext }: Egress): { secureContext: SecureContext; rejectUnauthorized: true } {
  return { secureContext, rejectUnauthorized: true };
}

/**
 * @param onBroken is called with what breaks the connection. In TLS 1.3 a server refuses a client without a certificate only after
 *   the handshake, and undici tells no more of it than that the other side closed
 */
function connectTo(
  url: URL,
  addresses: readonly Address[],
  egress: Egress,
  onBroken: (error: unknown) => void,
): Dispatcher {
  const connect = buildConnector({
    ...trusting(egress),
    allowH2: false,
    timeout: 0,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT_MS,
    // With autoSelectFamily, Node always wants all addresses.
    lookup: (_host, _options, callback) => callback(null, [...addresses]),
  });
  return new Client(url.origin, {
    ...ONE_REQUEST,
    connect: (options, done) =>
      connect(options, (...outcome) => {
        outcome[1]?.on("error", onBroken);
        done(...outcome);
      }),
  });
}

function allowedUrl(text: string, base?: URL): URL | undefined {
  const url = URL.parse(text, base?.href);
  return url?.protocol === "https:" && url.username === "" && url.password === "" ? url : undefined;
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/** Codes of OpenSSL and Node about certificates and the handshake. EPROTO: the other side speaks no TLS. */
const TLS_CODE =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_|PATH_LENGTH_|EPROTO$)/;

function judge({ code, alert }: Failure, tunnel: Tunnel | undefined): HttpOutcome {
  if (tunnel !== undefined && tunnel.status() !== TUNNEL_IS_OPEN) return proxyFailed(code, tunnel);
  const more = tunnel && ({ proxied: true } as const);
  if (TLS_CODE.test(code)) return { kind: "TlsFailed", code, ...(alert === undefined ? {} : { alert }), ...more };
  if (tunnel === undefined && code === "ECONNREFUSED") return { kind: "ConnectionRefused" };
  if (code === "ETIMEDOUT") return { kind: "TimedOut", ...more };
  return { kind: "Unreachable", code, ...more };
}

function timedOut(tunnel: Tunnel | undefined): HttpOutcome {
  if (tunnel === undefined) return { kind: "TimedOut" };
  return tunnel.status() === TUNNEL_IS_OPEN ? { kind: "TimedOut", proxied: true } : proxyFailed("TIMED_OUT", tunnel);
}

function proxyFailed(code: string, tunnel: Tunnel): HttpOutcome {
  const status = tunnel.status();
  return {
    kind: "ProxyFailed",
    code: code === "ETIMEDOUT" ? "TIMED_OUT" : code,
    ...(status === undefined ? {} : { status }),
  };
}
