/** Every algorithm in every usual shape of a key. */
import { answers, listed, signs } from "./case.ts";
import type { Builder } from "./case.ts";
import type { Key, Keys } from "./keys.ts";

type Signer = (keys: Keys) => Key;

const ALGORITHMS: readonly (readonly [alg: string, signer: Signer])[] = [
  ["RS256", ({ rsa }) => rsa],
  ["RS384", ({ rsa }) => rsa],
  ["RS512", ({ rsa }) => rsa],
  ["PS256", ({ rsa }) => rsa],
  ["PS384", ({ rsa }) => rsa],
  ["PS512", ({ rsa }) => rsa],
  ["ES256", ({ p256 }) => p256],
  ["ES384", ({ p384 }) => p384],
  ["ES512", ({ p521 }) => p521],
  ["EdDSA", ({ ed25519 }) => ed25519],
];

type Shape = (key: Key, alg: string) => ReturnType<Builder>;

const SHAPES: readonly (readonly [what: string, shape: Shape])[] = [
  ["with kid and alg", (key, alg) => signs([listed(key, { kid: "a", alg })])],
  ["with kid and use, without alg", (key, alg) => signs([listed(key, { kid: "a", use: "sig" }, { alg })])],
  ["with kid, alg and key_ops", (key, alg) => signs([listed(key, { kid: "a", alg, key_ops: ["verify"] })])],
  ["without kid, with alg", (key, alg) => signs([listed(key, { use: "sig", alg })])],
  ["twice without kid", (key, alg) => signs([listed(key, { alg })], { idle: [listed(key, { alg }).jwk] })],
  [
    "twice under one kid",
    (key, alg) => signs([listed(key, { kid: "a", alg })], { idle: [listed(key, { kid: "a", alg }).jwk] }),
  ],
  ["with d that is null", (key, alg) => signs([listed(key, { kid: "a", alg, d: null })])],
  [
    "beside a null",
    (key, alg) =>
      answers(JSON.stringify({ keys: [null, listed(key, { kid: "a", alg }).jwk] }), listed(key, { kid: "a", alg })),
  ],
  ["with use enc", (key, alg) => signs([listed(key, { kid: "a", use: "enc", alg })])],
  [
    "with a kid that is a number",
    (key, alg) => answers(JSON.stringify({ keys: [{ ...key.jwk, kid: 1, alg }] }), listed(key, { kid: "1", alg })),
  ],
];

export const SHAPES_OF_ALGORITHMS: readonly (readonly [what: string, build: Builder])[] = ALGORITHMS.flatMap(
  ([alg, signer]) =>
    SHAPES.map(([what, shape]) => [`${alg} ${what}`, (keys: Keys) => shape(signer(keys), alg)] as const),
);
