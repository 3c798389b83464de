/** The egress rules for each kind of check. The hosts that JWKS checks refuse are listed in test/integration/verify. */
import { X509Certificate } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CheckKind } from "#api/check";
import { createCertificateAuthority } from "#testbed/servers/tls";
import { OperatorError } from "#common/operator-error";
import { certificateAuthorities, parseCaBundle } from "#verify/network/ca-bundle";
import { createEgressPolicy, EgressError } from "#verify/network/egress";
import type { Address, EgressOptions } from "#verify/network/egress";
import type { NameLookup } from "#verify/network/name-lookup";
import { egressFor } from "#support/verify/egress";

const of = (address: string): Address => ({ address, family: address.includes(":") ? 6 : 4 });
const answering = (...addresses: string[]) => ({ lookup: async () => addresses.map(of) });
const failing = (code: string) => ({ lookup: () => Promise.reject(Object.assign(new Error("10.9.8.7"), { code })) });

/** The addresses, or the code of the refusal. */
async function resolved(host: string, kind: CheckKind, options: EgressOptions = {}): Promise<string> {
  try {
    return (await egressFor(kind, options).resolve(host)).map(({ address }) => address).join();
  } catch (error) {
    assert.instance(error, EgressError);
    return (error as EgressError).code;
  }
}

const CASES: [what: string, host: string, options: EgressOptions, jwks: string, mongo: string, atlas: string][] = [
  ["a public address", "8.8.8.8", {}, "8.8.8.8", "8.8.8.8", "8.8.8.8"],
  ["a public name", "a", answering("8.8.8.8", "2606:4700::1"), ...times3("8.8.8.8,2606:4700::1")],
  ["a private address", "10.0.0.1", {}, "AddressRefused", "10.0.0.1", "AddressRefused"],
  ["a private address as one number", "167772161", {}, "AddressRefused", "10.0.0.1", "AddressRefused"],
  ["a unique local address", "[fd00::1]", {}, "AddressRefused", "fd00::1", "AddressRefused"],
  ["a private name", "a", answering("10.0.0.1"), "AddressRefused", "10.0.0.1", "AddressRefused"],
  ["a private name that is allowed", "a", { ...answering("10.0.0.1"), allow: ["10.0.0.0/8"] }, ...times3("10.0.0.1")],
  [
    "a private name that is denied",
    "a",
    { ...answering("10.0.0.1"), deny: ["10.0.0.0/8"] },
    ...times3("AddressRefused"),
  ],
  [
    "one that is allowed and denied",
    "10.0.0.1",
    { allow: ["10.0.0.0/8"], deny: ["10.0.0.1"] },
    ...times3("AddressRefused"),
  ],
  ["one that wraps a denied one", "::ffff:8.8.8.8", { deny: ["8.8.8.8"] }, ...times3("AddressRefused")],
  ["one whose wrapping is denied", "64:ff9b::8.8.8.8", { deny: ["64:ff9b::/96"] }, ...times3("AddressRefused")],
  ["loopback", "127.0.0.1", {}, ...times3("AddressRefused")],
  ["loopback in two parts", "127.1", {}, ...times3("AddressRefused")],
  ["loopback that is allowed", "127.0.0.1", { allow: ["127.0.0.0/8"] }, ...times3("127.0.0.1")],
  [
    "localhost that is allowed",
    "localhost",
    { ...answering("127.0.0.1"), allow: ["127.0.0.0/8"] },
    ...times3("127.0.0.1"),
  ],
  [
    "localhost that is allowed by half",
    "localhost",
    { ...answering("::1"), allow: ["127.0.0.0/8"] },
    ...times3("AddressRefused"),
  ],
  ["link-local", "169.254.1.1", { allow: ["0.0.0.0/0"] }, ...times3("AddressRefused")],
  ["a zone", "fe80::1%eth0", { allow: ["::/0"] }, ...times3("AddressRefused")],
  ["a metadata name", "metadata.google.internal", answering("8.8.8.8"), ...times3("AddressRefused")],
  ["no host", "a b", {}, ...times3("NameNotFound")],
  ["a name without addresses", "a", answering(), ...times3("NameNotFound")],
  ["a name that does not exist", "a", failing("ENOTFOUND"), ...times3("NameNotFound")],
  ["a name without an address", "a", failing("ENODATA"), ...times3("NameNotFound")],
  ["a name that can be none", "a", failing("EBADNAME"), ...times3("NameNotFound")],
  ["a name server that fails", "a", failing("ESERVFAIL"), ...times3("ResolveFailed")],
  ["a name server that fails in another way", "a", failing("EREFUSED"), ...times3("ResolveFailed")],
  [
    "a name server that is silent",
    "a",
    { lookup: () => new Promise(() => undefined), lookupTimeoutMs: 10 },
    ...times3("ResolveFailed"),
  ],
];
function times3(text: string): [string, string, string] {
  return [text, text, text];
}
for (const [what, host, options, jwks, mongo, atlas] of CASES) {
  test(what, async () => {
    assert.is(await resolved(host, "JWKS", options), jwks);
    assert.is(await resolved(host, "MongoDB", options), mongo);
    assert.is(await resolved(host, "Atlas", options), atlas);
  });
}

