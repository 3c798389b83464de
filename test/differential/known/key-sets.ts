/**
 * Where our verdict on a key set of the corpus and the libraries differ today: see ./uris.ts for how to read it. A library
 * "verifies" when it verifies each of the case's tokens.
 */
import type { KnownDifference } from "./known-difference.ts";

export const KNOWN_KEY_SET_DIFFERENCES: readonly KnownDifference[] = [
  {
    kind: "what shows in tokens only",
    ours: "Yes",
    right: ["Yes", "Unverifiable"],
    why: "The document is right; only the provider's tokens show that they name another key.",
    cases: ["another kid than the token's"],
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
    kind: "more keys than we look at",
    ours: "Unverifiable",
    right: ["Unverifiable", "Yes"],
    why: "Libraries have no limit; the check looks at the first 100 keys and says so.",
    cases: ["101 keys"],
  },
  {
    kind: "UTF-16",
    ours: "No",
    right: ["No", "Unverifiable"],
    why: "JSON between systems is UTF-8 (RFC 8259 §8.1); Python alone guesses. A sentence of its own.",
    cases: ["UTF-16, little endian, with its mark", "UTF-16, little endian, without its mark", "UTF-16, big endian"],
  },
];
