/** The hosts of a connection string. */
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { badUri } from "./refusal.ts";
import type { DoubtCollector } from "./refusal.ts";

export type HostAndPort = { host: string; port: number };

/** The seed list of a large sharded cluster; each host costs a look-up and perhaps a connection. */
export const MAX_HOSTS = 20;

const DEFAULT_PORT = 27_017;
/** Percent-encoded or not, drivers take a host that ends like this for the path of a socket. */
const SOCKET = /(\.|%2e)sock$/i;
const PORT = /:(\d*)$/;
const ZONE = /%25[^\]]*\]/;
/** A host of which every container has its own. */
const LOCAL = /^((.*\.)?localhost\.?|127(\.\d+){3}|0\.0\.0\.0|\[[0:]+1?\])$/;

/**
 * @param entries as they are written, each in the form that the grammar allows
 * @returns each host once, in lower case and ASCII, as it is looked up
 * @throws Refused when a name cannot exist
 */
export function readHosts(entries: readonly string[], doubts: DoubtCollector): HostAndPort[] {
  const hosts = new Map<string, HostAndPort>();
  for (const entry of entries) {
    if (SOCKET.test(entry)) {
      doubts.add("a Unix socket exists only in the application's container");
      continue;
    }
    if (ZONE.test(entry)) {
      doubts.add("an IPv6 address with a zone means something only where the application runs");
      continue;
    }
    const digits = PORT.exec(entry)?.[1];
    if (digits === "") doubts.add("a colon without a port, which some drivers refuse");
    const port = digits ? Number(digits) : DEFAULT_PORT;
    const host = inAscii(entry.replace(PORT, ""));
    if (host === undefined) {
      throw badUri("The connection string has a host that is neither a name nor an IP address. Correct it.");
    }
    hosts.set(`${host}:${port}`, { host, port });
  }
  if (hosts.size > MAX_HOSTS) doubts.add(`of its hosts the check looks at ${MAX_HOSTS} only`);
  return [...hosts.values()].slice(0, MAX_HOSTS);
}

/** Undefined for what is no host, and for an address in letters of another script. */
function inAscii(name: string): string | undefined {
  if (name.startsWith("[")) return isIP(name.slice(1, -1)) === 6 ? name.toLowerCase() : undefined;
  if (/^[\x21-\x7e]*$/.test(name)) return name.toLowerCase() || undefined;
  const ascii = domainToASCII(name);
  return isIP(ascii) === 0 && ascii !== "" ? ascii : undefined;
}

/** The application's own container, or its Pod: another one than the operator's. */
export function isLocal(host: string): boolean {
  return LOCAL.test(host);
}
