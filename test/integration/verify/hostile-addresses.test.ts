/**
 * Hosts that a stranger may write into a spec, and that must not be dialled. Each is fetched as a JWKS with the default
 * settings. The promise is a refusal, and that undici never began to connect.
 */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Address, EgressOptions } from "#verify/network/egress";
import { createHttpClient } from "#verify/network/http";
import { egressFor } from "#support/verify/egress";
import { refusingPort } from "#support/verify/refusing";

let dials = 0;
const count = (): void => void (dials += 1);
test.before(() => subscribe("undici:client:beforeConnect", count));
test.after(() => void unsubscribe("undici:client:beforeConnect", count));
test.before.each(() => void (dials = 0));

const everything = { allow: ["0.0.0.0/0", "::/0"] };

function answers(...addresses: string[]): () => Promise<Address[]> {
  return async () => addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
}

async function fetched(host: string, options: EgressOptions): Promise<string> {
  const http = createHttpClient(egressFor("JWKS", { lookup: answers("93.184.216.34"), ...options }));
  const outcome = await http.get({
    ...{ url: `https://${host}/keys`, maxBytes: 1_000, timeoutMs: 20_000, maxRedirects: 0 },
  });
  await http.close();
  return outcome.kind === "AddressRefused" ? outcome.message : outcome.kind;
}

