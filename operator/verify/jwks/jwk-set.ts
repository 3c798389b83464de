/**
 * Whether a text is a JSON Web Key Set that an application can use to check tokens (RFC 7517). Pure, though asynchronous:
 * `jose` imports each key as an application would. No message quotes the text, not even a key's id.
 *
 * A No is for what no common library verifies with, or what anyone could forge tokens with. Where libraries differ, nobody knows
 * which one the application has.
 */
import { createHash } from "node:crypto";

import type { Verdict } from "#api/check";
import { Reason } from "#api/status";
import { no, yes } from "../verdict.ts";
import { MIN_RSA_BITS, isObject, isPrivate, isWeak, judgeKey } from "./jwk.ts";
import type { JudgedKey, Leniency, Members, Uselessness } from "./jwk.ts";
import { whatItIsInstead } from "./not-a-key-set.ts";
import { uncertain } from "./uncertain.ts";

/** Providers have 2 to 10. Libraries have no limit. */
const MAX_KEYS = 100;

/** @param body of the response as it came, already limited in size */
export async function judgeKeySet(body: Buffer): Promise<Verdict> {
  const { value, isUtf8 } = parse(body);
  const list = isObject(value) ? value["keys"] : undefined;
  const keys = Array.isArray(list) ? list.filter(isObject) : [];
  if (!Array.isArray(list) || (keys.length === 0 && list.length > 0)) {
    return no(Reason.RejectedNotJWKS, whatItIsInstead(body, value));
  }
  const danger = dangerIn(keys);
  if (danger !== undefined) return danger;

  const judged = await Promise.all(keys.slice(0, MAX_KEYS).map(judgeKey));
  const usable = judged.filter((key) => key.kind === "Usable").filter(({ kid }) => isUtf8 || !isDamaged(kid));
  const chosen = usable.filter((key) => canBeChosen(key, usable));
  const doubt = doubtAbout(judged, chosen, { isUtf8, hasOthers: keys.length < list.length, total: list.length });
  if (chosen.some((key) => chosen.some((other) => isMixedUpWith(key, other)))) {
    return no(
      Reason.RejectedDuplicateKeyID,
      'The login provider publishes several keys with the same "kid" for the same algorithm, so that an application cannot tell which one to use. Give each key its own "kid".',
    );
  }
  if (chosen.length === 0 && doubt === undefined) return nothingToUse(judged, usable.length);
  return doubt === undefined ? yes(`${summary(chosen)}.`, facts(chosen)) : uncertain(doubt, facts(chosen));
}

/** `value` is undefined if it is no JSON. `isUtf8`: otherwise bytes were replaced, as jose and jwks-rsa do it. */
function parse(body: Buffer): { value: unknown; isUtf8: boolean } {
  const read = (fatal: boolean): unknown => JSON.parse(new TextDecoder("utf-8", { fatal }).decode(body));
  try {
    return { value: read(true), isUtf8: true };
  } catch {
    try {
      return { value: read(false), isUtf8: false };
    } catch {
      return { value: undefined, isUtf8: false };
    }
  }
}

/** Its letters outside UTF-8 were replaced: no token names it. */
function isDamaged(kid: string | undefined): boolean {
  return kid?.includes("\ufffd") === true;
}

