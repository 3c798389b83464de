/**
 * What a `mongodb+srv` connection string refers to: hosts in SRV records, and a few options in a TXT record.
 * The rules are those of MongoDB's "Initial DNS Seedlist Discovery" specification.
 */
import type { Resolver } from "node:dns/promises";
import { Reason } from "#api/status";
import { isAbsent, withResolver } from "../network/name-lookup.ts";
import { MAX_HOSTS } from "./hosts.ts";
import type { HostAndPort } from "./hosts.ts";
import type { Refusal } from "./refusal.ts";
import type { MongoUri } from "./uri.ts";

export type SrvOutcome =
  | { kind: "Found"; uri: MongoUri }
  /** The records break the rules, and drivers refuse them, too. */
  | { kind: "Refused"; refusal: Refusal }
  | { kind: "NameNotFound" }
  | { kind: "TimedOut" }
  | { kind: "ResolveFailed" };

/** What a TXT record may set, by the specification. */
const TXT_OPTIONS = ["authSource", "replicaSet", "loadBalanced"];

export type SrvOptions = {
  /** Ends the look-up, which then has timed out. */
  signal: AbortSignal;
  /** `address:port` of DNS servers. Default: those of the system. */
  dnsServers?: readonly string[] | undefined;
  /** The hosts that the string's host may stand for; `prefix` stands before it in the name of the SRV record. */
  searchOrder: (host: string, prefix: string) => readonly string[];
};

/** Resolves a `mongodb+srv` string; returns any other string as it is. Never rejects. */
export async function resolveSrv(uri: MongoUri, options: SrvOptions): Promise<SrvOutcome> {
  if (uri.srv === undefined) return { kind: "Found", uri };
  const { host, serviceName } = uri.srv;
  const prefix = `_${serviceName}._tcp.`;
  try {
    const found = await withResolver(options.dnsServers, options.signal, async (resolver) => {
      for (const candidate of options.searchOrder(host, prefix)) {
        options.signal.throwIfAborted();
        const records = await recordsOf(resolver, candidate, prefix);
        if (records !== undefined) return records;
      }
      return undefined;
    });
    return found === undefined ? { kind: "NameNotFound" } : combine(uri, host, found.hosts, found.texts);
  } catch (error) {
    const isLate = options.signal.aborted || (error as NodeJS.ErrnoException).code === "ETIMEOUT";
    return { kind: isLate ? "TimedOut" : "ResolveFailed" };
  }
}

/** @returns undefined if there is no SRV record */
async function recordsOf(resolver: Resolver, host: string, prefix: string) {
  const records = await resolver.resolveSrv(prefix + host).catch(noneIfAbsent);
  if (records.length === 0) return undefined;
  const texts = await resolver.resolveTxt(host).catch(noneIfAbsent);
  return { hosts: records.map(({ name, port }) => ({ host: name.toLowerCase().replace(/\.$/, ""), port })), texts };
}

function noneIfAbsent(error: unknown): never[] {
  if (isAbsent(error)) return [];
  throw error;
}

/** Pure: the string combined with its records. The string's own options win over the TXT record. */
function combine(
  uri: MongoUri,
  srvHost: string,
  hosts: readonly HostAndPort[],
  texts: readonly (readonly string[])[],
): SrvOutcome {
  const refuse = (message: string): SrvOutcome => ({
    kind: "Refused",
    refusal: { reason: Reason.RejectedURI, message },
  });
  if (!hosts.every(({ host }) => isUnderParent(host, srvHost))) {
    return refuse(
      "The connection string's SRV record names a host in another domain, which drivers refuse. Correct the record.",
    );
  }
  if (texts.length > 1)
    return refuse("The connection string's host has more than one TXT record, which drivers refuse. Leave only one.");
  const text = new URLSearchParams(texts[0]?.join("") ?? "");
  const isAllowed = [...text].every(([name, value]) => TXT_OPTIONS.includes(name) && value !== "");
  if (!isAllowed || new Set(text.keys()).size !== [...text].length) {
    return refuse(
      `The TXT record of the connection string's host contains something other than ${TXT_OPTIONS.join(", ")}, or one of them twice. Drivers refuse it: correct the record.`,
    );
  }
  const authSource = uri.authSource ?? text.get("authSource");
  const replicaSet = uri.replicaSet ?? text.get("replicaSet");
  const loadBalanced = uri.loadBalanced || text.get("loadBalanced") === "true";
  if (loadBalanced && (hosts.length > 1 || replicaSet !== null)) {
    return refuse("The option loadBalanced allows one host only, and no replicaSet.");
  }
  return {
    kind: "Found",
    uri: {
      ...uri,
      // A sharded cluster may have hundreds, and each of them leads to all shards.
      hosts: hosts.slice(0, MAX_HOSTS),
      loadBalanced,
      ...(authSource !== null && { authSource }),
      ...(replicaSet !== null && { replicaSet }),
    },
  };
}

/**
 * Whether `host` lies in the parent domain of `srvHost`, or below `srvHost` itself where that has fewer than three
 * labels. Without this rule, anyone who can forge one DNS answer could collect logins.
 */
function isUnderParent(host: string, srvHost: string): boolean {
  const labels = srvHost.replace(/\.$/, "").split(".");
  const domain = labels.length < 3 ? labels : labels.slice(1);
  return host.endsWith(`.${domain.join(".")}`);
}
