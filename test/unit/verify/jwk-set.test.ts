/** Which key sets an application can use, and the messages for the others. */
import { generateKeyPairSync } from "node:crypto";
import type { KeyObject } from "node:crypto";
import * as fc from "fast-check";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { judgeKeySet } from "#verify/jwks/jwk-set";

type Key = Record<string, unknown>;
const jwk = (key: KeyObject): Key => key.export({ format: "jwk" });
const pair = (one: { privateKey: KeyObject; publicKey: KeyObject }): { open: Key; secret: Key } => ({
  open: jwk(one.publicKey),
  secret: jwk(one.privateKey),
});
const rsa = pair(generateKeyPairSync("rsa", { modulusLength: 2048 }));
const otherRsa = pair(generateKeyPairSync("rsa", { modulusLength: 2048 }));
const weakRsa = pair(generateKeyPairSync("rsa", { modulusLength: 1024 }));
const ec = pair(generateKeyPairSync("ec", { namedCurve: "P-256" }));
const ec384 = pair(generateKeyPairSync("ec", { namedCurve: "P-384" }));
const ec521 = pair(generateKeyPairSync("ec", { namedCurve: "P-521" }));
const koblitz = pair(generateKeyPairSync("ec", { namedCurve: "secp256k1" }));
const ed = pair(generateKeyPairSync("ed25519"));
const mlDsa = pair(generateKeyPairSync("ml-dsa-65"));
const ed448 = pair(generateKeyPairSync("ed448"));
const x = pair(generateKeyPairSync("x25519"));

const judge = (...keys: unknown[]) => judgeKeySet(Buffer.from(JSON.stringify({ keys })));
const many = (count: number): Key[] => Array.from({ length: count }, (_, index) => ({ ...ec.open, kid: `${index}` }));
const hex = (number: unknown): string => Buffer.from(String(number), "base64url").toString("hex");
const yes = (text: string) => `The login provider publishes ${text}.`;

const GOOD: [name: string, keys: Key[], says: string][] = [
  ["an RSA key", [{ ...rsa.open, alg: "RS256", use: "sig", kid: "a" }], yes("1 signing key (RS256)")],
  ["a key without alg, use and kid", [rsa.open], yes("1 signing key (RS256)")],
  ["RSA keys for PSS", [{ ...rsa.open, alg: "PS512" }], yes("1 signing key (PS512)")],
  ["elliptic curves", [ec.open, ec384.open, ec521.open], yes("3 signing keys (ES256, ES384, ES512)")],
  [
    "Ed25519, under both its names",
    [
      { ...ed.open, kid: "1", alg: "EdDSA" },
      { ...ed.open, kid: "1", alg: "Ed25519" },
    ],
    yes("2 signing keys (Ed25519, EdDSA)"),
  ],
  ["post-quantum keys only", [{ ...mlDsa.open, use: "sig" }], yes("1 signing key (ML-DSA-65)")],
  ["algorithms in another order", [rsa.open, ec.open], yes("2 signing keys (ES256, RS256)")],
  [
    "two keys of one algorithm",
    [
      { ...rsa.open, kid: "1" },
      { ...otherRsa.open, kid: "2" },
    ],
    yes("2 signing keys (RS256)"),
  ],
  [
    "one key for three algorithms",
    ["RS256", "RS512", "PS256"].map((alg) => ({ ...rsa.open, kid: "1", alg })),
    yes("3 signing keys (PS256, RS256, RS512)"),
  ],
  [
    "keys without kid beside one with kid: no library chooses them",
    [{ ...ec.open, kid: "1" }, rsa.open, otherRsa.open],
    yes("1 signing key (ES256)"),
  ],
  [
    "a kid that is a number beside one that is a text",
    [
      { ...ec.open, kid: "1" },
      { ...ec384.open, kid: 2 },
    ],
    yes("1 signing key (ES256)"),
  ],
  [
    "an empty kid and one that is null",
    [
      { ...ec.open, kid: "" },
      { ...rsa.open, kid: null },
    ],
    yes("2 signing keys (ES256, RS256)"),
  ],
  ["a key with key_ops", [{ ...ec.open, key_ops: ["verify"] }], yes("1 signing key (ES256)")],
  [
    "a key with nulls, as some servers write them",
    [{ ...ec.open, x5c: null, x5t: null, alg: null }],
    yes("1 signing key (ES256)"),
  ],
  ["an encryption key beside it", [ec.open, { ...otherRsa.open, use: "enc" }], yes("1 signing key (ES256)")],
  ["a key of an unknown type beside it", [ec.open, { kty: "DSA", p: "AQ", q: "AQ" }], yes("1 signing key (ES256)")],
  ["a curve that is not for signing beside it", [ec.open, x.open], yes("1 signing key (ES256)")],
  ["a curve that jose does not know beside it", [ec.open, koblitz.open], yes("1 signing key (ES256)")],
  ["an unknown algorithm beside it", [ec.open, { ...rsa.open, alg: "RS1" }], yes("1 signing key (ES256)")],
  ["a broken key beside it", [ec.open, { ...ec384.open, x: ec.open["x"] }], yes("1 signing key (ES256)")],
  [
    "one kid for keys of two types",
    [
      { ...ec.open, kid: "1" },
      { ...rsa.open, kid: "1" },
    ],
    yes("2 signing keys (ES256, RS256)"),
  ],
  [
    "one kid for signing and for encryption",
    [
      { ...rsa.open, kid: "1", use: "sig" },
      { ...otherRsa.open, kid: "1", use: "enc" },
    ],
    yes("1 signing key (RS256)"),
  ],
  [
    "a symmetric key that says only that it exists",
    [ec.open, { kty: "oct", kid: "1", alg: "HS256" }],
    yes("1 signing key (ES256)"),
  ],
  ["a weak RSA key that is for encryption", [ec.open, { ...weakRsa.open, use: "enc" }], yes("1 signing key (ES256)")],
  ["a number that is none", [ec.open, { kty: "RSA", n: "<modulus>", e: "AQAB" }], yes("1 signing key (ES256)")],
  ["an empty private member", [ec.open, { ...rsa.open, d: null }], yes("1 signing key (ES256)")],
  ["a hundred keys", many(100), yes("100 signing keys (ES256)")],
];
for (const [name, keys, says] of GOOD) {
  test(`of use: ${name}`, async () => {
    const verdict = await judge(...keys);
    assert.is(verdict.message, says);
    assert.is(verdict.answer, "Yes");
  });
}