/** What makes the whole set unusable, however good its other keys are. */
function dangerIn(keys: readonly Members[]): Verdict | undefined {
  if (keys.some(isPrivate)) {
    return no(
      Reason.RejectedPrivateKey,
      "The login provider publishes a private or symmetric key, with which anyone can sign tokens. Remove the key from the key set and replace it.",
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

type UsableKey = Extract<JudgedKey, { kind: "Usable" }>;

function shareAlgorithm(one: UsableKey, other: UsableKey): boolean {
  return one.algorithms.some((algorithm) => other.algorithms.includes(algorithm));
}

/** A token without a "kid" fits every key of its algorithm: no library chooses one of several, however alike they are. */
function canBeChosen(key: UsableKey, all: readonly UsableKey[]): boolean {
  return key.kid !== undefined || all.every((other) => other === key || !shareAlgorithm(key, other));
}

function haveOneID(one: UsableKey, other: UsableKey): boolean {
  return one !== other && one.kid !== undefined && one.kid === other.kid;
}

/** Different keys that a token names by the same "kid" and "alg". */
function isMixedUpWith(one: UsableKey, other: UsableKey): boolean {
  return haveOneID(one, other) && one.thumbprint !== other.thumbprint && shareAlgorithm(one, other);
}

/** RFC 7517 §4.5: equal ids are fine for keys of different types, so only those of one type are doubtful. */
function isConfusable(one: UsableKey, other: UsableKey): boolean {
  const isAlike = one.thumbprint === other.thumbprint;
  return haveOneID(one, other) && (isAlike ? shareAlgorithm(one, other) : areOneType(one, other));
}

/** RS256 and PS512 are for keys of one type, RS256 and ES256 are not. */
function areOneType(one: UsableKey, other: UsableKey): boolean {
  const isRsa = ({ algorithms }: UsableKey): boolean => /^[RP]S/.test(algorithms[0] ?? "");
  return isRsa(one) && isRsa(other);
}

type Surroundings = { isUtf8: boolean; hasOthers: boolean; total: number };

/** Why an application may work with the set or not, depending on its library. */
function doubtAbout(
  judged: readonly JudgedKey[],
  chosen: readonly UsableKey[],
  { isUtf8, hasOthers, total }: Surroundings,
): string | undefined {
  if (total > MAX_KEYS) {
    return `The login provider publishes more than ${MAX_KEYS} keys, and the operator looked at the first ${MAX_KEYS} of them only. Remove keys that are no longer used, or check jwksUri.`;
  }
  if (chosen.length === 0) {
    const because = judged.flatMap((key) => (key.kind === "Lenient" ? [key.because] : []))[0];
    return because === undefined ? undefined : LENIENT[because];
  }
  if (!isUtf8) {
    return "The login provider's key set contains bytes that are not UTF-8, and some libraries refuse it. Configure the server to send UTF-8.";
  }
  if (hasOthers) {
    return 'The login provider\'s list of "keys" contains something that is not a key, such as null, and some libraries refuse the whole set. Remove it.';
  }
  if (chosen.some((key) => chosen.some((other) => isConfusable(key, other)))) {
    return 'The login provider publishes a key twice, or several keys with the same "kid", and some libraries cannot tell which one to use. Remove the copy, or give each key its own "kid".';
  }
  return undefined;
}

const LENIENT: Readonly<Record<Leniency, string>> = {
  Algorithm:
    "The login provider publishes keys for an algorithm that only some libraries know, such as ES256K or Ed448. Check that the library of the application knows it.",
  Purpose:
    'The login provider publishes keys whose "alg" or "key_ops" says that they are not for checking signatures, and some libraries refuse them. Correct the member, or create a signing key.',
  Form: 'The login provider publishes keys whose "use" is null or whose "key_ops" is not a list, and some libraries refuse them. Leave out a member that has no value.',
};

/** @param several keys that would be of use if a token could name them */
function nothingToUse(judged: readonly JudgedKey[], several: number): Verdict {
  if (several > 0) {
    return no(
      Reason.RejectedDuplicateKeyID,
      'The login provider publishes several keys without a "kid", so that an application cannot tell which one to use. Give each key its own "kid".',
    );
  }
  const reasons = judged.flatMap((key) => (key.kind === "Unusable" ? [key.because] : []));
  const told = reasons.find((because) => USELESS[because] !== undefined);
  const message =
    judged.length === 0
      ? "The login provider publishes an empty key set. Create a signing key there."
      : ((told && USELESS[told]) ??
        "The login provider publishes keys, but none of them can be used to check signatures. Create a signing key there, or check jwksUri.");
  return no(Reason.RejectedNoUsableKey, message);
}

const USELESS: Readonly<Partial<Record<Uselessness, string>>> = {
  SPIFFE:
    "The login provider returned a SPIFFE trust bundle, whose keys libraries that check tokens leave out. Use the URL of the OIDC discovery provider of SPIRE instead, /keys.",
  KeyID:
    'The login provider publishes keys whose "kid" is not a text, or is not written "kid", so that no token can name them. Correct it.',
  EmptyPrivate:
    'The login provider publishes keys with a private member ("d" or "priv") that is null or empty, and libraries refuse them. Leave the member out.',
  CertificateOnly:
    'The login provider publishes keys that consist of a certificate (x5c) only, and libraries do not read it. Publish the members of the key, too: "n" and "e", or "crv", "x" and "y".',
  Notation:
    'The login provider publishes keys with numbers in hexadecimal or decimal notation. Encode "n", "e", "x" and "y" in base64url.',
};

function summary(keys: readonly UsableKey[]): string {
  const algorithms = [...new Set(keys.map(({ algorithms: [first] }) => first))].sort();
  return `The login provider publishes ${keys.length} signing ${keys.length === 1 ? "key" : "keys"} (${algorithms.join(", ")})`;
}

function facts(keys: readonly UsableKey[]): { keys: string } {
  const thumbprints = keys.map(({ thumbprint }) => thumbprint).sort();
  return { keys: createHash("sha256").update(thumbprints.join()).digest("base64url") };
}
