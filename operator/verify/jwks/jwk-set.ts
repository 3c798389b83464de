/**
 * Whether a text is a JSON Web Key Set that an application can use to check tokens (RFC 7517). Pure, though asynchronous:
 * `jose` imports each key as an application would. No message quotes the text, not even a key's id.
 */
import { createHash } from "node:crypto";
import { calculateJwkThumbprint, importJWK } from "jose";
import type { JWK } from "jose";

import type { Verdict } from "#api/check";
import { Reason } from "#api/status";
import { no, yes } from "../verdict.ts";

/** Providers have 2 to 10. A set of thousands would slow down every application that looks for the right key in it. */
const MAX_KEYS = 100;
/** RFC 7518 §3.3. */
const MIN_RSA_BITS = 2048;
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

/** Where the right URL is found. */
export const FIND_JWKS_URI = "The provider's /.well-known/openid-configuration contains the right URL as jwks_uri.";

/** @param body of the response as it came, already limited in size */
export async function judgeKeySet(body: Buffer): Promise<Verdict> {
  const set = parse(body);
  if (set === undefined) {
    return no(
      Reason.RejectedNotJWKS,
      /^\s*</.test(body.subarray(0, 256).toString("latin1").replace("\xef\xbb\xbf", ""))
        ? `The login provider returned an HTML or XML page instead of a key set. Check the path in jwksUri. ${FIND_JWKS_URI}`
        : "The login provider's response is not JSON, so it is not a key set. Check jwksUri.",
    );
  }
  const { keys } = set;
  if (!Array.isArray(keys) || !keys.every(isObject)) {
    return no(
      Reason.RejectedNotJWKS,
      typeof set["jwks_uri"] === "string"
        ? "The login provider returned its discovery document instead of a key set. Set jwksUri to the jwks_uri in that document."
        : 'The login provider\'s response is JSON, but not a key set: it has no list of "keys". Check jwksUri.',
    );
  }
  if (keys.length > MAX_KEYS) {
    return no(Reason.RejectedTooLarge, `The login provider publishes more than ${MAX_KEYS} keys. Check jwksUri.`);
  }
  return refusal(keys) ?? verdictOn(keys.length, await usableKeys(keys));
}

/** A member of a key set, not validated yet. */
type Members = Readonly<Record<string, unknown>>;

function parse(body: Buffer): Members | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    return isObject(value) ? value : {};
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Some servers write null for a member that they do not have. */
function text(key: Members, member: string): string | undefined {
  const value = key[member];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** What makes the whole set unusable, however good its other keys are. */
function refusal(keys: readonly Members[]): Verdict | undefined {
  if (keys.some(isPrivate)) {
    return no(
      Reason.RejectedPrivateKey,
      "The login provider publishes a private or symmetric key, with which anyone can sign tokens. Remove the key from the key set and replace it.",
    );
  }
  const ids = keys.filter((key) => key["use"] !== "enc" && text(key, "kid") !== undefined).map(identity);
  if (new Set(ids).size < ids.length) {
    return no(
      Reason.RejectedDuplicateKeyID,
      'The login provider publishes several keys with the same type and "kid", so that an application cannot tell which one to use. Give each key its own "kid".',
    );
  }
  if (keys.some(isWeak)) {
    return no(
      Reason.RejectedWeakKey,
      `The login provider publishes a weak RSA key: it has fewer than ${MIN_RSA_BITS} bits or a bad exponent. Replace it.`,
    );
  }
  return undefined;
}

/** RFC 7517 §4.5: equal ids are fine for keys of different types. */
function identity(key: Members): string {
  return JSON.stringify([text(key, "kty"), text(key, "kid")]);
}

/** RFC 7518 §6.2.2, §6.3.2 and §6.4; `priv`: RFC 9964. In other types `p` and `q` may be public. */
function isPrivate(key: Members): boolean {
  const secret = key["kty"] === "RSA" ? ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] : ["d", "k", "priv"];
  return key["kty"] === "oct" || secret.some((member) => key[member] !== undefined && key[member] !== null);
}

function isWeak(key: Members): boolean {
  const [modulus, exponent] = [text(key, "n"), text(key, "e")];
  if (key["kty"] !== "RSA" || modulus === undefined || exponent === undefined) return false;
  // With the exponent 1 every text is its own signature.
  return bits(modulus) < MIN_RSA_BITS || bits(exponent) < 2;
}

/** The length of a number in base64url, in bits. */
function bits(base64url: string): number {
  const bytes = Buffer.from(base64url, "base64url");
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? 0 : (bytes.length - first) * 8 - (Math.clz32(bytes[first] ?? 0) - 24);
}

type UsableKey = { algorithm: string; thumbprint: string };

/** RFC 7517 §5: a key that is unknown or broken is ignored. */
async function usableKeys(keys: readonly Members[]): Promise<UsableKey[]> {
  const usable: UsableKey[] = [];
  for (const key of keys) {
    const candidate = signingKey(key);
    if (candidate === undefined) continue;
    try {
      await importJWK(candidate.jwk, candidate.algorithm);
      usable.push({ algorithm: candidate.algorithm, thumbprint: await calculateJwkThumbprint(candidate.jwk) });
    } catch {
      // A point that is not on its curve, a number that is not base64url.
    }
  }
  return usable;
}

/** Its public members only, and its algorithm. */
function signingKey(key: Members): { jwk: JWK; algorithm: string } | undefined {
  const use = text(key, "use");
  const operations = key["key_ops"];
  if (use !== undefined && use !== "sig") return undefined;
  if (Array.isArray(operations) && !operations.includes("verify")) return undefined;

  const kty = text(key, "kty") ?? "";
  const members = (Object.hasOwn(MEMBERS, kty) ? MEMBERS[kty] : undefined)?.map(
    (name) => [name, text(key, name)] as const,
  );
  if (members === undefined || members.some(([, value]) => value === undefined)) return undefined;
  if (kty === "RSA" && bits(text(key, "n") ?? "") > MAX_RSA_BITS) return undefined;

  const algorithms = algorithmsOf(kty, text(key, "crv"));
  const algorithm = algorithms?.find((one) => one === (text(key, "alg") ?? algorithms[0]));
  return algorithm === undefined ? undefined : { jwk: { kty, ...Object.fromEntries(members) }, algorithm };
}

/** The first one is for a key without "alg". */
function algorithmsOf(kty: string, curve = ""): readonly string[] | undefined {
  if (kty === "RSA") return RSA_ALGORITHMS;
  return kty === "AKP" ? POST_QUANTUM_ALGORITHMS : CURVE_ALGORITHMS[`${kty} ${curve}`];
}

function verdictOn(total: number, usable: readonly UsableKey[]): Verdict {
  if (usable.length === 0) {
    return no(
      Reason.RejectedNoUsableKey,
      total === 0
        ? "The login provider publishes an empty key set. Create a signing key there."
        : "The login provider publishes keys, but none of them can be used to check signatures. Create a signing key there, or check jwksUri.",
    );
  }
  const algorithms = [...new Set(usable.map(({ algorithm }) => algorithm))].sort();
  const thumbprints = usable.map(({ thumbprint }) => thumbprint).sort();
  return yes(
    `The login provider publishes ${usable.length} signing ${usable.length === 1 ? "key" : "keys"} (${algorithms.join(", ")}).`,
    { keys: createHash("sha256").update(thumbprints.join()).digest("base64url") },
  );
}
