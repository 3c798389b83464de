/**
 * What a `mongodb+srv` connection string refers to: hosts in SRV records, and a few options in a TXT record.
 * The rules are those of MongoDB's "Initial DNS Seedlist Discovery" specification.
 */
import { Resolver } from "node:dns/promises";
import { Reason } from "#api/status";
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
  dnsServers?: readonly string[];
};

/** Resolves a `mongodb+srv` string; returns any other string as it is. Never rejects. */
export async function resolveSrv(uri: MongoUri, { signal, dnsServers }: SrvOptions): Promise<SrvOutcome> {
  if (uri.srv === undefined) return { kind: "Found", uri };
  const { host, serviceName } = uri.srv;
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  if (dnsServers !== undefined) resolver.setServers(dnsServers);
  const cancel = () => resolver.cancel();
  signal.addEventListener("abort", cancel);
  try {
    if (signal.aborted) return { kind: "TimedOut" };
    const [records, texts] = await Promise.all([
      resolver.resolveSrv(`_${serviceName}._tcp.${host}`),
      resolver.resolveTxt(host).catch((error: unknown) => {
        if (isAbsent(error)) return [];
        throw error;
      }),
    ]);
    const hosts = records.map(({ name, port }) => ({ host: name.toLowerCase().replace(/\.$/, ""), port }));
    return combine(uri, host, hosts, texts);
  } catch (error) {
    if (isAbsent(error)) return { kind: "NameNotFound" };
    const code = (error as NodeJS.ErrnoException).code;
    return { kind: code === "ETIMEOUT" || code === "ECANCELLED" ? "TimedOut" : "ResolveFailed" };
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOTFOUND" || code === "ENODATA";
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
  if (hosts.length === 0) return { kind: "NameNotFound" };
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