const BAD: [name: string, keys: unknown[], reason: string][] = [
  ["no key at all", [], "RejectedNoUsableKey"],
  ["encryption keys only", [{ ...rsa.open, use: "enc" }], "RejectedNoUsableKey"],
  ["a curve for key agreement only", [x.open], "RejectedNoUsableKey"],
  ["a curve of another algorithm", [{ ...ec.open, alg: "ES512" }], "RejectedNoUsableKey"],
  ["a type of another algorithm", [{ ...rsa.open, alg: "ES256" }], "RejectedNoUsableKey"],
  ["an algorithm for encryption, and its use", [{ ...rsa.open, use: "enc", alg: "RSA-OAEP" }], "RejectedNoUsableKey"],
  ["an algorithm for encryption that is no more", [{ ...rsa.open, alg: "RSA1_5" }], "RejectedNoUsableKey"],
  ["a kid that is a number", [{ ...rsa.open, kid: 1 }], "RejectedNoUsableKey"],
  ["use that is a list", [{ ...rsa.open, use: ["sig"] }], "RejectedNoUsableKey"],
  ["use that is empty", [{ ...rsa.open, use: "" }], "RejectedNoUsableKey"],
  [
    "a private member that is null",
    [
      { ...rsa.open, d: null },
      { ...ec.open, d: "" },
    ],
    "RejectedNoUsableKey",
  ],
  ["a modulus in hexadecimal", [{ ...rsa.open, n: hex(rsa.open["n"]) }], "RejectedNoUsableKey"],
  [
    "a modulus in hexadecimal, in capitals with 0x",
    [{ ...rsa.open, n: `0x${hex(rsa.open["n"]).toUpperCase()}` }],
    "RejectedNoUsableKey",
  ],
  [
    "an exponent in hexadecimal or decimal",
    [
      { ...rsa.open, e: "010001" },
      { ...otherRsa.open, e: "65537" },
    ],
    "RejectedNoUsableKey",
  ],
  [
    "a SPIFFE trust bundle",
    [
      { ...ec.open, use: "jwt-svid", kid: "1" },
      { ...rsa.open, use: "x509-svid" },
    ],
    "RejectedNoUsableKey",
  ],
  [
    "symmetric keys without their secret only",
    [
      { kty: "oct", kid: "1" },
      { kty: "oct", k: null },
    ],
    "RejectedNoUsableKey",
  ],
  ["two keys without kid", [rsa.open, otherRsa.open], "RejectedDuplicateKeyID"],
  ["the same key twice without kid", [rsa.open, rsa.open], "RejectedDuplicateKeyID"],
  [
    "two keys whose kid is empty",
    [
      { ...ec.open, kid: "" },
      { ...ec.open, kid: "" },
    ],
    "RejectedDuplicateKeyID",
  ],
  [
    "two keys with one kid, one of them without alg",
    [
      { ...rsa.open, kid: "1", alg: "RS256" },
      { ...otherRsa.open, kid: "1" },
    ],
    "RejectedDuplicateKeyID",
  ],
  ["the algorithm none", [{ ...rsa.open, alg: "none" }], "RejectedNoUsableKey"],
  ["a symmetric algorithm on a public key", [{ ...rsa.open, alg: "HS256" }], "RejectedNoUsableKey"],
  ["a point that is not on its curve", [{ ...ec.open, y: ec.open["x"] }], "RejectedNoUsableKey"],
  ["a key without its members", [{ kty: "RSA" }, { kty: "EC", crv: "P-256" }, {}], "RejectedNoUsableKey"],
  ["members of the wrong type", [{ kty: "EC", crv: 256, x: [], y: {} }], "RejectedNoUsableKey"],
  [
    "an RSA key of 32,768 bits",
    [{ kty: "RSA", n: Buffer.alloc(4096, 0xff).toString("base64url"), e: "AQAB" }],
    "RejectedNoUsableKey",
  ],
  ["a curve named like a member of every object", [{ ...ec.open, crv: "__proto__" }], "RejectedNoUsableKey"],
  ["a private RSA key", [rsa.secret], "RejectedPrivateKey"],
  ["a private post-quantum key", [mlDsa.secret], "RejectedPrivateKey"],
  ["a post-quantum key without alg", [{ ...mlDsa.open, alg: undefined }], "RejectedNoUsableKey"],
  ["a post-quantum key of another algorithm", [{ ...mlDsa.open, alg: "ML-DSA-44" }], "RejectedNoUsableKey"],
  ["a type named like a member of every object", [{ ...ec.open, kty: "constructor" }], "RejectedNoUsableKey"],
  ["a private EC key", [ec.secret], "RejectedPrivateKey"],
  ["a private Ed25519 key", [ed.secret], "RejectedPrivateKey"],
  ["a private key that is for encryption", [ec.open, { ...x.secret, use: "enc" }], "RejectedPrivateKey"],
  ["one prime of a private key", [{ ...rsa.open, p: rsa.secret["p"] }], "RejectedPrivateKey"],
  ["further primes of a private key", [{ ...rsa.open, oth: [] }], "RejectedPrivateKey"],
  ["a private key of post-quantum type", [ec.open, { kty: "AKP", pub: "AQ", priv: "AQ" }], "RejectedPrivateKey"],
  ["a private key of unknown type", [ec.open, { kty: "new", d: "AQ" }], "RejectedPrivateKey"],
  ["a symmetric key", [{ kty: "oct", k: "c2VjcmV0" }], "RejectedPrivateKey"],
  ["a symmetric key beside a good one", [ec.open, { kty: "oct", k: "c2VjcmV0", use: "enc" }], "RejectedPrivateKey"],
  ["an RSA key of 1024 bits", [weakRsa.open], "RejectedWeakKey"],
  ["an RSA key of 1024 bits beside a good one", [ec.open, weakRsa.open], "RejectedWeakKey"],
  [
    "an RSA key of 1024 bits behind leading zeros",
    [
      {
        ...weakRsa.open,
        n: Buffer.concat([Buffer.alloc(200), Buffer.from(String(weakRsa.open["n"]), "base64url")]).toString(
          "base64url",
        ),
      },
    ],
    "RejectedWeakKey",
  ],
  ["the exponent 1", [{ ...rsa.open, e: "AQ" }], "RejectedWeakKey"],
  ["the exponent 0", [{ ...rsa.open, e: "AA" }], "RejectedWeakKey"],
  [
    "two keys with one kid",
    [
      { ...rsa.open, kid: "1" },
      { ...otherRsa.open, kid: "1" },
    ],
    "RejectedDuplicateKeyID",
  ],
  ["a private key behind a hundred others", [...many(100), ec.secret], "RejectedPrivateKey"],
  ["keys that are no objects", ["RSA", 1, null], "RejectedNotJWKS"],
  ["keys in lists", [[ec.open]], "RejectedNotJWKS"],
];
for (const [name, keys, reason] of BAD) {
  test(`refused: ${name}`, async () => {
    const verdict = await judge(...keys);
    assert.is(verdict.answer === "No" && verdict.reason, reason, verdict.message);
  });
}

