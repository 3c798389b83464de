/**
 * The live check of a MongoDB server: can the connection string be used to log in and to work in the named database?
 *
 * The string is read by us (uri.ts), its names are looked up by us (srv.ts, egress), and its hosts are dialled by us
 * (dial.ts), one after another, until one gives a definite answer. What happens on such a connection is the driver's
 * part (driver.ts), which sees nothing but a relay on loopback (relay.ts). Hosts that a server announces are never dialled.
 */
import { isIP } from "node:net";
import type { MongoSubject, Verdict } from "#api/check";
import { EgressError } from "../network/egress.ts";
import type { Address, Egress } from "../network/egress.ts";
import { dial } from "./dial.ts";
import { ask } from "./driver.ts";
import { openRelay } from "./relay.ts";
import { jitter } from "#common/jitter";
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

    const timeoutMs = jitter(mostMs);
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

  async function checkHost(asked: ResolvedHost & Asked, timeMs: number, outer: AbortSignal): Promise<HostOutcome> {
    const { uri, database, host, port, addresses } = asked;
    const over = new AbortController();
    const stop = () => over.abort();
    const timer = setTimeout(stop, timeMs);
    outer.addEventListener("abort", stop);
    if (outer.aborted) stop();
    const dialling = { host, port, tls: uri.tls, secureContext: egress.secureContext, signal: over.signal };
    const dialOne = (of: readonly Address[]) =>
      dial({ ...dialling, addresses: of, timeoutMs: Math.min(timeMs, connectTimeoutMs) });
    try {
      const first = await dialOne(addresses);
      if ("failure" in first) return first.failure;
      // The server that was heard gets the login, and not whatever else the name leads to when that one hangs up.
      const address = first.socket.remoteAddress ?? "";
      const relay = await openRelay(first.socket, () => dialOne([{ address, family: isIP(address) === 6 ? 6 : 4 }]));
      over.signal.addEventListener("abort", () => relay.close());
      if (over.signal.aborted) relay.close();
      const answer = ask({
        port: relay.port,
        uri,
        database,
        timeoutMs: timeMs,
        cut: () => relay.close(),
        broken: () => relay.broken,
      });
      return await unlessOver(answer, over.signal, { kind: "TimedOut" }).finally(() => relay.close());
    } finally {
      clearTimeout(timer);
      outer.removeEventListener("abort", stop);
      stop();
    }
  }
}

type ResolvedHost = HostAndPort & { addresses: readonly Address[] };
type Asked = { uri: MongoUri; database: string };

/** What the promise gives, or `instead` once the signal is aborted. The promise must not reject. */
async function unlessOver<T>(promise: Promise<T>, signal: AbortSignal, instead: T): Promise<T> {
  if (signal.aborted) return instead;
  return new Promise((resolve) => {
    const end = () => resolve(instead);
    signal.addEventListener("abort", end);
    void promise.then((value) => {
      signal.removeEventListener("abort", end);
      resolve(value);
    });
  });
}
