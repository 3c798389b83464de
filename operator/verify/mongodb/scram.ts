/**
 * The client's side of SCRAM (RFC 5802, RFC 7677), as MongoDB uses it: no channel binding, and for SCRAM-SHA-1 a password
 * that was hashed first.
 *
 * The server is not trusted: it decides how many iterations the password is hashed. Few of them let it find the password
 * from the proof; two thousand million hold a thread of Node's pool (files, DNS, crypto) for ten minutes.
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { saslprep } from "@mongodb-js/saslprep";

export const SCRAM_MECHANISMS = ["SCRAM-SHA-1", "SCRAM-SHA-256"] as const;
export type ScramMechanism = (typeof SCRAM_MECHANISMS)[number];

/** The least that drivers accept. MongoDB's defaults are 10,000 (SHA-1) and 15,000 (SHA-256). */
const MIN_ITERATIONS = 4_096;
/** About half a second of a processor. */
const MAX_ITERATIONS = 999_999;

const HASHES = { "SCRAM-SHA-1": { name: "sha1", bytes: 20 }, "SCRAM-SHA-256": { name: "sha256", bytes: 32 } } as const;

/** RFC 5802 §7, without extensions: a mandatory one ("m=") must end the login. */
const SERVER_FIRST = /^r=(?<nonce>[!-+\--~]+),s=(?<salt>[A-Za-z0-9+/]+={0,2}),i=(?<iterations>[1-9][0-9]{0,15})$/;
const SERVER_FINAL = /^v=(?<signature>[A-Za-z0-9+/]+={0,2})$/;

const hashPassword = promisify(pbkdf2);

export type ScramLogin = {
  /** The client's first message. */
  readonly first: string;
  /** Answers the server's first message. */
  answer(serverFirst: string): Promise<ScramAnswer>;
};

export type ScramAnswer =
  | {
      kind: "Proof";
      /** The client's final message. */
      final: string;
      /** Whether the server's final message proves that the server knows the password, too. */
      proves(serverFinal: string): boolean;
    }
  | { kind: "Malformed" }
  | { kind: "IterationsOutOfBounds" };

/**
 * @param nonce for tests: the specifications print conversations
 * @returns undefined when SCRAM-SHA-256 forbids the password (SASLprep, RFC 4013)
 */
export function beginScram(
  mechanism: ScramMechanism,
  username: string,
  password: string,
  nonce = randomBytes(24).toString("base64"),
): ScramLogin | undefined {
  const hash = HASHES[mechanism];
  const secret = mechanism === "SCRAM-SHA-1" ? digested(username, password) : prepared(password);
  if (secret === undefined) return undefined;
  const bare = `n=${username.replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${nonce}`;
  const hmac = (key: Buffer, text: string) => createHmac(hash.name, key).update(text).digest();

  return {
    first: `n,,${bare}`,
    async answer(serverFirst) {
      const fields = SERVER_FIRST.exec(serverFirst)?.groups;
      const bothNonces = fields?.["nonce"] ?? "";
      if (fields === undefined || !bothNonces.startsWith(nonce) || bothNonces === nonce) return { kind: "Malformed" };
      const iterations = Number(fields["iterations"]);
      if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) return { kind: "IterationsOutOfBounds" };
      const salt = Buffer.from(fields["salt"] ?? "", "base64");
      const salted = await hashPassword(secret, salt, iterations, hash.bytes, hash.name);

      const withoutProof = `c=biws,r=${bothNonces}`;
      const signed = [bare, serverFirst, withoutProof].join(",");
      const clientKey = hmac(salted, "Client Key");
      const clientSignature = hmac(createHash(hash.name).update(clientKey).digest(), signed);
      const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (clientSignature[index] ?? 0)));
      const serverSignature = hmac(hmac(salted, "Server Key"), signed);
      return {
        kind: "Proof",
        final: `${withoutProof},p=${proof.toString("base64")}`,
        proves(serverFinal) {
          const shown = Buffer.from(SERVER_FINAL.exec(serverFinal)?.groups?.["signature"] ?? "", "base64");
          return shown.length === serverSignature.length && timingSafeEqual(shown, serverSignature);
        },
      };
    },
  };
}

/** What MongoDB keeps in place of the password, for SCRAM-SHA-1. */
function digested(username: string, password: string): string {
  return createHash("md5").update(`${username}:mongo:${password}`).digest("hex");
}

function prepared(password: string): string | undefined {
  try {
    return saslprep(password);
  } catch {
    return undefined;
  }
}
