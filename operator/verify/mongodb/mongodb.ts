/**
 * The live check of a MongoDB server: does the connection string log in, and may the user work in the named database?
 *
 * No driver is involved. The operator parses the string (uri.ts), looks its names up (srv.ts, egress), dials its hosts one
 * after another until one gives a definite answer (network/dial.ts), and talks to each over a single connection (probe.ts). It
 * never dials a host that a server announces. Why there is no driver: docs/decisions/mongodb-client.md.
 */
import type { MongoSubject, Verdict } from "#api/check";
import { EgressError } from "../network/egress.ts";
import type { Address, Egress } from "../network/egress.ts";
import { dial } from "../network/dial.ts";
import { probe } from "./probe.ts";
import { jitter } from "#common/jitter";
import { resolveSrv } from "./srv.ts";
import type { SrvOutcome } from "./srv.ts";
import { no } from "../verdict.ts";
import { isLocal } from "./hosts.ts";
import type { HostAndPort } from "./hosts.ts";
import { excuse } from "./trust.ts";
import { parseMongoUri } from "./uri.ts";
import type { MongoUri } from "./uri.ts";
import { isFinal, notDialled, summarize, verdictOf, withDoubts, withHint } from "./verdicts.ts";
import type { HostOutcome } from "./verdicts.ts";

export type MongoCheckOptions = {
  egress: Egress;
  /** The most that the whole check may take, with all hosts. */
  timeoutMs?: number;
  /** For a TCP and TLS connection to one host. */
  connectTimeoutMs?: number;
  /** `address:port` of the DNS servers for SRV and TXT records. Default: those of the system. */
  dnsServers?: readonly string[];
};

export type MongoCheck = (subject: MongoSubject, options: { signal: AbortSignal }) => Promise<Verdict>;

/** Enough for a handshake with a server on another continent, however long the list of hosts. */
const MIN_HOST_MS = 1_000;

/**
 * @returns a check that keeps no connection. `signal` ends it at once; the verdict is then Silence.
 *
 * @example
 * const check = createMongoCheck({ egress });
 * const verdict = await check({ kind: "MongoDB", uri, database: "orders" }, { signal });
 */
export function createMongoCheck(options: MongoCheckOptions): MongoCheck {
  const { egress, timeoutMs: mostMs = 10_000, connectTimeoutMs = 5_000, dnsServers } = options;

  return async function check({ uri: text, database, namespace }, { signal }) {
    const parsed = parseMongoUri(text);
    if ("refusal" in parsed) return no(parsed.refusal.reason, parsed.refusal.message);
    const { doubts } = parsed;
    if (doubts.reach === "Nothing" || (parsed.srv === undefined && parsed.hosts.length === 0))
      return notDialled(doubts);

    const timeoutMs = jitter(mostMs);
    const deadline = performance.now() + timeoutMs;
    return withTimeLimit(timeoutMs, signal, async (over) => {
      const searchOrder = (host: string, prefix: string) => egress.searchOrder(host, { namespace, prefix });
      const found = await resolveSrv(parsed, { signal: over, dnsServers, searchOrder });
      if (found.kind !== "Found") return srvVerdict(found);
      const verdict = await checkHosts(found.uri, { database, namespace }, deadline, over);
      return withHint(withDoubts(verdict, doubts), parsed.loginHint);
    });
  };

  function srvVerdict(found: Exclude<SrvOutcome, { kind: "Found" }>): Verdict {
    return found.kind === "Refused" ? no(found.refusal.reason, found.refusal.message) : verdictOf(found);
  }

  async function checkHosts(
    uri: MongoUri,
    { database, namespace }: { database: string; namespace: string | undefined },
    deadline: number,
    signal: AbortSignal,
  ): Promise<Verdict> {
    // All of them first: if the list has one forbidden address, the operator connects to none of it.
    const resolved = await Promise.all(uri.hosts.map((host) => resolveHost(host, { namespace, signal })));
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

  async function resolveHost(
    { host, port }: HostAndPort,
    { namespace, signal }: { namespace: string | undefined; signal: AbortSignal },
  ): Promise<ResolvedHost | HostOutcome> {
    const addresses = egress.resolve(host, { namespace, signal }).then(
      (found) => ({ host, port, addresses: found }),
      (error: unknown): HostOutcome => {
        if (!(error instanceof EgressError) || error.code === "ResolveFailed") return { kind: "ResolveFailed" };
        return error.code === "NameNotFound" ? { kind: error.code } : { kind: error.code, message: error.message };
      },
    );
    const outcome = await unlessOver<ResolvedHost | HostOutcome>(addresses, signal, { kind: "TimedOut" });
    // Where the flags let the operator connect to its own host, it is a person's computer and the application is there, too.
    return "kind" in outcome && outcome.kind !== "TimedOut" && isLocal(host) ? { kind: "Local" } : outcome;
  }

  async function checkHost(wanted: ResolvedHost & Wanted, timeoutMs: number, outer: AbortSignal): Promise<HostOutcome> {
    const { uri, database, host, port, addresses } = wanted;
    return withTimeLimit(timeoutMs, outer, async (signal) => {
      const dialled = await dial({
        ...{ host, port, addresses, tls: uri.tls, secureContext: egress.secureContext },
        ...{ timeoutMs: Math.min(timeoutMs, connectTimeoutMs), signal },
      });
      if ("failure" in dialled) return excused(dialled.failure, uri);
      const { socket } = dialled;
      const outcome = probe({ socket, uri, database }).then((said) => excused(said, uri));
      return unlessOver(outcome, signal, { kind: "TimedOut" }).finally(() => socket.destroy());
    });
  }
}

function excused(outcome: HostOutcome, { ownTrust }: MongoUri): HostOutcome {
  const why = outcome.kind === "TlsFailed" ? excuse(outcome, ownTrust) : undefined;
  return why === undefined ? outcome : { kind: "TlsUnchecked", why };
}

type ResolvedHost = HostAndPort & { addresses: readonly Address[] };
type Wanted = { uri: MongoUri; database: string };

/** Gives the work a signal, which is aborted when the time is up, the outer one is aborted, or the work is done. */
async function withTimeLimit<T>(
  timeoutMs: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const stop = () => over.abort();
  const timer = setTimeout(stop, timeoutMs);
  outer.addEventListener("abort", stop);
  if (outer.aborted) stop();
  try {
    return await work(over.signal);
  } finally {
    clearTimeout(timer);
    outer.removeEventListener("abort", stop);
    stop();
  }
}

/** The promise's value, or `instead` as soon as the signal is aborted; the promise's later outcome is then ignored. */
async function unlessOver<T>(promise: Promise<T>, signal: AbortSignal, instead: T): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => resolve(instead);
    if (signal.aborted) end();
    signal.addEventListener("abort", end);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", end));
  });
}
