/**
 * The full names that a name may stand for, in the order in which a workload's resolver tries them. Pure.
 *
 * It is what the kubelet writes into a Pod's /etc/resolv.conf (dnsPolicy ClusterFirst) that decides: `search <namespace>.svc.<domain>
 * svc.<domain> <domain>` and `options ndots:5`. A node's own search domains, which may come after these, are not known here. Those of
 * the operator's Pod are never used: a short name would lead to a Service beside the operator, and that would get the login.
 */
import { mayBeBelowNamespace } from "#api/check-namespace";

/** A name with so many dots is tried as it is first (resolv.conf(5), ndots). */
const NDOTS = 5;

export const DEFAULT_CLUSTER_DOMAIN = "cluster.local";

export type SearchOptions = {
  /** Of the AppSecret. Undefined: the name means the same in all namespaces. */
  namespace?: string | undefined;
  /** Of the cluster: cluster.local */
  clusterDomain: string;
  /** What stands before the host in the names that are looked up, with its dot: `_mongodb._tcp.` */
  prefix?: string;
};

/** @returns hosts without a dot at the end, and without the prefix; at least one */
export function searchOrder(host: string, { namespace, clusterDomain, prefix = "" }: SearchOptions): string[] {
  if (host.endsWith(".")) return [host.slice(0, -1)];
  const below = [
    ...(namespace !== undefined && mayBeBelowNamespace(host) ? [`${host}.${namespace}.svc.${clusterDomain}`] : []),
    `${host}.svc.${clusterDomain}`,
    `${host}.${clusterDomain}`,
  ];
  const dots = (prefix + host).split(".").length - 1;
  return dots >= NDOTS ? [host, ...below] : [...below, host];
}

/** @returns the cluster's domain, from the search list of a Pod (`svc.<domain>`); undefined for a resolv.conf of anything else */
export function clusterDomainOf(resolvConf: string): string | undefined {
  // The last search line counts (resolv.conf(5)).
  const list = [...resolvConf.matchAll(/^search[ \t]+(.+)$/gm)].at(-1)?.[1]?.trim().split(/\s+/) ?? [];
  const found = list.find((domain) => /^svc\../i.test(domain));
  return found?.slice("svc.".length).replace(/\.$/, "").toLowerCase();
}