/** Where libraries differ. */
const DOUBTFUL: [name: string, keys: unknown[], says: RegExp][] = [
  ["Ed448", [{ ...ed448.open, alg: "EdDSA" }], /only some libraries know/],
  ["ES256K", [{ ...koblitz.open, alg: "ES256K" }], /only some libraries know/],
  ["key_ops encrypt", [{ ...ec.open, key_ops: ["encrypt"] }], /not for checking signatures/],
  ["an empty key_ops", [{ ...ec.open, key_ops: [] }], /not for checking signatures/],
  ["an algorithm for encryption", [{ ...rsa.open, alg: "RSA-OAEP" }], /not for checking signatures/],
  [
    "an algorithm for encryption with use sig",
    [{ ...ec.open, use: "sig", alg: "ECDH-ES" }],
    /not for checking signatures/,
  ],
  ["use that is null", [{ ...ec.open, use: null }], /"use" is null/],
  ["key_ops that is a text", [{ ...ec.open, key_ops: "verify" }], /"key_ops" is not a list/],
  ["something else in the list", [null, ec.open], /contains something that is not a key/],
  ["more than a hundred keys", many(101), /more than 100 keys/],
  [
    "the same key twice",
    [
      { ...rsa.open, kid: "1" },
      { ...rsa.open, kid: "1", alg: "RS256" },
    ],
    /publishes a key twice/,
  ],
  [
    "one kid for two algorithms of one type",
    [
      { ...rsa.open, kid: "1", alg: "RS256" },
      { ...otherRsa.open, kid: "1", alg: "PS256" },
    ],
    /several keys with the same "kid"/,
  ],
];
for (const [name, keys, says] of DOUBTFUL) {
  test(`for some libraries: ${name}`, async () => {
    const verdict = await judge(...keys);
    assert.is.not(verdict.answer, "No");
    assert.match(verdict.message, says);
  });
}

