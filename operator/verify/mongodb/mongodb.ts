/**
 * The live check of a MongoDB server: does the connection string log in, and may the user work in the named database?
 *
 * No driver is involved. The operator parses the string (uri.ts), looks its names up (srv.ts, egress), dials its hosts one
 * after another until one gives a definite answer (dial.ts), and talks to each over a single connection (probe.ts). It never
 * dials a host that a server announces. Why there is no driver: docs/decisions/mongodb-client.md.
 */
import type { MongoSubject, Verdict } from "#api/check";
import { EgressError } from "../network/egress.ts";
import type { Address, Egress } from "../network/egress.ts";
import { dial } from "./dial.ts";
import { probe } from "./probe.ts";
import { spread } from "#common/jitter";
import { resolveSrv } from "./srv.ts";
import type { SrvOutcome } from "./srv.ts";
import { parseMongoUri } from "./uri.ts";
import type { HostAndPort, MongoUri } from "./uri.ts";
import { isFinal, summarize, verdictOf } from "./verdicts.ts";
import type { HostOutcome } from "./verdicts.ts";

export type MongoCheckOptions = {
  egress: Egress;
  /** For the whole check, all hosts together, at the most. */
  timeoutMs?: number;
  /** For a TCP and TLS connection to one host. */
  connectTimeoutMs?: number;
  /** `address:port` of the DNS servers that are asked for SRV and TXT records. Default: those of the system. */
  dnsServers?: readonly string[];
};

export type MongoCheck = (target: MongoSubject, options: { signal: AbortSignal }) => Promise<Verdict>;

/** A host in a long list must not have so little time that an ordinary handshake over a continent fails. */
const MIN_HOST_MS = 1_000;

/**
 * Gives a check that never rejects and keeps no connection. `signal` ends it at once: it is then silent about the target.
 *
 * @example
 * const check = createMongoCheck({ egress });
 * const verdict = await check({ kind: "MongoDB", uri, database: "orders" }, { signal });
 */
export function createMongoCheck(options: MongoCheckOptions): MongoCheck {
  const { egress, timeoutMs: mostMs = 10_000, connectTimeoutMs = 5_000, dnsServers } = options;

  return async function check({ uri: text, database }, { signal }) {
    const parsed = parseMongoUri(text);
    if ("refusal" in parsed) return { answer: "No", passing: false, ...parsed.refusal };

    const timeoutMs = spread(mostMs);
    const over = new AbortController();
    const stop = () => over.abort();
    const timer = setTimeout(stop, timeoutMs);
    const deadline = performance.now() + timeoutMs;
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    try {
      const found = await resolveSrv(parsed, { signal: over.signal, ...(dnsServers !== undefined && { dnsServers }) });
      if (found.kind !== "Found") return srvVerdict(found);
      return await checkHosts(found.uri, database, deadline, over.signal);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      // Whatever is still under way.
      stop();
    }
  };

  function srvVerdict(found: Exclude<SrvOutcome, { kind: "Found" }>): Verdict {
    return found.kind === "Refused" ? { answer: "No", passing: false, ...found.refusal } : verdictOf(found);
  }

  async function checkHosts(uri: MongoUri, database: string, deadline: number, signal: AbortSignal): Promise<Verdict> {
    // All of them first: a list with one forbidden address is not asked anywhere.
    const resolved = await Promise.all(uri.hosts.map((host) => resolveHost(host, signal)));
    const refused = resolved.find((host) => "kind" in host && host.kind === "AddressRefused");
    if (refused !== undefined && "kind" in refused) return verdictOf(refused);

    const outcomes: HostOutcome[] = [];
    for (const [index, host] of resolved.entries()) {
      const left = deadline - performance.now();
      if (left <= 0) break;
      const share = Math.min(left, Math.max(MIN_HOST_MS, left / (resolved.length - index)));
      const outcome = "kind" in host ? host : await checkHost({ uri, database, ...host }, share, signal);
      if (isFinal(outcome)) return verdictOf(outcome);
      outcomes.push(outcome);
    }
    return summarize(outcomes.length < resolved.length ? [...outcomes, { kind: "TimedOut" }] : outcomes);
  }

  async function resolveHost({ host, port }: HostAndPort, signal: AbortSignal): Promise<ResolvedHost | HostOutcome> {
    const addresses = egress.resolve(host, "MongoDB").then(
      (found) => ({ host, port, addresses: found }),
      (error: unknown): HostOutcome => {
        if (!(error instanceof EgressError) || error.code === "ResolveFailed") return { kind: "ResolveFailed" };
        return error.code === "NameNotFound" ? { kind: error.code } : { kind: error.code, message: error.message };
      },
    );
    return unlessOver(addresses, signal, { kind: "TimedOut" });
  }

  async function checkHost(wanted: ResolvedHost & Wanted, timeMs: number, outer: AbortSignal): Promise<HostOutcome> {
    const { uri, database, host, port, addresses } = wanted;
    const over = new AbortController();
    const stop = () => over.abort();
    const timer = setTimeout(stop, timeMs);
    outer.addEventListener("abort", stop);
    if (outer.aborted) stop();
    try {
      const dialled = await dial({
        ...{ host, port, addresses, tls: uri.tls, secureContext: egress.secureContext },
        ...{ timeoutMs: Math.min(timeMs, connectTimeoutMs), signal: over.signal },
      });
      if ("failure" in dialled) return dialled.failure;
      const { socket } = dialled;
      return await unlessOver<HostOutcome>(probe({ socket, uri, database }), over.signal, { kind: "TimedOut" }).finally(
        () => socket.destroy(),
      );
    } finally {
      clearTimeout(timer);
      outer.removeEventListener("abort", stop);
      stop();
    }
  }
}

type ResolvedHost = HostAndPort & { addresses: readonly Address[] };
type Wanted = { uri: MongoUri; database: string };

/** The promise's value, or `instead` as soon as the signal is aborted; the promise's later outcome is then ignored. */
async function unlessOver<T>(promise: Promise<T>, signal: AbortSignal, instead: T): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => resolve(instead);
    if (signal.aborted) end();
    signal.addEventListener("abort", end);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
  });
}
