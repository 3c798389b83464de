/**
 * One member of a key set: what it is, and which libraries verify a signature with it (RFC 7517 §4). The libraries are those that
 * the corpus in test/differential compares with: jose, jwks-rsa and PyJWT. jose is the strictest, so a key that jose uses counts.
 */
import { createPublicKey } from "node:crypto";
import { calculateJwkThumbprint, importJWK } from "jose";
import type { JWK } from "jose";

/** A member of a key set, not validated yet. */
export type Members = Readonly<Record<string, unknown>>;

export type JudgedKey =
  /** `kid`: undefined if there is none. `algorithms`: the first one is the one that a key without "alg" is for. */
  | { kind: "Usable"; kid: string | undefined; algorithms: readonly string[]; thumbprint: string }
  /** jose does not use it, another library does. */
  | { kind: "Lenient"; because: Leniency }
  /** No library does. */
  | { kind: "Unusable"; because: Uselessness };

/** `Algorithm`: one that jose does not know. `Purpose`: "alg" or "key_ops" says that it is for something else. `Form`: a null. */
export type Leniency = "Algorithm" | "Purpose" | "Form";

export type Uselessness = "Encryption" | "SPIFFE" | "KeyID" | "EmptyPrivate" | "CertificateOnly" | "Notation" | "Other";

/** RFC 7518 §3.3. */
export const MIN_RSA_BITS = 2048;
/** OpenSSL does not verify with larger ones. */
const MAX_RSA_BITS = 16_384;

const RSA_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
/** RFC 9964. */
const POST_QUANTUM_ALGORITHMS = ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"];
/** By curve. */
const CURVE_ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  "EC P-256": ["ES256"],
  "EC P-384": ["ES384"],
  "EC P-521": ["ES512"],
  "OKP Ed25519": ["EdDSA", "Ed25519"],
};

/** The members of a public key, by type (RFC 7518 §6, RFC 8037, RFC 9964). `jose` must not see any other. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  RSA: ["n", "e"],
  EC: ["crv", "x", "y"],
  OKP: ["crv", "x"],
  AKP: ["alg", "pub"],
};

/** jwks-rsa imports a key with one of these as it does any other, and verifies with it. */
const ENCRYPTION_ALGORITHMS: Readonly<Record<string, RegExp>> = {
  RSA: /^RSA-OAEP(-256|-384|-512)?$/,
  EC: /^ECDH-ES(\+A(128|192|256)KW)?$/,
};

/** Curves that PyJWT knows and jose does not, with the "alg" that PyJWT wants. */
const LENIENT_CURVES: Readonly<Record<string, readonly (string | undefined)[]>> = {
  "EC secp256k1": ["ES256K", undefined],
  "OKP Ed448": ["EdDSA"],
};

export function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Some servers write null or an empty text for a member that they do not have. */
export function text(key: Members, member: string): string | undefined {
  const value = key[member];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** RFC 7518 §6.2.2, §6.3.2 and §6.4; `priv`: RFC 9964. In other types `p` and `q` may be public. */
function privateMembers({ kty }: Members): readonly string[] {
  return kty === "RSA" ? ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] : ["d", "k", "priv"];
}

/** Gives away what signs or opens tokens. A stub that says "there is a secret" (`oct` without `k`) gives nothing away. */
export function isPrivate(key: Members): boolean {
  return privateMembers(key).some((member) => ![undefined, null, ""].includes(key[member] as null));
}

/** A library verifies with it, and it can be factored. No library looks at a key for another `use`. */
export function isWeak(key: Members): boolean {
  const [modulus, exponent] = [text(key, "n"), text(key, "e")];
  if (key["kty"] !== "RSA" || !mayVerify(key) || modulus === undefined || exponent === undefined) return false;
  // A text that is no number is no key.
  if (!isNumber(modulus) || !isNumber(exponent)) return false;
  // With the exponent 1 every text is its own signature.
  return bits(modulus) < MIN_RSA_BITS || bits(exponent) < 2;
}

/** By its `use`: PyJWT takes null for none. */
function mayVerify({ use }: Members): boolean {
  return use === undefined || use === null || use === "sig";
}

