/**
 * A real login provider on this machine, for tests and the demo: `oidc-provider` over TLS. It publishes its
 * keys, and issues tokens to one client (OAuth 2.0, client credentials); nobody signs in.
 */
import { generateKeyPair, randomUUID } from "node:crypto";
import type { JsonWebKey } from "node:crypto";
import { createServer } from "node:https";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { Provider } from "oidc-provider";
import type { AdapterConstructor, Configuration, JWK } from "oidc-provider";
import { Agent, fetch } from "undici";
import type { CertificateAuthority } from "./tls.ts";

export type LoginProvider = {
  /** `https://localhost:<port>`, or with the address that it listens on */
  readonly issuer: string;
  /** Answers with the key set. */
  readonly jwksUri: string;
  /** Returns an HTML page with status 200, as many providers do for a wrong path. */
  readonly signInPage: string;
  /** Requests for the key set since the start. */
  readonly keyRequests: number;
  /** A signed access token (JWT, RFC 9068), which the token endpoint gives for `client_id` CLIENT. Its `sub` is CLIENT. */
  issueToken(token: TokenRequest): Promise<string>;
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
  /** Of this machine, for clients elsewhere. Default: loopback. */
  address?: string;
};

export type TokenRequest = {
  /** Whom it is for: its `aud`. */
  audience: string;
  /** Until it expires. Default: 300. */
  seconds?: number;
};

/** Who gets tokens. */
export const CLIENT = "orders-frontend";

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
export async function startLoginProvider({ ca, port = 0, address }: LoginProviderOptions): Promise<LoginProvider> {
  const host = address ?? HOST;
  const { certPem, keyPem } = ca.issue({ hosts: [host, LOOPBACK, "::1"] });
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
      server.listen(on, address ?? LOOPBACK, () => {
        server.removeListener("error", reject);
        resolve();
      });
    });
  await listen(port);
  const ownPort = (server.address() as AddressInfo).port;
  const issuer = `https://${host}:${ownPort}`;
  const secret = randomUUID();

  async function rotateKeys(): Promise<void> {
    const keys = await Promise.all([newKey("rsa"), newKey("ec")]);
    const answer = new Provider(issuer, {
      ...QUIET,
      features: { ...QUIET.features, ...TOKENS },
      clients: [
        {
          client_id: CLIENT,
          client_secret: secret,
          grant_types: ["client_credentials"],
          redirect_uris: [],
          response_types: [],
        },
      ],
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
    async issueToken({ audience, seconds = 300 }) {
      const dispatcher = new Agent({ connect: { ca: ca.caPem } });
      const reply = await fetch(`${issuer}/token`, {
        method: "POST",
        dispatcher,
        headers: { authorization: `Basic ${Buffer.from(`${CLIENT}:${secret}`).toString("base64")}` },
        body: new URLSearchParams({ grant_type: "client_credentials", resource: resourceFor(audience, seconds) }),
      });
      const { access_token: token, error } = (await reply.json()) as { access_token?: string; error?: string };
      await dispatcher.close();
      if (token === undefined) throw new Error(`The login provider gives no token: ${error ?? reply.status}.`);
      return token;
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
const QUIET = {
  adapter: NoStorage as AdapterConstructor,
  features: { devInteractions: { enabled: false } },
  // The default; without this line it prints a notice.
  ttl: { ClientCredentials: (_context, token) => token.resourceServer?.accessTokenTTL ?? 600 },
} satisfies Configuration;

/** The audience and lifetime of a token, as a resource indicator (RFC 8707), which has to be a URI. */
function resourceFor(audience: string, seconds: number): string {
  return `urn:token?${new URLSearchParams({ audience, seconds: String(seconds) }).toString()}`;
}

const TOKENS: Configuration["features"] = {
  clientCredentials: { enabled: true },
  resourceIndicators: {
    enabled: true,
    getResourceServerInfo: (_context, resource) => {
      const { searchParams } = new URL(resource);
      return {
        scope: "",
        audience: searchParams.get("audience") ?? "",
        accessTokenTTL: Number(searchParams.get("seconds")),
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "ES256" } },
      };
    },
  },
};

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
