/**
 * The addresses of a name, as the workload would get them: from /etc/hosts, or else from DNS with the search list of the AppSecret's
 * namespace.
 *
 * By c-ares and not by getaddrinfo, which knows only the search list of the operator's own Pod, cannot be cancelled, and holds a
 * thread for as long as a DNS server is silent. Each look-up has sockets of its own and ends with its signal, so that a server that
 * does not answer delays only the check that asks it.
 */
import { Resolver } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";
import type { Address } from "./addresses.ts";
import { clusterDomainOf, DEFAULT_CLUSTER_DOMAIN, searchOrder } from "./name-lookup-search.ts";

/**
 * @throws an error with one of the codes of node:dns: ENOTFOUND and ENODATA say that there is no such name or that it has no address,
 *   any other that nothing is known
 */
export type NameLookup = (name: string, options: NameLookupOptions) => Promise<readonly Address[]>;

export type NameLookupOptions = {
  /** Of the AppSecret, if the name may mean something else in each. */
  namespace?: string | undefined;
  /** Ends the look-up. */
  signal: AbortSignal;
};

export type NameLookupSettings = {
  clusterDomain: string;
  /** `address:port` of DNS servers. Default: those in /etc/resolv.conf, which is read for each look-up. */
  dnsServers?: readonly string[] | undefined;
};

/** For each attempt with a DNS server, in milliseconds, and how often each is tried. c-ares doubles the time of the second. */
const ATTEMPT_MS = 1_500;
const TRIES = 2;
/** When one of A and AAAA has answered, the other gets so long: some DNS servers drop what they do not know. */
const OTHER_FAMILY_MS = 1_000;

export function createNameLookup(settings: NameLookupSettings): NameLookup {
  const { clusterDomain, dnsServers } = settings;
  return async (name, { namespace, signal }) => {
    const known = addressesInHosts(readIfThere("/etc/hosts"), name, hostname());
    if (known.length > 0) return known;
    // One resolver for all of them, because it remembers which DNS server did not answer.
    const found = await withResolver(dnsServers, signal, async (resolver) => {
      for (const candidate of searchOrder(name, { namespace, clusterDomain })) {
        signal.throwIfAborted();
        const addresses = await addressesOf(resolver, candidate);
        if (addresses.length > 0) return addresses;
      }
      return undefined;
    });
    if (found !== undefined) return found;
    throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  };
}

/** The cluster's domain as this Pod's /etc/resolv.conf tells it. */
export function clusterDomainOfSystem(): string {
  return clusterDomainOf(readIfThere("/etc/resolv.conf")) ?? DEFAULT_CLUSTER_DOMAIN;
}

/** Runs `work` with a resolver that has no search list; when the signal is aborted, its look-ups fail with ECANCELLED. */
export async function withResolver<T>(
  dnsServers: readonly string[] | undefined,
  signal: AbortSignal,
  work: (resolver: Resolver) => Promise<T>,
): Promise<T> {
  const resolver = new Resolver({ timeout: ATTEMPT_MS, tries: TRIES });
  if (dnsServers !== undefined) resolver.setServers(dnsServers);
  const cancel = () => resolver.cancel();
  signal.addEventListener("abort", cancel);
  try {
    signal.throwIfAborted();
    return await work(resolver);
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** Whether DNS says that there is no such name, or no such record: other errors prove nothing. EBADNAME: no name can be so. */
export function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOTFOUND" || code === "ENODATA" || code === "EBADNAME";
}

/**
 * None if DNS says so. IPv4 first: where there is no route for IPv6, that saves an attempt.
 *
 * One family is enough, whatever becomes of the other. Without an address, a family that failed leaves the answer open.
 */
async function addressesOf(resolver: Resolver, name: string): Promise<Address[]> {
  let other: NodeJS.Timeout | undefined;
  const limit = (addresses: readonly string[]): readonly string[] => {
    if (addresses.length > 0) other ??= setTimeout(() => resolver.cancel(), OTHER_FAMILY_MS);
    return addresses;
  };
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(name).then(limit), resolver.resolve6(name).then(limit)]);
  clearTimeout(other);
  const found: Address[] = [
    ...(v4.status === "fulfilled" ? v4.value : []).map((address) => ({ address, family: 4 as const })),
    ...(v6.status === "fulfilled" ? v6.value : []).map((address) => ({ address, family: 6 as const })),
  ];
  if (found.length > 0) return found;
  for (const answer of [v4, v6]) {
    if (answer.status === "rejected" && !isAbsent(answer.reason)) throw answer.reason;
  }
  return [];
}

/**
 * The entries of a hosts file (hosts(5)) for exactly this name. In a Pod these are localhost, the entries that its `hostAliases` add,
 * and the Pod's own name, which no other Pod knows: so that one does not count.
 *
 * @param ownName of this Pod
 */
export function addressesInHosts(hosts: string, name: string, ownName: string): Address[] {
  const wanted = name.toLowerCase().replace(/\.$/, "");
  if (wanted === ownName.toLowerCase()) return [];
  const found: Address[] = [];
  for (const line of hosts.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const family = isIP(address);
    if ((family !== 4 && family !== 6) || !names.some((one) => one.toLowerCase() === wanted)) continue;
    if (!found.some((one) => one.address === address)) found.push({ address, family });
  }
  return found;
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
