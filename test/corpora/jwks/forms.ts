/** Documents that are unusual and right, unusual and wrong, or no key sets at all. */
import { answers, listed, signs } from "./case.ts";
import type { Builder, Listed } from "./case.ts";
import type { Key, Keys } from "./keys.ts";

const sig = (key: Key, kid: string, extra: Record<string, unknown> = {}): Listed =>
  listed(key, { use: "sig", alg: key.alg, kid, ...extra });
const good = (k: Keys): Listed => sig(k.rsa, "good");
const set = (...keys: readonly unknown[]) => JSON.stringify({ keys });
const document = (k: Keys) => set(good(k).jwk);
/** A number of base64url with a byte of zero in front, as Java's BigInteger has it. */
const padded = (number = "") =>
  Buffer.concat([Buffer.from([0]), Buffer.from(number, "base64url")]).toString("base64url");
const standardBase64 = (number = "") => Buffer.from(number, "base64url").toString("base64");

/** Where a text is wrong, one of the provider's keys still signs the application's token. */
const text =
  (body: (k: Keys) => string | Buffer): Builder =>
  (k) =>
    answers(body(k), good(k));
/** A key set with one key that is changed, and signs. */
const changed =
  (extra: Record<string, unknown>, token = {}): Builder =>
  (k) => {
    const key = { ...good(k).jwk, ...extra };
    return answers(set(key), { jwk: key, token: { ...good(k).token, ...token } });
  };

