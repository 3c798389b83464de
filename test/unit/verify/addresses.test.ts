/** Reading addresses and ranges. What is refused is listed in test/integration/verify. */
import { isIP } from "node:net";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { addressBytes, kindOf, normaliseHost, parseCidr, ranges } from "#verify/network/addresses";

const HOSTS: [host: string, normal: string | undefined][] = [
  ["id.example.com", "id.example.com"],
  ["ID.Example.COM.", "id.example.com."],
  ["bücher.example", "xn--bcher-kva.example"],
  ["db_1.orders.svc", "db_1.orders.svc"],
  ["10.0.0.1", "10.0.0.1"],
  ["2130706433", "127.0.0.1"],
  ["[::1]", "::1"],
  ["::1", "::1"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["fe80::1%eth0", "fe80::1"],
  ["[fe80::1%25eth0]", "fe80::1"],
  ["::ffff:127.0.0.1", "::ffff:7f00:1"],
  ["", undefined],
  ["999.0.0.1", undefined],
  ["1.2.3.4.5", undefined],
  ["host:27017", undefined],
  ["[::1]:27017", undefined],
  ["user@host", undefined],
  ["host/path", undefined],
  ["host?query", undefined],
  ["host#fragment", undefined],
  ["host\\path", undefined],
  ["ho st", undefined],
  ["ho\tst", undefined],
  ["host\n", undefined],
  ["[::1", undefined],
  ["%00", undefined],
  ["%2f", undefined],
];
for (const [host, normal] of HOSTS) {
  test(`the host ${JSON.stringify(host)} is ${normal ?? "none"}`, () => assert.is(normaliseHost(host), normal));
}

const CIDRS: [text: string, cidr: ReturnType<typeof parseCidr>][] = [
  ["10.0.0.0/8", { address: "10.0.0.0", prefix: 8, family: 4 }],
  ["0.0.0.0/0", { address: "0.0.0.0", prefix: 0, family: 4 }],
  ["10.1.2.3", { address: "10.1.2.3", prefix: 32, family: 4 }],
  ["fd00::/8", { address: "fd00::", prefix: 8, family: 6 }],
  ["::/0", { address: "::", prefix: 0, family: 6 }],
  ["::1", { address: "::1", prefix: 128, family: 6 }],
  ["FD00:0::/16", { address: "fd00::", prefix: 16, family: 6 }],
  ["::ffff:10.0.0.0/104", { address: "10.0.0.0", prefix: 8, family: 4 }],
  ["::ffff:0:0/96", { address: "0.0.0.0", prefix: 0, family: 4 }],
  ["10.1.2.3/8", undefined],
  ["fd00::1/8", undefined],
  ["10.0.0.0/33", undefined],
  ["::/129", undefined],
  ["10.0.0.0/08", undefined],
  ["10.0.0.0/", undefined],
  ["10.0.0.0/-1", undefined],
  ["10.0.0/8", undefined],
  ["010.0.0.0/8", undefined],
  ["fe80::1%eth0", undefined],
  ["[::1]", undefined],
  ["localhost", undefined],
  [" 10.0.0.0/8", undefined],
  ["", undefined],
];
for (const [text, cidr] of CIDRS) {
  test(`the range ${JSON.stringify(text)} is ${cidr === undefined ? "refused" : "taken"}`, () => {
    assert.equal(parseCidr(text), cidr);
  });
}

test("ranges of IPv6 hold no IPv4 address, and the other way round", () => {
  assert.not(ranges("::/0").has("8.8.8.8"));
  assert.not(ranges("0.0.0.0/0").has("2606:4700::1"));
  assert.ok(ranges("10.0.0.0/8", "fd00::/8").has("10.255.255.255"));
  assert.ok(ranges("10.0.0.0/8", "fd00::/8").has("fdff::1"));
  assert.not(ranges().has("10.0.0.1"));
  assert.throws(() => ranges("localhost"), /not an address range/);
});

const PUBLIC = [
  "8.8.8.8",
  "1.1.1.1",
  "172.15.255.255",
  "172.32.0.0",
  "100.63.255.255",
  "100.128.0.0",
  "169.253.255.255",
];
const PUBLIC_V6 = ["2606:4700:4700::1111", "2a00::1", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "2002:808:808::1"];
for (const address of [...PUBLIC, ...PUBLIC_V6]) {
  test(`${address} is public`, () => assert.is(kindOf(address), "public"));
}

test("an IPv4 address is of the same kind in all its wrappings", () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const kind = kindOf(address);
      const hex = addressBytes(address).toString("hex");
      const groups = `${hex.slice(0, 4)}:${hex.slice(4)}`;
      assert.is(kindOf(`::ffff:${address}`), kind);
      assert.is(kindOf(`::ffff:0:${address}`), kind);
      assert.is(kindOf(`64:ff9b::${address}`), kind);
      assert.is(kindOf(`2002:${groups}::1`), kind);
      if (!hex.startsWith("000000")) assert.is(kindOf(`::${address}`), kind);
    }),
    { numRuns: 2_000 },
  );
});

test("an address is its own range, and its bytes are 4 or 16", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
      assert.is(addressBytes(address).length, isIP(address) === 4 ? 4 : 16);
      const { address: normal } = parseCidr(address)!;
      assert.ok(ranges(address).has(normal));
    }),
  );
});

test("whatever is given for a host: an address, a name, or none", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: "grapheme" }), fc.domain(), fc.ipV6(), fc.webAuthority()), (host) => {
      const normal = normaliseHost(host);
      if (normal !== undefined && isIP(normal) === 0) assert.match(normal, /^[^\s/?#@:[\]A-Z]+$/);
    }),
    { numRuns: 2_000 },
  );
});

test.run();
