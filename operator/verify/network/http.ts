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
import { Client, ProxyAgent } from "undici";
import type { Dispatcher } from "undici";

import { ATTEMPT_TIMEOUT_MS } from "./egress.ts";
import type { Address, Egress, EgressError } from "./egress.ts";
import { httpGet } from "./http-get.ts";
import type { Failure, Reply } from "./http-get.ts";
import { usesProxy } from "./proxy.ts";
import type { ProxySettings } from "./proxy.ts";

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
  /** The certificate is not trusted, expired or of another name. `code` as OpenSSL and Node name it. */
  | { kind: "TlsFailed"; code: string }
  /**
   * Too many redirects, or one to a URL that is not allowed (http, user information). `location`: where the one too many leads. A
   * server wrote it.
   */
  | { kind: "BadRedirect"; location?: string }
  | { kind: "TooLarge" }
  | { kind: "TimedOut" }
  | { kind: "ConnectionRefused" }
  /** Any other network failure. `code`: an errno or undici's code, never a message. */
  | { kind: "Unreachable"; code: string };

/** @param settings as `proxyFromEnvironment` gives them, which has judged them */
export function createHttpClient(egress: Egress, settings: ProxySettings = {}): HttpClient {
  const open = new Set<Dispatcher>();
  const underWay = new Set<() => void>();
  let closed = false;

  async function hop(url: URL, request: HttpGet, headers: Headers, signal: AbortSignal): Promise<HttpOutcome> {
    const proxied = usesProxy(settings, url);
    const addresses = await addressesOf(egress, url.hostname, proxied);
    if ("kind" in addresses) return addresses;
    // Only the dot after the name goes: neither TLS (RFC 6066 §3) nor most servers know the name with one.
    const origin = url.origin.replace(/\.(?=(:\d+)?$)/, "");
    const dispatcher = proxied
      ? connectByProxy(settings.httpsProxy ?? "", egress)
      : connectTo(new URL(origin), addresses, egress);
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
      return outcome.kind === "Failed" ? judge(outcome, proxied) : outcome;
    } finally {
      open.delete(dispatcher);
      await dispatcher.destroy();
    }
  }

  async function follow(request: HttpGet, signal: AbortSignal): Promise<HttpOutcome> {
    let url = allowedUrl(request.url);
    if (url === undefined) {
      return {
        kind: "AddressRefused",
        message: "The URL is not a valid https URL, or it contains a user name. Correct it.",
      };
    }
    let headers = request.headers ?? {};
    for (let followed = 0; ; followed += 1) {
      const outcome = await hop(url, request, headers, signal);
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
      const timer = setTimeout(() => end({ kind: "TimedOut" }), request.timeoutMs);
      underWay.add(giveUp);
      request.signal?.addEventListener("abort", giveUp, { once: true });
      if (closed || request.signal?.aborted) giveUp();
      try {
        // A race, because a look-up cannot be cancelled.
        return await Promise.race([ended.promise, follow(request, stop.signal)]);
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

/** Those that may be dialled. None only behind a proxy, which is left to find them. */
async function addressesOf(egress: Egress, host: string, proxied: boolean): Promise<readonly Address[] | HttpOutcome> {
  try {
    return await egress.resolve(host);
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

function connectByProxy(uri: string, egress: Egress): Dispatcher {
  const tls = trusting(egress);
  return new ProxyAgent({ ...ONE_REQUEST, uri, connections: 1, proxyTls: tls, requestTls: tls });
}

function connectTo(url: URL, addresses: readonly Address[], egress: Egress): Dispatcher {
  return new Client(url.origin, {
    ...ONE_REQUEST,
    connect: {
      ...trusting(egress),
      timeout: 0,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT_MS,
      // With autoSelectFamily, Node always wants all addresses.
      lookup: (_host, _options, callback) => callback(null, [...addresses]),
    },
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

function judge({ code }: Failure, proxied: boolean): HttpOutcome {
  if (TLS_CODE.test(code)) return { kind: "TlsFailed", code };
  // UND_ERR_ABORTED: the proxy did not open a tunnel.
  if (proxied) return { kind: "Unreachable", code: code === "UND_ERR_ABORTED" ? "PROXY_REFUSED" : code };
  if (code === "ECONNREFUSED") return { kind: "ConnectionRefused" };
  if (code === "ETIMEDOUT") return { kind: "TimedOut" };
  return { kind: "Unreachable", code };
}
