/** The live checks, put together: each with a way out of its own, all under the same rules. */
import type { CheckKind, Verdict } from "#api/check";
import { Reason } from "#api/status";
import type { Log } from "#common/log";
import { atlas } from "./atlas/index.ts";
import type { Check, CheckDefinition, CheckOptions, Checks, SubjectOf } from "./check.ts";
import { jwks } from "./jwks/index.ts";
import { mongodb } from "./mongodb/index.ts";
import { followCaBundle } from "./network/ca-bundle.ts";
import { createEgressPolicy } from "./network/egress.ts";
import { createHttpClient } from "./network/http.ts";
import type { HttpClient } from "./network/http.ts";
import { proxyFromEnvironment } from "./network/proxy.ts";
import { silence } from "./verdict.ts";

/** The check for each kind of subject. This does not compile while one is missing. */
export const CHECKS: { readonly [K in CheckKind]: CheckDefinition<K> } = {
  JWKS: jwks,
  MongoDB: mongodb,
  Atlas: atlas,
};

export type ChecksOptions = {
  /** See createEgressPolicy. */
  egressAllow: readonly string[];
  egressDeny: readonly string[];
  /** A file with certificates in PEM. */
  caBundle?: string | undefined;
  /** See createEgressPolicy. */
  clusterDomain?: string | undefined;
  /** Of Atlas itself, without the path of its API: https://cloud.mongodb.com */
  atlasBaseUrl: string;
  /** For HTTPS_PROXY and NO_PROXY. */
  env: NodeJS.ProcessEnv;
  log: Log;
};

/** @throws OperatorError `InvalidCaBundle`, `InvalidProxy`: what a person gave cannot be used */
export function createChecks(settings: ChecksOptions): Checks {
  const { egressAllow, egressDeny, caBundle, clusterDomain, atlasBaseUrl, env, log } = settings;
  const policy = createEgressPolicy({
    allow: egressAllow,
    deny: egressDeny,
    clusterDomain,
    ...(caBundle === undefined ? {} : { caBundle: followCaBundle(caBundle, log) }),
  });
  const proxy = proxyFromEnvironment(env);
  const clients: HttpClient[] = [];

  function make<K extends CheckKind>(kind: K): Check<K> {
    const egress = policy.egressFor(CHECKS[kind]);
    const http = createHttpClient(egress, proxy);
    clients.push(http);
    return CHECKS[kind].create({ egress, http, atlasBaseUrl, check });
  }
  function check<K extends CheckKind>(subject: OfKind<K>, options: CheckOptions): Promise<Verdict> {
    return made[subject.kind](subject, options);
  }

  const kinds = Object.keys(CHECKS) as CheckKind[];
  const made = Object.fromEntries(kinds.map((kind) => [kind, make(kind)])) as Made;
  return {
    check,
    budgetOf,
    close: () => Promise.all(clients.map((http) => http.close())).then(() => undefined),
  };
}

/** The checks of an operator that must make no connection: all it knows is that it knows nothing. */
export function offlineChecks(): Checks {
  return {
    check: () =>
      Promise.resolve(
        silence(Reason.Unreachable, "The operator runs with the flag --offline and makes no live checks."),
      ),
    budgetOf,
    close: () => Promise.resolve(),
  };
}

type Made = { [K in CheckKind]: Check<K> };

/** A subject whose kind TypeScript can look up in a record by kind. */
type OfKind<K extends CheckKind> = SubjectOf<K> & { kind: K };

function budgetOf<K extends CheckKind>(subject: OfKind<K>): string {
  return CHECKS[subject.kind].budgetOf(subject);
}
