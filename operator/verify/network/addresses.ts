/**
 * The kind of an address. Pure: no look-ups, no settings.
 *
 * Ranges: the IANA special-purpose address registries (RFC 6890 and its updates), and the metadata services of the cloud
 * providers, which give a node's credentials to anyone who can connect. `net.BlockList` does the arithmetic. One list for each
 * family, because a v6 rule of a BlockList also matches v4 addresses (as ::ffff:a.b.c.d): ::/0 would match all.
 */
import { BlockList, isIP } from "node:net";

/** A literal, without brackets, with or without a zone. */
export type Address = { address: string; family: 4 | 6 };

/**
 * - `forbidden`: never dialled, whatever the flags say
 * - `loopback`: this very Pod
 * - `private`: the cluster's own network and those around it
 * - `public`: the rest
 */
export type AddressKind = "forbidden" | "loopback" | "private" | "public";

const FORBIDDEN = ranges(
  "0.0.0.0/8", // "this network"; Linux takes 0.0.0.0 for loopback
  "169.254.0.0/16", // link-local, and in it the metadata services of nearly every cloud
  "100.100.100.200/32", // metadata: Alibaba Cloud
  "168.63.129.16/32", // Azure's wire server
  "192.0.0.0/24", // protocol assignments (RFC 6890); metadata: Oracle Cloud (192.0.0.192)
  "192.0.2.0/24", // documentation (RFC 5737), as the next two
  "198.51.100.0/24",
  "203.0.113.0/24",
  "192.88.99.0/24", // 6to4 relays, withdrawn (RFC 7526)
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, and 255.255.255.255
  "fe80::/10", // link-local
  "ff00::/8", // multicast
  "fd00:ec2::/32", // metadata: AWS, also its Pod identities
  "fd20:ce::/32", // metadata: Google Cloud
  "fd00:c1::/32", // metadata: Oracle Cloud
  "fd00:42::42/128", // metadata: Scaleway
  "fd00:100::100:200/128", // metadata: Alibaba Cloud
  "fd00:a9fe:a9fe::1/128", // metadata: Akamai (Linode)
  "2001:db8::/32", // documentation (RFC 3849, RFC 9637)
  "3fff::/20",
  "2001::/23", // protocol assignments (RFC 2928); Teredo, a part of it, is judged by the addresses that it embeds
);
const LOOPBACK = ranges("127.0.0.0/8", "::1/128");
const PRIVATE = ranges(
  "10.0.0.0/8", // RFC 1918, as the next two
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10", // carrier-grade NAT (RFC 6598), the Pod network of some clouds
  "198.18.0.0/15", // benchmarks (RFC 2544); some networks use it as their own
  "fc00::/7", // unique local (RFC 4193)
  "fec0::/10", // site-local, deprecated (RFC 3879)
);
/** All of IPv6 that is assigned (RFC 4291 §2.4). An address outside of it and of the ranges above is reserved. */
const GLOBAL_UNICAST = ranges("2000::/3");

/** Names of metadata services. Their addresses are forbidden anyway, but a proxy would resolve the names itself. */
const METADATA_NAMES = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "instance-data",
  "instance-data.ec2.internal",
  "metadata.tencentyun.com",
  "metadata.azure.internal",
]);

/** @param address a literal, without brackets, with or without a zone */
export function kindOf(address: string): AddressKind {
  const kinds = addressesToJudge(address).map(kindOfOne);
  return SEVEREST_FIRST.find((kind) => kinds.includes(kind)) ?? "public";
}
const SEVEREST_FIRST: readonly AddressKind[] = ["forbidden", "loopback", "private"];

function kindOfOne(address: string): AddressKind {
  if (FORBIDDEN.has(address)) return "forbidden";
  if (LOOPBACK.has(address)) return "loopback";
  if (PRIVATE.has(address)) return "private";
  return isIP(address) === 4 || GLOBAL_UNICAST.has(address) ? "public" : "forbidden";
}

/** The kind of a name that is known without a look-up: `undefined` for nearly all names. */
export function kindOfName(name: string): AddressKind | undefined {
  const bare = name.toLowerCase().replace(/\.$/, "");
  if (METADATA_NAMES.has(bare)) return "forbidden";
  // RFC 6761 §6.3: these are loopback, whatever a resolver or a proxy answers.
  return bare === "localhost" || bare.endsWith(".localhost") ? "loopback" : undefined;
}

/**
 * The addresses that decide: the IPv4 address for an IPv6 address that only wraps one (a gateway on the way, or the kernel,
 * unwraps it), otherwise the address itself.
 */
