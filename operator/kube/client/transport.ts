import { createCredentialSource } from "./credentials.ts";
import { createDispatchers } from "./dispatchers.ts";
import type { KubeConfig } from "./access.ts";
import type { HttpRequest, Outcome } from "./send.ts";
import { send } from "./send.ts";
import type { StreamOutcome, StreamRequest } from "./watch-stream.ts";
import { stream } from "./watch-stream.ts";

/**
 * One attempt to send something to the API server: with the current credentials, on a shared connection, counted. What an
 * outcome says about the way to the server (a 401, a certificate that does not verify, silence) is noted here, so that
 * the next attempt goes another way.
 */
export type Transport = {
  send(request: TransportRequest<HttpRequest>): Promise<Outcome>;
  watch(request: TransportRequest<StreamRequest>): Promise<StreamOutcome>;
  /** Cuts every connection. */
  close(): Promise<void>;
};

type TransportRequest<R> = Omit<R, "origin"> & { query: Record<string, string> };

export type TransportOptions = {
  /**
   * Called once per attempt. `verb`: GET, POST, …, WATCH; `code`: the HTTP status, or `unreachable`, `timeout`, `aborted`,
   * `withheld` (by `beforeSend`).
   */
  onRequest?: (verb: string, code: string, seconds: number) => void;
  /** Most connections for requests at once; each watch has one of its own besides. */
  connections?: number;
  /** How old tokens and certificates may get before they are read again, in ms; the default is a minute. */
  rereadMs?: number;
};

/** TLS failures after which the CA or the client's certificate may have to be read again. */
const TLS_DISTRUST = /CERT|SELF_SIGNED|UNABLE_TO|ERR_SSL|ERR_TLS/;

export function createTransport(config: KubeConfig, userAgent: string, options: TransportOptions): Transport {
  const credentialSource = createCredentialSource(config, options.rereadMs);
  const { connections } = options;
  const dispatchers = createDispatchers(config, credentialSource, connections === undefined ? {} : { connections });
  const { origin, pathname } = new URL(config.server);
  const prefix = pathname === "/" ? "" : pathname;

  function pathOf(path: string, query: Record<string, string>): string {
    const text = new URLSearchParams(query).toString();
    return `${prefix}${path}${text === "" ? "" : `?${text}`}`;
  }

  function notice(outcome: { kind: string; status?: number; networkCode?: string }): void {
    if (outcome.kind === "reply" && outcome.status === 401) credentialSource.distrust();
    if (outcome.kind === "unreachable" && TLS_DISTRUST.test(outcome.networkCode ?? "")) credentialSource.distrust();
    if (outcome.kind === "timeout" || outcome.kind === "silent") dispatchers.renew();
  }

  return {
    async send({ query, path, headers, ...request }) {
      const startedAtMs = performance.now();
      const { dispatcher, credentials } = await dispatchers.acquire("request");
      const outcome = await send(dispatcher, {
        ...request,
        origin,
        path: pathOf(path, query),
        headers: { ...credentials.headers, "user-agent": userAgent, ...headers },
      });
      notice(outcome);
      const code = outcome.kind === "reply" ? String(outcome.status) : outcome.kind;
      options.onRequest?.(request.method, code, (performance.now() - startedAtMs) / 1000);
      return outcome;
    },

    async watch({ query, path, headers, ...request }) {
      const startedAtMs = performance.now();
      const count = (status: number): void =>
        options.onRequest?.("WATCH", String(status), (performance.now() - startedAtMs) / 1000);
      const { dispatcher, credentials } = await dispatchers.acquire("watch");
      const outcome = await stream(dispatcher, {
        ...request,
        origin,
        path: pathOf(path, query),
        headers: { ...credentials.headers, "user-agent": userAgent, ...headers },
        onStart: () => {
          count(200);
          request.onStart();
        },
      });
      notice(outcome);
      if (outcome.kind === "reply") count(outcome.status);
      return outcome;
    },

    close: () => dispatchers.close(),
  };
}
