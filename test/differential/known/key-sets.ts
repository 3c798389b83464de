/**
 * Where our verdict on a key set of the corpus and the libraries differ today: see ./uris.ts for how to read it. A library
 * "verifies" when it verifies each of the case's tokens.
 */
import type { KnownDifference } from "./known-difference.ts";

export const KNOWN_KEY_SET_DIFFERENCES: readonly KnownDifference[] = [
  {
    kind: "one key listed for several algorithms",
    ours: "No",
    right: ["Yes"],
    why: "jose and jwks-rsa verify. A kid is given twice only if two keys with different thumbprints have one kid and one alg (or one of them no alg), among keys that can sign.",
    cases: ["the same RSA key for RS256, RS512 and PS256 under one kid"],
  },
  {
    kind: "the very same key twice",
    ours: "No",
    right: ["Unverifiable", "Yes"],
    why: "jwks-rsa and PyJWT take the first; jose refuses (JWKSMultipleMatchingKeys), although they are alike.",
    cases: ["the same key twice, alike"],
  },
  {
    kind: "one kid for two algorithms",
    ours: "No",
    right: ["Unverifiable", "Yes"],
    why: "jose tells them apart by alg; jwks-rsa and PyJWT take the first of the kid, and fail with tokens of the second.",
    cases: ["two keys under one kid for two algorithms"],
  },
  {
    kind: "algorithms that only PyJWT knows",
    ours: "No",
    right: ["Unverifiable"],
    why: "jose 6 and jsonwebtoken have neither; PyJWT verifies. Applications on other stacks do too.",
    cases: ["Ed448", "ES256K"],
  },
  {
    kind: "purposes that one library or another leaves unread",
    ours: "No",
    right: ["Unverifiable"],
    why: "jwks-rsa does not read alg when it imports, PyJWT does not read key_ops, jwks-rsa and PyJWT take an empty key_ops for none.",
    cases: [
      "an encryption algorithm with use sig",
      "key_ops encrypt",
      "key_ops sign, as the provider uses it",
      "an empty key_ops",
    ],
  },
  {
    kind: "keys that do no harm beside good ones",
    ours: "No",
    right: ["Yes", "Unverifiable"],
    why: "An encryption key verifies nothing, a number that cannot be read is no weak one (it is no key at all), an oct without k gives nothing away. (PyJWT ends with a KeyError at such a stub: Yes for the others.)",
    cases: [
      "an oct stub without k beside a good key",
      "a weak encryption key beside a good key",
      "a broken key beside a good one",
    ],
  },
  {
    kind: "members of the list that are no objects",
    ours: "No",
    right: ["Unverifiable"],
    why: "jose and jwks-rsa refuse the whole document, PyJWT leaves such members out.",
    cases: ["keys with a null in it"],
  },
  {
    kind: "bytes that are no UTF-8 beside the keys",
    ours: "No",
    right: ["Unverifiable", "Yes"],
    why: "jose and jwks-rsa replace them, PyJWT refuses.",
    cases: ["Latin-1 in a member beside the keys"],
  },
  {
    kind: "more keys than we look at",
    ours: "No",
    right: ["Unverifiable", "Yes"],
    why: "Libraries have no limit. We may say that we looked at the first hundred.",
    cases: ["101 keys"],
  },
  {
    kind: "keys that no library can choose",
    ours: "Yes",
    right: ["No"],
    why: "Of several keys without a (non-empty, textual) kid no library chooses one: jose says JWKSMultipleMatchingKeys, jwks-rsa wants a kid, PyJWT leaves them out. One key without kid is fine for jose and jwks-rsa.",
    cases: ["two keys without kid", "two keys whose kid is an empty text", "kid in x5t only"],
  },
  {
    kind: "a kid that is no text",
    ours: "Yes",
    right: ["No"],
    why: "A token's kid is a text (RFC 7515 §4.1.4): it never equals a number.",
    cases: ["a kid that is a number, and a text in the token"],
  },
  {
    kind: "null and other types where a text or a list belongs",
    ours: "Yes",
    right: ["No"],
    why: "No library imports a key whose private members are there as null (jose and jwks-rsa: invalid key data). jose wants key_ops to be a list if it is there; jwks-rsa wants use to be a text or missing; PyJWT leaves out a use that is a list.",
    cases: ["use that is a list", "d and p that are null"],
  },
  {
    kind: "numbers in another notation",
    ours: "Yes",
    right: ["No"],
    why: "Hexadecimal digits are valid base64url of another, larger number: the key is imported, and verifies nothing. A modulus of nothing but [0-9a-f] gives it away.",
    cases: ["n in hexadecimal"],
  },
  {
    kind: "what shows in tokens only",
    ours: "Yes",
    right: ["Yes", "Unverifiable"],
    why: "The document is right; only the provider's tokens show that they name another key.",
    cases: ["another kid than the token's", "kid written Kid"],
  },
  {
    kind: "keys with which anyone can forge tokens",
    ours: "No",
    right: ["No"],
    why: "Some libraries verify, and that is the danger: who reads a private or symmetric key, or factors a weak one, signs tokens that the application takes. A private encryption key opens encrypted ones.",
    cases: [
      "a weak signing key that is used no more, beside a good key",
      "a weak key only",
      "a private EC key",
      "a private Ed25519 key",
      "a private encryption key beside a good key",
      "a symmetric key beside a good one",
    ],
  },
  {
    kind: "UTF-16",
    ours: "No",
    right: ["No", "Unverifiable"],
    why: "JSON between systems is UTF-8 (RFC 8259 §8.1); Python alone guesses. A sentence of its own.",
    cases: ["UTF-16, little endian, with its mark", "UTF-16, little endian, without its mark", "UTF-16, big endian"],
  },
];