// prettier-ignore
export const FORMS: readonly (readonly [what: string, build: Builder])[] = [
  // Right, if unusual
  ["one key without kid, tokens without kid", (k) => signs([listed(k.rsa, { use: "sig", alg: "RS256" })])],
  ["one key with kid, tokens without kid", (k) => signs([listed(k.rsa, { use: "sig", alg: "RS256", kid: "a" }, { kid: "" })].map(({ jwk, token: { privateKey, alg } }) => ({ jwk, token: { privateKey, alg } })))],
  ["one key with nothing but its numbers", (k) => signs([listed(k.rsa, {})])],
  ["one key with kid and nothing else", (k) => signs([listed(k.rsa, { kid: "a" })])],
  ["the same RSA key for RS256, RS512 and PS256 under one kid", (k) => signs(["RS256", "RS512", "PS256"].map((alg) => sig(k.rsa, "a", { alg })))],
  ["the same RSA key for RS256, RS512 and PS256 under three kids", (k) => signs(["RS256", "RS512", "PS256"].map((alg) => sig(k.rsa, alg, { alg })))],
  ["the same key twice, alike", (k) => signs([sig(k.rsa, "a")], { idle: [sig(k.rsa, "a").jwk] })],
  ["the same key twice, once for encryption", (k) => signs([sig(k.rsa, "a")], { idle: [{ ...k.rsa.jwk, kid: "a", use: "enc", alg: "RSA-OAEP" }] })],
  ["an RSA and an EC key under one kid", (k) => signs([sig(k.rsa, "a"), sig(k.p256, "a")])],
  ["a signing and another encryption key under one kid", (k) => signs([sig(k.rsa, "a")], { idle: [{ ...k.rsa2.jwk, kid: "a", use: "enc", alg: "RSA-OAEP" }] })],
  ["an encryption key in front of the signing key under one kid", (k) => ({ body: set({ ...k.rsa2.jwk, kid: "a", use: "enc", alg: "RSA-OAEP" }, sig(k.rsa, "a").jwk), tokens: [sig(k.rsa, "a").token] })],
  ["ES256, ES384 and ES512", (k) => signs([sig(k.p256, "a"), sig(k.p384, "b"), sig(k.p521, "c")])],
  ["Ed25519 with alg EdDSA", (k) => signs([sig(k.ed25519, "a")])],
  ["Ed25519 with alg Ed25519", (k) => signs([sig(k.ed25519, "a", { alg: "Ed25519" })])],
  ["Ed25519 without alg", (k) => signs([listed(k.ed25519, { kid: "a", use: "sig" })])],
  ["Ed448", (k) => signs([sig(k.ed448, "a")])],
  ["ES256K", (k) => signs([sig(k.secp256k1, "a")])],
  ["PS256 without alg", (k) => signs([listed(k.rsa, { kid: "a", use: "sig" }, { alg: "PS256" })])],
  ["PS512", (k) => signs([sig(k.rsa, "a", { alg: "PS512" })])],
  ["RS384", (k) => signs([sig(k.rsa, "a", { alg: "RS384" })])],
  ["an exponent of 3", (k) => signs([sig(k.rsaExponent3, "a")])],
  ["key_ops verify and no use", (k) => signs([listed(k.rsa, { kid: "a", alg: "RS256", key_ops: ["verify"] })])],
  ["key_ops verify and use sig", (k) => signs([sig(k.rsa, "a", { key_ops: ["verify"] })])],
  ["x5c, x5t and x5u that are null", (k) => signs([sig(k.rsa, "a", { x5c: null, x5t: null, x5u: null })])],
  ["d and p that are null", (k) => signs([sig(k.rsa, "a", { d: null, p: null, q: null })])],
  ["key_ops that is null", (k) => signs([sig(k.rsa, "a", { key_ops: null })])],
  ["use that is null", (k) => signs([sig(k.rsa, "a", { use: null })])],
  ["alg that is null", (k) => signs([listed(k.rsa, { use: "sig", kid: "a", alg: null })])],
  ["ext that is a text", (k) => signs([sig(k.rsa, "a", { ext: "true" })])],
  ["members that nobody knows", (k) => signs([sig(k.rsa, "a", { status: "ACTIVE", ext: true, created: 1700000000 })])],
  ["members beside the keys", (k) => signs([sig(k.rsa, "a")], { beside: { version: 3, next: null } })],
  ["a key of a type that nobody knows beside a good one", (k) => signs([good(k)], { idle: [{ kty: "NEW", kid: "n", use: "sig" }] })],
  ["a post-quantum key beside a good one", (k) => signs([good(k)], { idle: [{ kty: "AKP", kid: "n", use: "sig", alg: "ML-DSA-44", pub: "AAAA" }] })],
  ["an oct stub without k beside a good key", (k) => signs([good(k)], { idle: [{ kty: "oct", kid: "hs", alg: "HS256", use: "sig" }] })],
  ["an X25519 key beside a good one", (k) => signs([good(k)], { idle: [{ ...k.x25519.jwk, kid: "x", use: "enc" }] })],
  ["a weak encryption key beside a good key", (k) => signs([good(k)], { idle: [{ ...k.weak.jwk, kid: "w", use: "enc", alg: "RSA1_5" }] })],
  ["a weak signing key that is used no more, beside a good key", (k) => signs([good(k)], { idle: [sig(k.weak, "old").jwk] })],
  ["a broken key beside a good one", (k) => signs([good(k)], { idle: [{ kty: "RSA", kid: "b", use: "sig", alg: "RS256", n: "!", e: "AQAB" }] })],
  ["a key without kty beside a good one", (k) => signs([good(k)], { idle: [{ kid: "b", use: "sig" }] })],
  ["a key without kid beside one with kid", (k) => signs([good(k)], { idle: [{ ...k.rsa2.jwk, use: "sig", alg: "RS256" }] })],
  ["a number with a byte of zero in front", (k) => signs([sig(k.rsa, "a", { n: padded(k.rsa.jwk.n) })])],
  ["an exponent with a byte of zero in front", (k) => signs([sig(k.rsa, "a", { e: padded("AQAB") })])],
  ["numbers in base64 with + and /", (k) => signs([sig(k.rsa, "a", { n: standardBase64(k.rsa.jwk.n) })])],
  ["numbers in base64url with = at the end", (k) => signs([sig(k.rsa, "a", { n: `${k.rsa.jwk.n}==` })])],
  ["coordinates with = at the end", (k) => signs([sig(k.p256, "a", { x: `${k.p256.jwk.x}=`, y: `${k.p256.jwk.y}=` })])],
  ["a kid with a blank and a slash", (k) => signs([sig(k.rsa, "key 1/2")])],
  ["a kid of letters outside ASCII", (k) => signs([sig(k.rsa, "schlüssel")])],
  ["a kid that is a number, and a text in the token", (k) => signs([sig(k.rsa, "1")].map(({ jwk, token }) => ({ jwk: { ...jwk, kid: 1 }, token })))],
  ["a document with blanks and line breaks around it", text((k) => `\n\n  ${document(k)}\n`)],
  ["a document with indented lines", text((k) => JSON.stringify(JSON.parse(document(k)), null, 2))],
  ["members in another order, keys last", text((k) => `{"iss":"x","keys":[${JSON.stringify(good(k).jwk)}]}`)],
  ["a hundred keys", (k) => signs([good(k)], { idle: Array.from({ length: 99 }, (_, index) => ({ ...k.p256.jwk, kid: `k${index}`, use: "sig" })) })],
  ["a revoked key beside a good one", (k) => signs([good(k)], { idle: [{ ...k.rsa2.jwk, kid: "r", use: "sig", alg: "RS256", revoked: { revoked_at: 1700000000 } }] })],

  // Keys that cannot be told apart, or are for something else
  ["two keys without kid", (k) => signs([listed(k.rsa, { use: "sig", alg: "RS256" }), listed(k.rsa2, { use: "sig", alg: "RS256" })])],
  ["two keys without kid for two algorithms", (k) => signs([listed(k.rsa, { use: "sig", alg: "RS256" }), listed(k.p256, { use: "sig", alg: "ES256" })])],
  ["two keys under one kid", (k) => signs([sig(k.rsa, "a"), sig(k.rsa2, "a")])],
  ["two keys under one kid for two algorithms", (k) => signs([sig(k.rsa, "a"), sig(k.rsa2, "a", { alg: "PS256" })])],
  ["two keys under one kid without alg", (k) => signs([listed(k.rsa, { use: "sig", kid: "a" }), listed(k.rsa2, { use: "sig", kid: "a" })])],
  ["two EC keys under one kid", (k) => signs([sig(k.p256, "a"), sig(k.p256b, "a")])],
  ["two keys whose kid is an empty text", (k) => signs([sig(k.rsa, ""), sig(k.rsa2, "")])],
  ["kid in x5t only", (k) => answers(set({ ...k.rsa.jwk, use: "sig", alg: "RS256", x5t: "a" }, { ...k.rsa2.jwk, use: "sig", alg: "RS256", x5t: "b" }), sig(k.rsa, "a"))],
  ["kid written Kid", (k) => answers(set({ ...k.rsa.jwk, use: "sig", Kid: "a" }), sig(k.rsa, "a"))],
  ["another kid than the token's", (k) => answers(set(sig(k.rsa, "b").jwk), sig(k.rsa, "a"))],
  ["encryption keys only", (k) => answers(set({ ...k.rsa.jwk, kid: "a", use: "enc", alg: "RSA-OAEP" }), sig(k.rsa, "a"))],
  ["encryption keys only, without alg", (k) => answers(set({ ...k.rsa.jwk, kid: "a", use: "enc" }), sig(k.rsa, "a"))],
  ["an encryption algorithm with use sig", (k) => answers(set({ ...k.rsa.jwk, kid: "a", use: "sig", alg: "RSA-OAEP" }), sig(k.rsa, "a"))],
  ["key_ops encrypt", changed({ use: undefined, key_ops: ["encrypt"] })],
  ["key_ops sign, as the provider uses it", changed({ use: undefined, key_ops: ["sign"] })],
  ["key_ops sign and verify", changed({ use: undefined, key_ops: ["sign", "verify"] })],
  ["key_ops that is a text", changed({ use: undefined, key_ops: "verify" })],
  ["an empty key_ops", changed({ use: undefined, key_ops: [] })],
  ["use in capitals", changed({ use: "SIG" })],
  ["use that is a list", changed({ use: ["sig"] })],
  ["use that is signature", changed({ use: "signature" })],
  ["SPIFFE bundle", (k) => answers(JSON.stringify({ keys: [{ use: "x509-svid", kty: "EC", crv: "P-256", x: k.certified.jwk.x, y: k.certified.jwk.y, x5c: k.x5c }, { ...k.p256.jwk, use: "jwt-svid", kid: "RzLmKvTQ" }], spiffe_sequence: 12, spiffe_refresh_hint: 300 }), listed(k.p256, { kid: "RzLmKvTQ" }))],
  ["alg in lower case", changed({ alg: "rs256" })],
  ["alg RSA256", changed({ alg: "RSA256" })],
  ["alg SHA256withRSA", changed({ alg: "SHA256withRSA" })],
  ["alg none", changed({ alg: "none" })],
  ["alg that is empty", changed({ alg: "" })],
  ["alg HS256 on an RSA key", changed({ alg: "HS256" })],
  ["alg ES256 on an RSA key", changed({ alg: "ES256" })],
  ["another RSA algorithm than the tokens", changed({ alg: "RS512" })],
  ["kty in lower case", changed({ kty: "rsa" })],
  ["kty missing", changed({ kty: undefined })],
  ["n missing", changed({ n: undefined })],
  ["e missing", changed({ e: undefined })],
  ["e as a number", changed({ e: 65537 })],
  ["n in hexadecimal", (k) => changed({ n: Buffer.from(k.rsa.jwk.n ?? "", "base64url").toString("hex") })(k)],
  ["n and e swapped", (k) => changed({ n: k.rsa.jwk.e, e: k.rsa.jwk.n })(k)],
  ["an exponent of 1", changed({ e: "AQ" })],
  ["x5c only, with kty", (k) => answers(set({ kty: "EC", kid: "a", use: "sig", alg: "ES256", x5c: k.x5c }), sig(k.certified, "a"))],
  ["x5c only", (k) => answers(set({ kid: "a", x5c: k.x5c }), sig(k.certified, "a"))],
  ["x5c beside the numbers", (k) => signs([sig(k.certified, "a", { x5c: k.x5c })])],
  ["x5u only", (k) => answers(set({ kty: "RSA", kid: "a", use: "sig", x5u: "https://id.example.com/cert.pem" }), sig(k.rsa, "a"))],
  ["a curve written P256", (k) => answers(set({ ...sig(k.p256, "a").jwk, crv: "P256" }), sig(k.p256, "a"))],
  ["a point that is not on its curve", (k) => answers(set({ ...sig(k.p256, "a").jwk, y: k.p256b.jwk.y }), sig(k.p256, "a"))],
  ["a coordinate missing", (k) => answers(set({ ...sig(k.p256, "a").jwk, y: undefined }), sig(k.p256, "a"))],
  ["Ed25519 with kty EC", (k) => answers(set({ ...sig(k.ed25519, "a").jwk, kty: "EC" }), sig(k.ed25519, "a"))],
  ["a weak key only", (k) => signs([sig(k.weak, "a")])],

  // What must not be there
  ["a private RSA key", (k) => signs([listed(k.rsa, { ...k.rsa.privateJwk, use: "sig", alg: "RS256", kid: "a" })])],
  ["a private EC key", (k) => signs([listed(k.p256, { ...k.p256.privateJwk, use: "sig", alg: "ES256", kid: "a" })])],
  ["a private Ed25519 key", (k) => signs([listed(k.ed25519, { ...k.ed25519.privateJwk, use: "sig", alg: "EdDSA", kid: "a" })])],
  ["a private encryption key beside a good key", (k) => signs([good(k)], { idle: [{ ...k.rsa2.privateJwk, use: "enc", kid: "e" }] })],
  ["a symmetric key beside a good one", (k) => signs([good(k)], { idle: [{ kty: "oct", kid: "hs", alg: "HS256", k: "bWFkZSB1cCBmb3IgdGhlIGNvcnB1cw" }] })],
  ["oct stubs without k only", (k) => answers(set({ kty: "oct", kid: "good", alg: "HS256" }), good(k))],

  // No key sets
  ["an empty document", text(() => "")],
  ["an empty object", text(() => "{}")],
  ["no keys", text(() => '{"keys":[]}')],
  ["keys that is null", text(() => '{"keys":null}')],
  ["keys that is an object by kid", text((k) => JSON.stringify({ keys: { good: good(k).jwk } }))],
  ["keys with a null in it", text((k) => set(null, good(k).jwk))],
  ["keys with texts in it", text((k) => set(JSON.stringify(good(k).jwk)))],
  ["keys written Keys", text((k) => JSON.stringify({ Keys: [good(k).jwk] }))],
  ["null", text(() => "null")],
  ["true", text(() => "true")],
  ["one key without a list", text((k) => JSON.stringify(good(k).jwk))],
  ["a list without an object", text((k) => JSON.stringify([good(k).jwk]))],
  ["a key set in jwks", text((k) => JSON.stringify({ jwks: { keys: [good(k).jwk] } }))],
  ["a key set in data", text((k) => JSON.stringify({ success: true, data: { keys: [good(k).jwk] } }))],
  ["a key set as a text in JSON", text((k) => JSON.stringify(document(k)))],
  ["a key set in base64", text((k) => Buffer.from(document(k)).toString("base64"))],
  ["a signed key set (JWS)", text((k) => `eyJhbGciOiJSUzI1NiJ9.${Buffer.from(document(k)).toString("base64url")}.c2ln`)],
  ["Google's certificates of v1", text((k) => JSON.stringify({ "3e4aef7c": k.certificate, "89ce3598": k.certificate }))],
  ["Firebase's certificates of service accounts", text((k) => JSON.stringify({ d8f1b2a0c3e4f5: k.certificate }))],
  ["a PEM certificate", text((k) => k.certificate)],
  ["a PEM public key, as AWS load balancers give it", text(() => "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n")],
  ["a discovery document", text(() => JSON.stringify({ issuer: "https://id.example.com", jwks_uri: "https://id.example.com/jwks", id_token_signing_alg_values_supported: ["RS256"] }))],
  ["a discovery document without jwks_uri", text(() => JSON.stringify({ issuer: "https://id.example.com" }))],
  ["Keycloak's realm document", text(() => JSON.stringify({ realm: "shop", public_key: "MIIBIjANBgkqhkiG9w0B", "token-service": "https://id.example.com/realms/shop/protocol/openid-connect" }))],
  ["an OAuth error", text(() => JSON.stringify({ error: "not_found", error_description: "realm does not exist" }))],
  ["a problem document", text(() => JSON.stringify({ type: "about:blank", title: "Not Found", status: 404 }))],
  ["an HTML page", text(() => "<!DOCTYPE html><html><body>Sign in</body></html>")],
  ["an HTML page behind a byte order mark", text(() => "\ufeff<html></html>")],
  ["an XML document", text(() => '<?xml version="1.0"?><EntityDescriptor/>')],
  ["an XSSI prefix", text((k) => `)]}'\n${document(k)}`)],
  ["JSONP", text((k) => `callback(${document(k)})`)],
  ["a comment in front", text((k) => `// keys\n${document(k)}`)],
  ["a comma too many", text((k) => document(k).replace("]}", ",]}"))],
  ["single quotes", text((k) => document(k).replaceAll('"', "'"))],
  ["YAML", text((k) => `keys:\n- kid: good\n  kty: RSA\n  n: ${k.rsa.jwk.n}\n  e: AQAB\n`)],
  ["half a document", text((k) => document(k).slice(0, 200))],
  ["something behind it", text((k) => `${document(k)}\n<!-- served in 3 ms -->`)],
  ["the document twice", text((k) => document(k) + document(k))],
  ["a zero byte behind it", text((k) => `${document(k)}\0`)],
  ["a byte order mark", text((k) => `\ufeff${document(k)}`)],
  ["UTF-16, little endian, with its mark", text((k) => Buffer.from(`\ufeff${document(k)}`, "utf16le"))],
  ["UTF-16, little endian, without its mark", text((k) => Buffer.from(document(k), "utf16le"))],
  ["UTF-16, big endian", text((k) => Buffer.from(`\ufeff${document(k)}`, "utf16le").swap16())],
  ["Latin-1 in a member beside the keys", text((k) => Buffer.from(document(k).replace('{"keys"', '{"owner":"M\u00fcller","keys"'), "latin1"))],
  ["keys given twice, the second empty", text((k) => document(k).replace(/}$/, ',"keys":[]}'))],
  ["101 keys", (k) => signs([good(k)], { idle: Array.from({ length: 100 }, (_, index) => ({ ...k.p256.jwk, kid: `k${index}`, use: "sig" })) })],
];