export function addressesToJudge(address: string): string[] {
  if (isIP(address) === 4) return [address];
  const bytes = addressBytes(address);
  const v4 = (at: number): string => [...bytes.subarray(at, at + 4)].join(".");
  const begins = (hex: string): boolean => bytes.toString("hex").startsWith(hex);
  const canonical = canonicalIPv6(address);
  // IPv4-mapped (RFC 4291 §2.5.5.2), translated (RFC 2765 §2.1), and NAT64 (RFC 6052 §2.1)
  if (begins("0".repeat(20) + "ffff") || begins("0".repeat(16) + "ffff0000") || begins("0064ff9b" + "0".repeat(16))) {
    return [v4(12)];
  }
  // IPv4-compatible (RFC 4291 §2.5.5.1): all but :: and ::1
  if (begins("0".repeat(24)) && canonical !== "::" && canonical !== "::1") return [v4(12)];
  // 6to4 (RFC 3056 §2)
  if (begins("2002")) return [v4(2)];
  // Teredo (RFC 4380 §4): the server, and the client with its bits inverted
  if (begins("20010000")) {
    return [v4(4), [...bytes.subarray(12)].map((byte) => byte ^ 0xff).join(".")];
  }
  // ISATAP (RFC 5214 §6.1): in the interface identifier, under any prefix
  if (/^0[02]005efe$/.test(bytes.subarray(8, 12).toString("hex"))) return [canonical, v4(12)];
  return [canonical];
}

/**
 * A host as it is dialled: an address for every way to write one (2130706433, 0x7f.1, 127.1, [::1]), otherwise the name in lower
 * case and ASCII. The WHATWG URL parser decides, which undici and fetch use, too.
 *
 * @returns undefined for a text that is not a host
 */
export function normaliseHost(host: string): string | undefined {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  // A URL parser does not accept zones. An address with one is link-local, or does not need it.
  const literal = bare.replace(/%[\w.~-]+$/, "");
  if (isIP(literal) === 6) return canonicalIPv6(literal);
  // A character that a URL parser reads as another part of the URL, or drops, would make it another host.
  if (/[\s/?#@:\\[\]\x00-\x1f\x7f]/.test(bare)) return undefined;
  return URL.parse(`https://${bare}/`)?.hostname;
}

/** The 4 or 16 bytes of an address. */
export function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = canonicalIPv6(address).split("::");
  const groups = (text: string | undefined): string[] => (text ? text.split(":") : []);
  const left = groups(head);
  const right = groups(tail);
  const zeros = Array<string>(8 - left.length - right.length).fill("0");
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, "0")).join(""), "hex");
}

/** As RFC 5952 writes it, but always in hexadecimal, and without a zone. */
function canonicalIPv6(address: string): string {
  return new URL(`https://[${address.replace(/%.*$/, "")}]/`).hostname.slice(1, -1);
}

/** A set of addresses. */
export type AddressRanges = {
  /** @param address a literal, without brackets and zone */
  has(address: string): boolean;
};

/**
 * @param cidrs each as `parseCidr` takes it
 * @throws TypeError for a text that it does not take
 */
export function ranges(...cidrs: readonly string[]): AddressRanges {
  const lists = { 4: new BlockList(), 6: new BlockList() };
  for (const cidr of cidrs) {
    const parsed = parseCidr(cidr);
    if (parsed === undefined) throw new TypeError("not an address range");
    lists[parsed.family].addSubnet(parsed.address, parsed.prefix, parsed.family === 4 ? "ipv4" : "ipv6");
  }
  return {
    has: (address) => (isIP(address) === 4 ? lists[4].check(address) : lists[6].check(address, "ipv6")),
  };
}

export type Cidr = { address: string; prefix: number; family: 4 | 6 };

/**
 * Reads `10.0.0.0/8`, `fd00::/8`, or one address such as `10.1.2.3`. Bits after the prefix must be zero: 10.1.2.3/8 is most likely
 * a mistake, and a mistake here opens a network. An IPv4-mapped range is read as the IPv4 one.
 *
 * @returns undefined for anything else
 */
export function parseCidr(text: string): Cidr | undefined {
  const [, address = "", digits] = /^([0-9a-fA-F.:]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? [];
  const family = isIP(address);
  if (family !== 4 && family !== 6) return undefined;
  const bits = family === 4 ? 32 : 128;
  const prefix = digits === undefined ? bits : Number(digits);
  if (prefix > bits) return undefined;
  const bytes = addressBytes(address);
  const binary = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  if (binary.slice(prefix).includes("1")) return undefined;
  if (family === 6 && prefix >= 96 && bytes.toString("hex").startsWith("0".repeat(20) + "ffff")) {
    return { address: [...bytes.subarray(12)].join("."), prefix: prefix - 96, family: 4 };
  }
  return { address: family === 4 ? address : canonicalIPv6(address), prefix, family };
}
