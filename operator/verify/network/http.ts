/**
 * HTTPS GET for live checks: through the egress rules, with caps on time, size and redirects. What comes back is a value.
 *
 * Each hop gets a connection of its own, to an address that was checked a moment before, and the connection ends with it:
 * nothing is left over that another check, with other rights, could be sent on.
 *
 * Behind a proxy it is the proxy that resolves and dials. Literal addresses are checked all the same, and so are names that
 * resolve here; a name that does not is left to the proxy, and with it to the rules of whoever set HTTPS_PROXY.
 */
import { Client, ProxyAgent } from "undici";
import type { Dispatcher } from "undici";

import { ATTEMPT_TIMEOUT_MS } from "./egress.ts";
import type { Address, Egress, EgressError, Purpose } from "./egress.ts";
import { exchange } from "./http-get.ts";
import type { Failure } from "./http-get.ts";
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
  purpose: Purpose;
  headers?: Readonly<Record<string, string>>;
  /** Of the body, decompressed, in bytes. The body of a refusal (status 300 and above) is cut off there instead. */
  maxBytes: number;
  /** For the whole of it, redirects included. */
  timeoutMs: number;
  /** How many redirects are followed; each hop is checked like the first. Headers are not sent on to another origin. */
  maxRedirects: number;
  signal?: AbortSignal;
};

export type HttpOutcome =
  /** Names of headers are in lower case; one that came several times is one text, joined by ", ". */
  | { kind: "Reply"; status: number; headers: Readonly<Record<string, string>>; body: Buffer }
  /** The egress rules forbid the address. `message` says which one, and what helps; it may be shown as it is. */
  | { kind: "AddressRefused"; message: string }
  | { kind: "NameNotFound" }
  /** The certificate is not trusted, expired or of another name. `code` as OpenSSL and Node name it. */
  | { kind: "TlsFailed"; code: string }
  /** Too many redirects, or one to where none may lead (http, user information). */
  | { kind: "BadRedirect" }
  | { kind: "TooLarge" }
  | { kind: "TimedOut" }
  | { kind: "ConnectionRefused" }
  /** Any other network failure. `code`: an errno or undici's code, never a message. */
  | { kind: "Unreachable"; code: string };

/** @throws nothing; `settings` come from `proxyFromEnvironment`, which has judged them */
export function createHttpClient(egress: Egress, settings: ProxySettings = {}): HttpClient {
  const open = new Set<Dispatcher>();
  const underWay = new Set<() => void>();
  let closed = false;

  /** @param addresses none: only behind a proxy, which is left to find them */
  function connect(url: URL, proxied: boolean, addresses: readonly Address[]): Dispatcher {
    // Said here, since NODE_TLS_REJECT_UNAUTHORIZED=0 would switch it off.
    const tls = { secureContext: egress.secureContext, rejectUnauthorized: true };
    // Without pipelining undici asks for `connection: close`. The deadline is the request's own, so undici's are off.
    const common = { allowH2: false, pipelining: 0, headersTimeout: 0, bodyTimeout: 0 };
    if (proxied) {
      return new ProxyAgent({
        ...common,
        uri: settings.httpsProxy ?? "",
        connections: 1,
        proxyTls: tls,
        requestTls: tls,
      });
    }
    return new Client(url.origin, {
      ...common,
      connect: {
        ...tls,
        timeout: 0,
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT_MS,
        // With autoSelectFamily, Node asks for all addresses always.
        lookup: (_host, _options, callback) => callback(null, [...addresses]),
      },
    });
  }

  async function hop(
    url: URL,
    request: HttpGet,
    headers: HttpGet["headers"],
    signal: AbortSignal,
  ): Promise<HttpOutcome> {
    const proxied = usesProxy(settings, url);
    let addresses: readonly Address[] = [];
    try {
      addresses = await egress.resolve(url.hostname, request.purpose);
    } catch (error) {
      const { code, message } = error as EgressError;
      if (code === "AddressRefused") return { kind: "AddressRefused", message };
      // EAI_AGAIN: "temporary failure in name resolution".
      if (!proxied) return code === "NameNotFound" ? { kind: code } : { kind: "Unreachable", code: "EAI_AGAIN" };
    }
    // Of the name only its dot goes: neither TLS (RFC 6066 §3) nor most servers know it with one.
    const origin = url.origin.replace(/\.(?=(:\d+)?$)/, "");
    const dispatcher = connect(new URL(origin), proxied, addresses);
    open.add(dispatcher);
    try {
      const outcome = await exchange(dispatcher, {
        origin,
        path: url.pathname + url.search,
        // `identity` is a wish: exchange.ts inflates what comes compressed all the same.
        headers: { "user-agent": "appsecret-operator", ...headers, "accept-encoding": "identity" },
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
      const message =
        "The address is no https URL that can be fetched: check it for typing errors, and for a user name in it.";
      return { kind: "AddressRefused", message };
    }
    let { headers } = request;
    for (let followed = 0; ; followed += 1) {
      const outcome = await hop(url, request, headers, signal);
      const location = outcome.kind === "Reply" && isRedirect(outcome.status) ? outcome.headers["location"] : undefined;
      if (location === undefined) return outcome;
      const next = allowedUrl(location, url);
      if (next === undefined || followed >= request.maxRedirects) return { kind: "BadRedirect" };
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
        // The race: a look-up cannot be called off.
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