/** Refused by default, dialled when the flag names it. */
const LOOPBACK: [name: string, host: string][] = [
  ["a loopback address", "127.0.0.1"],
  ["a loopback address at the far end of its range", "127.255.255.254"],
  ["a loopback address with a trailing dot", "127.0.0.1."],
  ["localhost", "localhost"],
  ["LOCALHOST in capitals", "LOCALHOST"],
  ["localhost with a trailing dot", "localhost."],
  ["a name below localhost", "keys.localhost"],
  ["localhost in circled letters", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ"],
  ["loopback as one decimal number", "2130706433"],
  ["loopback as one octal number", "017700000001"],
  ["loopback as one hexadecimal number", "0x7f000001"],
  ["loopback with an octal part", "0177.0.0.1"],
  ["loopback with a hexadecimal part", "0x7f.0.0.1"],
  ["loopback in two parts", "127.1"],
  ["loopback in two parts, one hexadecimal", "0x7f.1"],
  ["loopback in three parts", "127.0.1"],
  ["loopback in full-width digits", "１２７.0.0.1"],
  ["loopback in circled digits", "①②⑦.⓪.⓪.①"],
  ["loopback percent-encoded", "%31%32%37.0.0.1"],
  ["loopback with an ideographic full stop", "127。0。0。1"],
  ["IPv6 loopback", "[::1]"],
  ["IPv6 loopback in full", "[0000:0000:0000:0000:0000:0000:0000:0001]"],
  ["IPv4-mapped loopback", "[::ffff:127.0.0.1]"],
  ["IPv4-mapped loopback in hexadecimal", "[::ffff:7f00:1]"],
  ["IPv4-compatible loopback", "[::127.0.0.1]"],
  ["IPv4-translated loopback", "[::ffff:0:127.0.0.1]"],
  ["loopback behind NAT64", "[64:ff9b::7f00:1]"],
  ["loopback behind 6to4", "[2002:7f00:1::1]"],
];

const PRIVATE: [name: string, host: string][] = [
  ["a private address of 10/8", "10.0.0.1"],
  ["the first private address of 172.16/12", "172.16.0.0"],
  ["the last private address of 172.16/12", "172.31.255.255"],
  ["a private address of 192.168/16", "192.168.1.1"],
  ["a private address as one decimal number", "167772161"],
  ["a private address with octal parts", "012.0.0.01"],
  ["a carrier-grade NAT address", "100.64.0.1"],
  ["a benchmarking address", "198.18.0.1"],
  ["a unique local IPv6 address", "[fd12:3456:789a::1]"],
  ["a site-local IPv6 address", "[fec0::1]"],
  ["an IPv4-mapped private address", "[::ffff:10.0.0.1]"],
  ["an IPv4-compatible private address", "[::192.168.1.1]"],
  ["a private address behind NAT64", "[64:ff9b::10.0.0.1]"],
  ["a private address behind 6to4", "[2002:c0a8:101::1]"],
  ["a private address in a Teredo client", "[2001:0:808:808::f5ff:fffe]"],
  ["a private address as Teredo server", "[2001:0:a00:1::f7f7:f7f7]"],
  ["a private address in an ISATAP interface", "[2606:4700::5efe:10.0.0.1]"],
];

/** Refused whatever the flags say. */
const FORBIDDEN: [name: string, host: string][] = [
  ["the metadata address of most clouds", "169.254.169.254"],
  ["the metadata address as one decimal number", "2852039166"],
  ["the metadata address as one hexadecimal number", "0xa9fea9fe"],
  ["the metadata address in octal", "0251.0376.0251.0376"],
  ["the metadata address in mixed notation", "0xa9.254.0251.254"],
  ["the metadata address, IPv4-mapped", "[::ffff:169.254.169.254]"],
  ["the metadata address, IPv4-mapped in hexadecimal", "[::ffff:a9fe:a9fe]"],
  ["the metadata address, IPv4-compatible", "[::a9fe:a9fe]"],
  ["the metadata address behind NAT64", "[64:ff9b::a9fe:a9fe]"],
  ["the metadata address behind a local NAT64", "[64:ff9b:1::a9fe:a9fe]"],
  ["the metadata address behind 6to4", "[2002:a9fe:a9fe::]"],
  ["the metadata address in a Teredo client", "[2001:0:808:808::5601:5601]"],
  ["the metadata address in an ISATAP interface", "[2606:4700::200:5efe:a9fe:a9fe]"],
  ["the credentials of an ECS task", "169.254.170.2"],
  ["the credentials of an EKS Pod", "169.254.170.23"],
  ["the metadata address of AWS over IPv6", "[fd00:ec2::254]"],
  ["the metadata address of Google over IPv6", "[fd20:ce::254]"],
  ["the metadata address of Oracle over IPv6", "[fd00:c1::a9fe:a9fe]"],
  ["the metadata address of Akamai over IPv6", "[fd00:a9fe:a9fe::1]"],
  ["the metadata address of Alibaba", "100.100.100.200"],
  ["the metadata address of Alibaba over IPv6", "[fd00:100::100:200]"],
  ["the metadata address of Oracle", "192.0.0.192"],
  ["the wire server of Azure", "168.63.129.16"],
  ["the metadata name of Google", "metadata.google.internal"],
  ["the metadata name of Google with a trailing dot", "Metadata.Google.Internal."],
  ["the unspecified address", "0.0.0.0"],
  ["the unspecified address as one number", "0"],
  ["the unspecified IPv6 address", "[::]"],
  ["a link-local IPv6 address", "[fe80::1]"],
  ["the last link-local IPv6 address", "[febf:ffff::1]"],
  ["a multicast address", "224.0.0.1"],
  ["an IPv6 multicast address", "[ff02::1]"],
  ["a reserved address", "240.0.0.1"],
  ["the broadcast address", "255.255.255.255"],
  ["a documentation address", "192.0.2.1"],
  ["an IPv6 documentation address", "[2001:db8::1]"],
  ["the IPv6 discard prefix", "[100::1]"],
  ["an IPv6 address that nobody was given", "[4000::1]"],
];

for (const [name, host] of LOOPBACK) {
  test(`not dialled: ${name}`, async () => {
    assert.match(await fetched(host, {}), /a loopback address.*--egress-allow/);
    assert.is(dials, 0);
  });
}
for (const [name, host] of PRIVATE) {
  test(`not dialled: ${name}`, async () => {
    assert.match(await fetched(host, {}), /a private address.*a login provider.*--egress-allow/);
    assert.is(dials, 0);
  });
}
for (const [name, host] of FORBIDDEN) {
  test(`never dialled, whatever is allowed: ${name}`, async () => {
    assert.match(await fetched(host, everything), /never connects to/);
    assert.is(dials, 0);
  });
}

const NAMES: [name: string, addresses: string[], refusal: RegExp][] = [
  ["the metadata address", ["169.254.169.254"], /never connects to/],
  ["the metadata address, IPv4-mapped", ["::ffff:169.254.169.254"], /never connects to/],
  ["a link-local address with a zone", ["fe80::1%eth0"], /never connects to/],
  ["the unspecified address", ["0.0.0.0"], /never connects to/],
  ["loopback", ["127.0.0.1"], /a loopback address/],
  ["IPv6 loopback", ["::1"], /a loopback address/],
  ["a private address", ["10.1.2.3"], /a private address/],
  ["a unique local address", ["fd00::1"], /a private address/],
  ["a private address behind NAT64", ["64:ff9b::10.1.2.3"], /a private address/],
  ["a public address first and a private one second", ["93.184.216.34", "10.1.2.3"], /a private address/],
  ["a public IPv4 address and IPv6 loopback", ["93.184.216.34", "::1"], /a loopback address/],
  [
    "fifty public addresses and the metadata one",
    [...Array<string>(50).fill("93.184.216.34"), "169.254.169.254"],
    /never/,
  ],
];
for (const [name, addresses, refusal] of NAMES) {
  test(`not dialled: a name that resolves to ${name}`, async () => {
    const told = await fetched("id.example.com", { lookup: answers(...addresses) });
    assert.match(told, refusal);
    assert.is(dials, 0);
    for (const address of addresses) assert.not.match(told, address);
  });
}

for (const host of ["127.0.0.1", "2130706433", "127.1", "[::1]"]) {
  test(`dialled when --egress-allow names it: ${host}`, async () => {
    const told = await fetched(`${host}:${await refusingPort()}`, { allow: ["127.0.0.0/8", "::1"] });
    assert.is(dials, 1);
    assert.ok(["ConnectionRefused", "Unreachable"].includes(told), told);
  });
}

test("not dialled: a public address that --egress-deny names, though --egress-allow does too", async () => {
  const options = { allow: ["93.184.216.0/24"], deny: ["93.184.216.34"] };
  assert.match(await fetched("93.184.216.34", options), /--egress-deny/);
  assert.match(await fetched("[::ffff:93.184.216.34]", options), /--egress-deny/);
  assert.match(await fetched("id.example.com", options), /--egress-deny/);
  assert.is(dials, 0);
});

test("not dialled: a name that DNS does not know, and one of no sense at all", async () => {
  const unknown = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
  assert.is(await fetched("id.example.com", { lookup: () => Promise.reject(unknown) }), "NameNotFound");
  assert.is(await fetched("id.example.com", { lookup: answers() }), "NameNotFound");
  assert.is(dials, 0);
});

test.run();