test("a message names neither the host nor its address", async () => {
  for (const [, host, options] of CASES.filter(([, name]) => name !== "a")) {
    const told = await egressFor("JWKS", options)
      .resolve(host)
      .catch((error: unknown) => (error as Error).message);
    if (typeof told === "string") assert.not.match(told, host);
  }
  const told = await egressFor("JWKS", failing("EAI_AGAIN"))
    .resolve("a")
    .catch((error: unknown) => (error as Error).message);
  assert.is(told, "DNS gave no answer for the host name.");
});

test("a look-up ends when its time is up, and when its check does", async () => {
  const ended: string[] = [];
  const lookup: NameLookup = (name, { signal }) => {
    signal.addEventListener("abort", () => ended.push(name));
    return new Promise<never>(() => undefined);
  };
  const told = (error: unknown) => (error as EgressError).code;
  assert.is(await egressFor("JWKS", { lookup, lookupTimeoutMs: 10 }).resolve("late").catch(told), "ResolveFailed");
  const check = new AbortController();
  const looking = egressFor("JWKS", { lookup }).resolve("withdrawn", { signal: check.signal }).catch(told);
  check.abort();
  assert.is(await looking, "ResolveFailed");
  assert.is(await egressFor("JWKS", { lookup }).resolve("over", { signal: check.signal }).catch(told), "ResolveFailed");
  assert.equal(ended.slice(0, 2), ["late", "withdrawn"]);
});

test("a look-up is told whose namespace it is for", async () => {
  const asked: unknown[] = [];
  const lookup: NameLookup = async (name, { namespace }) => {
    asked.push([name, namespace]);
    return [of("8.8.8.8")];
  };
  await egressFor("JWKS", { lookup }).resolve("A", { namespace: "staging" });
  await egressFor("JWKS", { lookup }).resolve("id.example.com");
  assert.equal(asked, [
    ["a", "staging"],
    ["id.example.com", undefined],
  ]);
});

test("the system's own look-up is the default", async () => {
  const allow = ["127.0.0.0/8", "::1"];
  assert.match(await resolved("localhost", "JWKS", { allow }), /^(127\.0\.0\.1|::1)/);
});

test("a text that is not a range is refused at once", () => {
  assert.throws(() => createEgressPolicy({ allow: ["localhost"] }), TypeError);
});

test("the CAs are those of the system and of the bundle, each once", () => {
  const one = createCertificateAuthority().caPem;
  const two = createCertificateAuthority().caPem;
  const ca = certificateAuthorities(`# our own\n${one}\nCN = two\n${two}${one}`);
  assert.is(ca.length, new Set(ca).size);
  assert.is(ca.length - certificateAuthorities().length, 2);
  assert.is(new X509Certificate(ca.at(-1)!).raw.equals(new X509Certificate(two).raw), true);
});

for (const [what, pem, says] of [
  ["is empty", "", /contains no PEM certificate/],
  ["holds a key only", "-----BEGIN PRIVATE KEY-----\nAQAB\n-----END PRIVATE KEY-----\n", /contains no PEM certificate/],
  [
    "holds a broken certificate",
    "-----BEGIN CERTIFICATE-----\nAQAB\n-----END CERTIFICATE-----\n",
    /certificate 1 cannot be parsed/,
  ],
] as const) {
  test(`a bundle that ${what} is refused`, () => {
    assert.throws(
      () => parseCaBundle(pem),
      (error: unknown) =>
        error instanceof OperatorError && error.code === "InvalidCaBundle" && says.test(error.message),
    );
  });
}

test.run();
