/**
 * A real login provider on this machine, for tests and the demo: `oidc-provider` over TLS, on loopback. It is asked for its
 * keys; nobody signs in.
 */
import { generateKeyPair, randomUUID } from "node:crypto";
import type { JsonWebKey } from "node:crypto";
import { createServer } from "node:https";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { Provider } from "oidc-provider";
import type { AdapterConstructor, JWK } from "oidc-provider";
import type { CertificateAuthority } from "./tls.ts";

export type LoginProvider = {
  /** `https://localhost:<port>` */
  readonly issuer: string;
  /** Answers with the key set. */
  readonly jwksUri: string;
  /** Answers with a page for people and status 200: what a wrong path at many a provider leads to. */
  readonly signInPage: string;
  /** Requests for the key set since the start. */
  readonly keyRequests: number;
  /** Replaces all keys by new ones of the same kinds. */
  rotateKeys(): Promise<void>;
  /** Cuts all connections; `start` listens on the same port again. */
  stop(): Promise<void>;
  start(): Promise<void>;
};

export type LoginProviderOptions = {
  ca: CertificateAuthority;
  /** Default: a free one. */
  port?: number;
};

const HOST = "localhost";
const LOOPBACK = "127.0.0.1";

/**
 * Started, with one RSA key (RS256) and one EC key (ES256).
 *
 * @example
 * const ca = createCertificateAuthority();
 * const provider = await startLoginProvider({ ca });
 * console.log(provider.jwksUri); // trust ca.caPem to read it
 * await provider.stop();
 */
export async function startLoginProvider({ ca, port = 0 }: LoginProviderOptions): Promise<LoginProvider> {
  const { certPem, keyPem } = ca.issue({ hosts: [HOST, LOOPBACK, "::1"] });
  let provider: RequestListener | undefined;
  let keyRequests = 0;
  const server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
    if (request.url === "/jwks") keyRequests += 1;
    if (request.url !== "/sign-in") provider?.(request, response);
    else response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(SIGN_IN_PAGE);
  });

  const listen = (on: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(on, LOOPBACK, () => {
        server.removeListener("error", reject);
        resolve();
      });
    });
  await listen(port);
  const ownPort = (server.address() as AddressInfo).port;
  const issuer = `https://${HOST}:${ownPort}`;

  async function rotateKeys(): Promise<void> {
    const keys = await Promise.all([newKey("rsa"), newKey("ec")]);
    const answer = new Provider(issuer, {
      ...QUIET,
      jwks: { keys },
      cookies: { keys: [randomUUID()] },
    }).callback();
    provider = (request, response) => void answer(request, response);
  }
  await rotateKeys();

  return {
    issuer,
    jwksUri: `${issuer}/jwks`,
    signInPage: `${issuer}/sign-in`,
    get keyRequests() {
      return keyRequests;
    },
    rotateKeys,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    start: () => listen(ownPort),
  };
}

const SIGN_IN_PAGE = "<!doctype html><title>Sign in</title><h1>Sign in</h1>\n";

/** Nobody signs in, so nothing is stored. Without an adapter and with its own pages, the provider warns on the console. */
class NoStorage {
  async find(): Promise<undefined> {}
  async findByUid(): Promise<undefined> {}
  async findByUserCode(): Promise<undefined> {}
  async upsert(): Promise<undefined> {}
  async consume(): Promise<undefined> {}
  async destroy(): Promise<undefined> {}
  async revokeByGrantId(): Promise<undefined> {}
}
const QUIET = { adapter: NoStorage as AdapterConstructor, features: { devInteractions: { enabled: false } } };

const KINDS = {
  rsa: { generate: () => promisify(generateKeyPair)("rsa", { modulusLength: 2048 }), alg: "RS256" },
  ec: { generate: () => promisify(generateKeyPair)("ec", { namedCurve: "P-256" }), alg: "ES256" },
};

async function newKey(kind: keyof typeof KINDS): Promise<JWK> {
  const { generate, alg } = KINDS[kind];
  const { privateKey } = await generate();
  const jwk: JsonWebKey = privateKey.export({ format: "jwk" });
  return { ...(jwk as JWK), alg, use: "sig", kid: randomUUID() };
}
