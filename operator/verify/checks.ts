/** The live checks, put together: one way out for all of them. */
import { Reason } from "#api/status";
import type { Logger } from "#observe/logger";
import type { Check } from "./schedule/verdict-cache.ts";
import { createAtlasCheck } from "./atlas/atlas.ts";
import { followCaBundle } from "./network/ca-bundle.ts";
import { createEgress } from "./network/egress.ts";
import { createHttpClient } from "./network/http.ts";
import { createJwksCheck } from "./jwks/jwks.ts";
import { createMongoCheck } from "./mongodb/mongodb.ts";
import { proxyFromEnvironment } from "./network/proxy.ts";

export type ChecksOptions = {
  /** See createEgress. */
  egressAllow: readonly string[];
  egressDeny: readonly string[];
  /** A file with certificates in PEM. */
  caBundle?: string | undefined;
  /** Of Atlas itself, without the path of its API: https://cloud.mongodb.com */
  atlasBaseUrl: string;
  /** For HTTPS_PROXY and NO_PROXY. */
  env: NodeJS.ProcessEnv;
  log: Logger;
};

export type Checks = { check: Check; close(): Promise<void> };

/** @throws OperatorError `InvalidCaBundle`, `InvalidProxy`: what a person gave cannot be used */
export function createChecks({ egressAllow, egressDeny, caBundle, atlasBaseUrl, env, log }: ChecksOptions): Checks {
  const egress = createEgress({
    allow: egressAllow,
    deny: egressDeny,
    ...(caBundle === undefined ? {} : { caBundle: followCaBundle(caBundle, log) }),
  });
  const http = createHttpClient(egress, proxyFromEnvironment(env));
  const jwks = createJwksCheck({ http });
  const mongo = createMongoCheck({ egress });
  const atlas = createAtlasCheck({ http, pingMongo: mongo, baseUrl: atlasBaseUrl });
  return {
    check(target, options) {
      switch (target.kind) {
        case "JWKS":
          return jwks(target, options);
        case "MongoDB":
          return mongo(target, options);
        case "Atlas":
          return atlas(target, options);
      }
    },
    close: () => http.close(),
  };
}

/** The checks of an operator that is to make no connection: it knows nothing of anybody. */
export function offlineChecks(): Checks {
  return {
    check: () =>
      Promise.resolve({
        answer: "Silence",
        reason: Reason.Unreachable,
        message: "The operator runs with --offline and makes no live checks.",
      }),
    close: () => Promise.resolve(),
  };
}
