/** The live checks, put together: one way out for all of them. */
import { readFileSync } from "node:fs";
import { OperatorError } from "../api/errors.ts";
import { Reason } from "../api/status.ts";
import type { Check } from "./answers.ts";
import { createAtlasCheck } from "./atlas.ts";
import { parseCaBundle } from "./ca.ts";
import { createEgress } from "./egress.ts";
import { createHttpClient } from "./http.ts";
import { createJwksCheck } from "./jwks.ts";
import { createMongoCheck } from "./mongodb.ts";
import { proxyFromEnvironment } from "./proxy.ts";

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
};

export type Checks = { check: Check; close(): Promise<void> };

/** @throws OperatorError `InvalidCaBundle`, `InvalidProxy`: what a person gave cannot be used */
export function createChecks({ egressAllow, egressDeny, caBundle, atlasBaseUrl, env }: ChecksOptions): Checks {
  const egress = createEgress({
    allow: egressAllow,
    deny: egressDeny,
    ...(caBundle === undefined ? {} : { caBundle: readBundle(caBundle) }),
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

function readBundle(file: string): string {
  const refuse = (why: string) => new OperatorError("InvalidCaBundle", `--ca-bundle: ${file} ${why}`);
  let pem: string;
  try {
    pem = readFileSync(file, "utf8");
  } catch {
    throw refuse("cannot be read");
  }
  try {
    parseCaBundle(pem);
  } catch (error) {
    throw error instanceof OperatorError ? refuse(error.message) : error;
  }
  return pem;
}
