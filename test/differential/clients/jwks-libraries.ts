/**
 * Whether the common libraries verify a provider's tokens with what it answers: each fetches the document over HTTP, finds
 * the token's key in it, and verifies the signature, as applications do.
 */
import { constants, sign } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createRemoteJWKSet, jwtVerify } from "jose";
import jsonwebtoken from "jsonwebtoken";
import { JwksClient } from "jwks-rsa";
import type { TokenSpec } from "../../corpora/jwks/index.ts";
import { runPython } from "./python.ts";

export const LIBRARIES = ["jose", "jwks-rsa", "PyJWT"] as const;
export type Library = (typeof LIBRARIES)[number];
/** `Verifies`: every token of the case. */
export type Outcome = { answer: "Verifies" } | { answer: "Refuses"; why: string };
export type Outcomes = Readonly<Partial<Record<Library, Outcome>>>;

/** What a provider answers, and the tokens that it signed. */
export type Provider = { respond: (response: ServerResponse, url: string) => void; tokens: readonly TokenSpec[] };

type Signed = { token: string; alg: string; kid?: string };

const USUAL: readonly [Library, (url: string, tokens: readonly Signed[]) => Promise<void>][] = [
  ["jose", verifyWithJose],
  ["jwks-rsa", verifyWithJwksRsa],
];

/**
 * @param python the interpreter that has PyJWT; without it PyJWT has no say
 * @returns what each library makes of each provider, in their order
 */
export async function askLibraries(providers: readonly Provider[], python?: string): Promise<Outcomes[]> {
  const server = createServer((request, response) => {
    const provider = providers[Number(/^\/(\d+)/.exec(request.url ?? "")?.[1])];
    if (provider === undefined) response.writeHead(404).end();
    else provider.respond(response, request.url ?? "");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const cases = providers.map(({ tokens }, index) => ({
    url: `http://127.0.0.1:${port}/${index}/keys`,
    tokens: tokens.map(signed),
  }));
  try {
    const ofPython = python === undefined ? Promise.resolve([]) : runPython<Outcome[]>(python, "jwks.py", cases);
    const own: Record<string, Outcome>[] = [];
    // One after another: hundreds of requests at once would time out on a busy machine.
    for (const { url, tokens } of cases) {
      const all: Record<string, Outcome> = {};
      for (const [library, verify] of USUAL) all[library] = await outcome(() => verify(url, tokens));
      own.push(all);
    }
    const other = await ofPython;
    return own.map((all, index) => ({ ...all, ...(other[index] !== undefined && { PyJWT: other[index] }) }));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function outcome(verify: () => Promise<void>): Promise<Outcome> {
  try {
    await verify();
    return { answer: "Verifies" };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { answer: "Refuses", why: `${name}: ${message.slice(0, 160)}` };
  }
}

async function verifyWithJose(url: string, tokens: readonly Signed[]): Promise<void> {
  const keys = createRemoteJWKSet(new URL(url));
  for (const { token } of tokens) await jwtVerify(token, keys);
}

async function verifyWithJwksRsa(url: string, tokens: readonly Signed[]): Promise<void> {
  const client = new JwksClient({ jwksUri: url, timeout: 5_000 });
  for (const { token, alg, kid } of tokens) {
    const key = await client.getSigningKey(kid);
    jsonwebtoken.verify(token, key.getPublicKey(), { algorithms: [alg as jsonwebtoken.Algorithm] });
  }
}

/** A token of our own making, since no library signs with a key that is too weak. RFC 7515 §5.1, RFC 7518 §3. */
function signed({ privateKey, alg, kid }: TokenSpec): Signed {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1_000);
  const header = { alg, typ: "JWT", ...(kid !== undefined && { kid }) };
  const input = `${part(header)}.${part({ iss: "https://id.example.com", sub: "shop", iat: now, exp: now + 3_600 })}`;
  const hash = /^[RPE]S(\d{3})/.exec(alg)?.[1];
  const signature = sign(hash === undefined ? null : `sha${hash}`, Buffer.from(input), {
    key: privateKey,
    ...(alg.startsWith("ES") && { dsaEncoding: "ieee-p1363" as const }),
    ...(alg.startsWith("PS") && {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    }),
  });
  return { token: `${input}.${signature.toString("base64url")}`, alg, ...(kid !== undefined && { kid }) };
}
