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
  /** Of Atlas itself, without the path of its API: https://cloud.mongodb.com */
  atlasBaseUrl: string;
  /** For HTTPS_PROXY, NO_PROXY and UV_THREADPOOL_SIZE. */
  env: NodeJS.ProcessEnv;
  log: Log;
};

/** @throws OperatorError `InvalidCaBundle`, `InvalidProxy`: what a person gave cannot be used */
export function createChecks({ egressAllow, egressDeny, caBundle, atlasBaseUrl, env, log }: ChecksOptions): Checks {
  warnOfFewThreads(env, log);
  const policy = createEgressPolicy({
    allow: egressAllow,
    deny: egressDeny,
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

/** So many names without an answer may be looked up at once before another name has to wait. Measured: see process/thread-pool.ts. */
const ENOUGH_THREADS = 128;

/**
 * The resolver of the system (getaddrinfo) runs on threads of Node's pool, and one whose DNS server does not answer holds its
 * thread for ten seconds and longer. The size of the pool is the business of the process: it must be set before the pool is first
 * used, which no room can see to.
 */
function warnOfFewThreads(env: NodeJS.ProcessEnv, log: Log): void {
  const threads = Number(env["UV_THREADPOOL_SIZE"] ?? 4);
  // A size that is no number is not enough either.
  if (threads >= ENOUGH_THREADS) return;
  log.warn(
    { threads },
    `the thread pool is small: a DNS server that does not answer delays other checks. Set UV_THREADPOOL_SIZE to ${ENOUGH_THREADS} or more`,
  );
}