export async function judgeKey(key: Members): Promise<JudgedKey> {
  if (!mayVerify(key)) return unusable(/^(x509|jwt)-svid$/.test(String(key["use"])) ? "SPIFFE" : "Encryption");
  if (!isNameable(key)) return unusable("KeyID");
  // Libraries take the key for a private one, and fail.
  if (["d", "priv"].some((member) => key[member] === null || key[member] === "")) return unusable("EmptyPrivate");

  const [kty = "", alg] = [text(key, "kty"), text(key, "alg")];
  const names = Object.hasOwn(MEMBERS, kty) ? MEMBERS[kty] : undefined;
  const members = names?.map((name) => [name, text(key, name)] as const);
  if (members === undefined || members.some(([, value]) => value === undefined)) {
    return unusable(Array.isArray(key["x5c"]) ? "CertificateOnly" : "Other");
  }
  if (isOtherNotation(key)) return unusable("Notation");
  const jwk: JWK = { kty, ...Object.fromEntries(members) };
  if ([jwk.n, jwk.e, jwk.x, jwk.y].some((number) => number !== undefined && !isNumber(number)))
    return unusable("Other");
  if (kty === "RSA" && !isRsaSize(jwk)) return unusable("Other");

  const leniency = lenient(key, kty, alg);
  if (leniency !== undefined) return isKey(jwk) ? { kind: "Lenient", because: leniency } : unusable("Other");
  const known = algorithmsOf(kty, text(key, "crv"));
  const algorithms = alg === undefined ? known : known.filter((one) => one === alg);
  const [algorithm] = algorithms;
  if (algorithm === undefined) return unusable("Other");
  try {
    await importJWK(jwk, algorithm);
    return { kind: "Usable", kid: text(key, "kid"), algorithms, thumbprint: await calculateJwkThumbprint(jwk) };
  } catch {
    // A point that is not on its curve, a number that is not base64url.
    return unusable("Other");
  }
}

/** A token's "kid" is a text (RFC 7515 §4.1.4). One under another name, such as "Kid", is none. */
function isNameable(key: Members): boolean {
  const { kid } = key;
  if (kid === undefined || kid === null)
    return !Object.keys(key).some((name) => name.toLowerCase() === "kid" && name !== "kid");
  return typeof kid === "string";
}

function unusable(because: Uselessness): JudgedKey {
  return { kind: "Unusable", because };
}

function algorithmsOf(kty: string, curve = ""): readonly string[] {
  if (kty === "RSA") return RSA_ALGORITHMS;
  return (kty === "AKP" ? POST_QUANTUM_ALGORITHMS : CURVE_ALGORITHMS[`${kty} ${curve}`]) ?? [];
}

/** Why jose leaves the key out, where another library does not. */
function lenient(key: Members, kty: string, alg: string | undefined): Leniency | undefined {
  const { key_ops: operations, use } = key;
  if (LENIENT_CURVES[`${kty} ${text(key, "crv") ?? ""}`]?.includes(alg)) return "Algorithm";
  if (alg !== undefined && ENCRYPTION_ALGORITHMS[kty]?.test(alg)) return "Purpose";
  if (use === null || (operations !== undefined && !Array.isArray(operations))) return "Form";
  return Array.isArray(operations) && !operations.includes("verify") ? "Purpose" : undefined;
}

function isKey(jwk: JWK): boolean {
  try {
    createPublicKey({ format: "jwk", key: jwk });
    return true;
  } catch {
    return false;
  }
}

/** In base64url, or in base64 and in lines, which libraries read too. They also read what is no number at all. */
function isNumber(number: string): boolean {
  return /^[\w+/\s-]+[=\s]*$/.test(number);
}

/**
 * Hexadecimal or decimal digits are valid base64url of another number, with which a library verifies nothing. A modulus, or a
 * coordinate, of nothing but such digits is no accident: a random one is at least 43 letters long.
 */
function isOtherNotation(key: Members): boolean {
  const digits = /^(0x)?[0-9a-f:\s]{40,}$/i;
  const exponent = /^(0x)?0*(3|11|17|10001|65537)$/;
  return ["n", "x", "y"].some((member) => digits.test(text(key, member) ?? "")) || exponent.test(text(key, "e") ?? "");
}

function isRsaSize({ n = "" }: JWK): boolean {
  return bits(n) > 0 && bits(n) <= MAX_RSA_BITS;
}

/** The length of a number in base64url, in bits. */
function bits(base64url: string): number {
  const bytes = Buffer.from(base64url, "base64url");
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (bytes.length - first) * 8 - (Math.clz32(bytes[first] ?? 0) - 24);
}
