/**
 * Our own verdicts, as the comparison calls them. The one place to change when the code that judges them moves.
 */
import { mongodbUriProblem } from "#api/types/database/mongodb-uri";
import { judgeKeySet } from "#verify/jwks/jwk-set";
import { parseMongoUri } from "#verify/mongodb/uri";
import { isLocal } from "#verify/mongodb/hosts";
import { hostsOf } from "./clients/mongodb-drivers.ts";
import type { Reading } from "./clients/mongodb-drivers.ts";

export type Verdict =
  { says: "Yes"; reads?: Reading } | { says: "No" | "Unverifiable"; reason: string; message: string };

/** What the form alone decides of a connection string: at apply, and then in the check before it connects. */
export function ofConnectionString(uri: string): Verdict {
  const problem = mongodbUriProblem(uri);
  if (problem !== undefined) return { says: "No", reason: "refused at apply", message: problem };
  const parsed = parseMongoUri(uri);
  if ("refusal" in parsed) return { says: "No", ...parsed.refusal };
  const { srv, hosts, credentials, authSource, defaultDatabase, tls, replicaSet, doubts } = parsed;
  if (doubts.notes.length > 0) {
    return { says: "Unverifiable", reason: "CannotBeChecked", message: doubts.notes.join("; ") };
  }
  if (srv === undefined && hosts.every(({ host }) => isLocal(host))) {
    return { says: "Unverifiable", reason: "CannotBeChecked", message: "localhost is the application's own" };
  }
  return {
    says: "Yes",
    reads: {
      hosts: hostsOf(srv === undefined ? hosts.map(({ host, port }) => `${host}:${port}`) : [srv.host]),
      login: credentials === undefined ? null : [credentials.username, credentials.password],
      authSource: credentials === undefined ? null : (authSource ?? defaultDatabase ?? "admin"),
      tls,
      database: defaultDatabase === "test" ? null : (defaultDatabase ?? null),
      replicaSet: replicaSet ?? null,
    },
  };
}

/** What is wrong with a key set, from its bytes. */
export async function ofKeySet(body: Buffer): Promise<Verdict> {
  const verdict = await judgeKeySet(body);
  if (verdict.answer === "Yes") return { says: "Yes" };
  return { says: verdict.answer === "No" ? "No" : "Unverifiable", reason: verdict.reason, message: verdict.message };
}