test("for some libraries: bytes that are not UTF-8", async () => {
  const of = (kid: string) =>
    Buffer.from(JSON.stringify({ note: "M\u00fcller", keys: [{ ...ec.open, kid }] }), "latin1");
  const doubtful = await judgeKeySet(of("1"));
  assert.is.not(doubtful.answer, "No");
  assert.match(doubtful.message, /bytes that are not UTF-8/);
  assert.is((await judgeKeySet(of("\u00fc"))).answer, "No");
});

const TEXTS: [name: string, body: string | Buffer, says: RegExp][] = [
  ["nothing", "", /is not JSON/],
  ["an HTML page", "<!doctype html><title>Sign in</title>", /returned an HTML or XML page/],
  ["an HTML page after blanks and a byte order mark", "\ufeff\r\n  <html>", /returned an HTML or XML page/],
  ["JSON that was cut off", '{"keys":[', /it is not JSON: it is cut off/],
  ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x00]), /is not JSON/],
  ["a text", '"keys"', /has no list of "keys"/],
  ["a list", "[]", /has no list of "keys"/],
  ["null", "null", /has no list of "keys"/],
  ["an object without keys", "{}", /has no list of "keys"/],
  ["keys that are no list", '{"keys":{"0":{}}}', /has no list of "keys"/],
  ["keys of the prototype only", '{"__proto__":{"keys":[]}}', /has no list of "keys"/],
  ["a single key", JSON.stringify(ec.open), /has no list of "keys"/],
  ["the discovery document", '{"issuer":"https://a","jwks_uri":"https://a/keys"}', /discovery document/],
  ["UTF-16 with a mark", Buffer.from('\ufeff{"keys":[]}', "utf16le"), /UTF-16/],
  ["UTF-16 without a mark", Buffer.from('{"keys":[]}', "utf16le"), /UTF-16/],
  ["UTF-16, big endian", Buffer.from('{"keys":[]}', "utf16le").swap16(), /UTF-16/],
  ["gzip without a word", gzipSync('{"keys":[]}'), /is compressed/],
  ["a PEM certificate", "-----BEGIN CERTIFICATE-----\nMII\n", /PEM/],
  ["a signed document", "eyJhbGciOiJSUzI1NiJ9.eyJrZXlzIjpbXX0.c2ln", /signed document/],
  ["a key set with text around it", ')]}\'\n{"keys":[]}', /looks like a key set/],
  ["a key set with an extra comma", '{"keys":[],}', /looks like a key set/],
  ["a key set in a text", JSON.stringify('{"keys":[]}'), /encode its key set twice/],
  ["a key set in another object", '{"data":{"keys":[]}}', /inside of another object/],
  ["Google's certificates", '{"3e4a":"-----BEGIN CERTIFICATE-----\\nMII"}', /certificates by key ID.*Google/],
  ["a realm of Keycloak", '{"realm":"a","public_key":"MII","token-service":"https://a"}', /Keycloak.*certs/],
  ["an error", '{"error":"not_found"}', /error message/],
  ["a description without jwks_uri", '{"issuer":"https://a"}', /no jwks_uri/],
  ["200,000 brackets", "[".repeat(100_000) + "]".repeat(100_000), /has no list of "keys"/],
  ["keys 50,000 deep", `{"keys":${"[".repeat(50_000)}${"]".repeat(50_000)}}`, /has no list of "keys"/],
];
for (const [name, body, says] of TEXTS) {
  test(`no key set: ${name}`, async () => {
    const verdict = await judgeKeySet(Buffer.from(body));
    assert.is(verdict.answer === "No" && verdict.reason, "RejectedNotJWKS");
    assert.match(verdict.message, says);
  });
}

