/** The server's side of SCRAM (RFC 5802, RFC 7677), as MongoDB has it: real enough to tell a wrong password from a right one. */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";

export const SCRAM_MECHANISMS = ["SCRAM-SHA-1", "SCRAM-SHA-256"] as const;
export type ScramMechanism = (typeof SCRAM_MECHANISMS)[number];

/** What the server keeps of a password. */
type Stored = { salt: Buffer; iterations: number; storedKey: Buffer; serverKey: Buffer };

export type Conversation = {
  /** Answers the client's first message with the server's. */
  readonly serverFirst: string;
  /** Checks the client's final message: the server's final one, or undefined for a wrong password. */
  finish(clientFinal: string): string | undefined;
};

const ITERATIONS = { "SCRAM-SHA-1": 10_000, "SCRAM-SHA-256": 15_000 };

/** The user's name in a client's first message: `n,,n=orders,r=nonce`. */
export function userName(clientFirst: string): string {
  const name = /^n,,n=([^,]*),/.exec(clientFirst)?.[1] ?? "";
  return name.replaceAll("=2C", ",").replaceAll("=3D", "=");
}

/**
 * @param password undefined when there is no such user: the conversation goes on, and fails like one with a wrong password
 * @param iterations instead of what MongoDB has
 */
export function converse(
  mechanism: ScramMechanism,
  clientFirst: string,
  password: string | undefined,
  iterations: number = ITERATIONS[mechanism],
): Conversation {
  const hash = mechanism === "SCRAM-SHA-1" ? "sha1" : "sha256";
  const bare = clientFirst.replace(/^n,,/, "");
  const clientNonce = /,r=([^,]*)/.exec(bare)?.[1] ?? "";
  const nonce = clientNonce + randomBytes(18).toString("base64");
  const stored = derive(hash, userName(clientFirst), password ?? randomBytes(16).toString("hex"), iterations);
  const serverFirst = `r=${nonce},s=${stored.salt.toString("base64")},i=${iterations}`;
  return {
    serverFirst,
    finish(clientFinal) {
      const proof = Buffer.from(/,p=(.*)$/.exec(clientFinal)?.[1] ?? "", "base64");
      const withoutProof = clientFinal.replace(/,p=.*$/, "");
      const signed = [bare, serverFirst, withoutProof].join(",");
      const signature = hmac(hash, stored.storedKey, signed);
      const isWhole = proof.length === signature.length && withoutProof === `c=biws,r=${nonce}`;
      if (!isWhole) return undefined;
      const clientKey = Buffer.from(proof.map((byte, index) => byte ^ (signature[index] ?? 0)));
      if (!timingSafeEqual(createHash(hash).update(clientKey).digest(), stored.storedKey)) return undefined;
      return `v=${hmac(hash, stored.serverKey, signed).toString("base64")}`;
    },
  };
}

function derive(hash: "sha1" | "sha256", user: string, password: string, iterations: number): Stored {
  // MongoDB hashes the password first for SCRAM-SHA-1. Ours are ASCII, so SASLprep changes nothing.
  const secret = hash === "sha1" ? createHash("md5").update(`${user}:mongo:${password}`).digest("hex") : password;
  const salt = randomBytes(16);
  // A test of an absurd count does not wait for it here: nobody gets as far as a proof.
  const rounds = Math.min(iterations, 100_000);
  const salted = pbkdf2Sync(secret, salt, rounds, hash === "sha1" ? 20 : 32, hash);
  const storedKey = createHash(hash)
    .update(hmac(hash, salted, "Client Key"))
    .digest();
  return { salt, iterations, storedKey, serverKey: hmac(hash, salted, "Server Key") };
}

function hmac(hash: string, key: Buffer, text: string): Buffer {
  return createHmac(hash, key).update(text).digest();
}
