import { Pool, ProxyAgent } from "undici";
import type { Dispatcher } from "undici";
import type { KubeConfig } from "./access.ts";
import type { Credentials, CredentialSource } from "./credentials.ts";

/**
 * The connections: a small pool that all requests share, and one connection for each watch.
 *
 * Apart, because a watch occupies its connection for minutes: in one pool a few of them would starve the requests.
 * HTTP/1.1 on purpose: with a dozen connections it costs less CPU per request in Node than HTTP/2 does (measured), and
 * a connection that hangs takes one request with it instead of all.
 *
 * When the TLS material changes, or a request found a connection dead, new requests get new connections and the old
 * pool is closed when what is on it has ended.
 */
export type Dispatchers = {
  /** The pool for this kind of traffic, and the headers that belong to it. */
  acquire(kind: "request" | "watch"): Promise<{ dispatcher: Dispatcher; credentials: Credentials }>;
  /** A connection went silent: its neighbours, which took the same way, are not trusted either. */
  renew(): void;
  /** Cuts every connection. */
  close(): Promise<void>;
};

type Pair = { request: Dispatcher; watch: Dispatcher; tlsId: string };

/** As many requests as are under way at once. More than this does not make an API server on the other end faster. */
const DEFAULT_CONNECTIONS = 24;
/** Under the 90 s after which kube-apiserver closes an idle connection, so that we never write into a closing one. */
const KEEP_ALIVE_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;
const RENEW_AT_MOST_MS = 5000;

export function createDispatchers(
  config: KubeConfig,
  source: CredentialSource,
  options: { connections?: number; monotonicMs?: () => number } = {},
): Dispatchers {
  const { connections = DEFAULT_CONNECTIONS, monotonicMs = () => performance.now() } = options;
  let pair: Pair | undefined;
  let stale = false;
  let renewedAtMs = -Infinity;
  const closing = new Set<Dispatcher>();

  function open(tls: Credentials["tls"], count: number | null): Dispatcher {
    const connect = { ...tls, keepAlive: true, keepAliveInitialDelay: 30_000, timeout: CONNECT_TIMEOUT_MS };
    const shared = {
      connections: count,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      // send.ts has one timer for the whole request, which includes waiting for a connection.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    const origin = new URL(config.server).origin;
    const { proxyUrl } = config.cluster;
    if (proxyUrl)
      return new ProxyAgent({
        ...shared,
        uri: proxyUrl,
        requestTls: connect,
        connect: { timeout: CONNECT_TIMEOUT_MS },
      });
    return new Pool(origin, { ...shared, connect });
  }

  /** Graceful: what is under way continues to its end, a watch for some minutes. */
  function retire(old: Pair): void {
    for (const dispatcher of [old.request, old.watch]) {
      closing.add(dispatcher);
      dispatcher.close().then(
        () => closing.delete(dispatcher),
        () => closing.delete(dispatcher),
      );
    }
  }

  return {
    async acquire(kind) {
      const credentials = await source.get();
      if (pair !== undefined && (stale || pair.tlsId !== credentials.tlsId)) {
        retire(pair);
        pair = undefined;
      }
      stale = false;
      pair ??= {
        request: open(credentials.tls, connections),
        watch: open(credentials.tls, null),
        tlsId: credentials.tlsId,
      };
      return { dispatcher: pair[kind], credentials };
    },
    renew() {
      if (monotonicMs() - renewedAtMs < RENEW_AT_MOST_MS) return;
      renewedAtMs = monotonicMs();
      stale = true;
    },
    async close() {
      const all = [...closing, ...(pair ? [pair.request, pair.watch] : [])];
      pair = undefined;
      await Promise.allSettled(all.map((dispatcher) => dispatcher.destroy()));
    },
  };
}