const facts = async (...keys: Key[]): Promise<string> => {
  const verdict = await judge(...keys);
  assert.is(verdict.answer, "Yes");
  return (verdict.answer === "Yes" && verdict.facts?.keys) || "";
};

test("the set of keys is the same in any order and with other ornaments, and another when a key is added or replaced", async () => {
  const set = await facts({ ...rsa.open, kid: "1" }, ec.open);
  assert.ok(set.length > 0);
  assert.is(await facts(ec.open, { ...rsa.open, kid: "a", x5t: "AQ" }), set);
  assert.is(await facts(ec.open, rsa.open, { ...otherRsa.open, use: "enc" }), set);
  const others = [
    await facts(rsa.open),
    await facts({ ...rsa.open, kid: "1" }, ec.open, { ...otherRsa.open, kid: "2" }),
    await facts(otherRsa.open, ec.open),
  ];
  assert.is(new Set([set, ...others]).size, 4);
});

test("whatever comes: a verdict, in short words of our own", async () => {
  const canary = "canary-8d1f";
  const member = fc.constantFrom("kty", "n", "e", "crv", "x", "y", "d", "k", "kid", "use", "alg", "key_ops", "keys");
  const value = fc.oneof(
    fc.constantFrom("RSA", "EC", "OKP", "P-256", "RS256", "sig", "AQAB", canary, ["verify"], null, 7, {}),
    fc.jsonValue(),
  );
  const key = fc.dictionary(member, value).map((members) => ({ ...members, note: canary }));
  const body = fc.oneof(
    fc.record({ keys: fc.array(fc.oneof(key, fc.jsonValue()), { maxLength: 5 }), note: fc.constant(canary) }),
    fc.jsonValue(),
  );
  await fc.assert(
    fc.asyncProperty(body, async (json) => {
      const verdict = await judgeKeySet(Buffer.from(JSON.stringify(json)));
      assert.not.match(JSON.stringify(verdict), canary);
      assert.match(verdict.message, /^The login provider.{1,350}\.$/);
    }),
    { numRuns: 1_000 },
  );
});

test.run();
