/** Keys for the corpus, made anew in each run: nothing secret is stored. */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import type { JsonWebKey, KeyObject } from "node:crypto";
import { createCertificateAuthority } from "#testbed/servers/tls";

export type Key = {
  privateKey: KeyObject;
  /** Its public members, in no particular order. */
  jwk: JsonWebKey;
  privateJwk: JsonWebKey;
  /** What it signs with, if nothing else is said. */
  alg: string;
};

export type Keys = ReturnType<typeof createKeys>;

function key(privateKey: KeyObject, alg: string): Key {
  const jwk = createPublicKey(privateKey).export({ format: "jwk" });
  return { privateKey, jwk, privateJwk: privateKey.export({ format: "jwk" }), alg };
}

const rsa = (modulusLength = 2048, publicExponent = 0x10001) =>
  key(generateKeyPairSync("rsa", { modulusLength, publicExponent }).privateKey, "RS256");
const ec = (namedCurve: string, alg: string) => key(generateKeyPairSync("ec", { namedCurve }).privateKey, alg);

/** Half a second. */
export function createKeys() {
  const authority = createCertificateAuthority();
  const { certPem, keyPem } = authority.issue({ hosts: ["id.example.com"] });
  return {
    rsa: rsa(),
    rsa2: rsa(),
    rsa3: rsa(),
    rsaExponent3: rsa(2048, 3),
    weak: rsa(1024),
    p256: ec("P-256", "ES256"),
    p256b: ec("P-256", "ES256"),
    p384: ec("P-384", "ES384"),
    p521: ec("P-521", "ES512"),
    secp256k1: ec("secp256k1", "ES256K"),
    ed25519: key(generateKeyPairSync("ed25519").privateKey, "EdDSA"),
    ed448: key(generateKeyPairSync("ed448").privateKey, "EdDSA"),
    x25519: key(generateKeyPairSync("x25519").privateKey, "ECDH-ES"),
    /** Of a certificate: `certificate` is its PEM, `x5c` its DER in base64. */
    certified: key(createPrivateKey(keyPem), "ES256"),
    certificate: certPem,
    x5c: [certPem.replace(/-----[^-]+-----|\n/g, "")],
  };
}
