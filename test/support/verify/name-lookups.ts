/** Runs in a network namespace (name-lookup.test.ts): its own DNS server, two databases, and the operator's checks. Prints JSON. */
import { once } from "node:events";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { MongoSubject } from "#api/check";
import { inNamespace } from "#api/check-namespace";
import { silent } from "#common/log";
import { createChecks } from "#verify/checks";
import { createEgressPolicy } from "#verify/network/egress";
import type { EgressError } from "#verify/network/egress";
import { startDns } from "./dns.ts";
import type { Records } from "./dns.ts";

/** The operator's own Pod is in the namespace appsecret-system, and somebody has put servers of the same names there. */
const ZONE: Record<string, Records> = {
  "mongodb.appsecret-system.svc.cluster.local": { a: ["127.0.0.2"] },
  "mongodb.staging.svc.cluster.local": { a: ["127.0.0.3"] },
  "db-0.db.staging.svc.cluster.local": { a: ["127.0.0.4"], aaaa: ["fd00::4"] },
  "db.prod.svc.cluster.local": { a: ["127.0.0.5"] },
  "db.prod.svc.staging.svc.cluster.local": { a: ["127.0.0.66"] },
  "id.example.com": { a: ["127.0.0.6"] },
  "only-v6.example.com": { aaaa: ["fd00::6"] },
  "half.example.com": { a: ["127.0.0.7"], silentFor: ["AAAA"] },
  "empty.example.com": {},
  "broken.example.com": { fails: "servfail" },
  "refused.example.com": { fails: "refused" },
  "hangs.staging.svc.cluster.local": { fails: "silent" },
  "_mongodb._tcp.set.staging.svc.cluster.local": { srv: [{ name: "member.elsewhere.example", port: 27017 }] },
  "_mongodb._tcp.cluster0.abc.mongodb.example": { srv: [] },
};

const dns = await startDns(ZONE, false, { port: 53 });
const egress = createEgressPolicy({ allow: ["127.0.0.0/8", "fd00::/8"] }).egressFor({
  purpose: "a database",
  mayBePrivate: true,
});

async function found(host: string, namespace?: string): Promise<string> {
  return egress.resolve(host, { namespace }).then(
    (addresses) => addresses.map(({ address }) => address).join(),
    (error: unknown) => (error as EgressError).code,
  );
}

/** Hangs up on everyone. @returns how many came */
async function database(address: string): Promise<() => number> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.end();
  });
  await once(server.listen(27017, address), "listening");
  server.unref();
  return () => connections;
}

const lookups: Record<string, { found: string; asked: string[]; ms: number }> = {};
for (const [what, host, namespace] of [
  ["a Service", "mongodb", "staging"],
  ["a Service that is only beside the operator", "mongodb", "production"],
  ["a Pod of a headless Service", "db-0.db", "staging"],
  ["a Service of another namespace", "db.prod", "staging"],
  ["a Service of another namespace with svc", "db.prod.svc", "staging"],
  ["a Service in full", "db.prod.svc.cluster.local", undefined],
  ["a public name", "id.example.com", undefined],
  ["a name in full with a dot", "id.example.com.", "staging"],
  ["a name of five dots", "a.b.c.d.e.example", undefined],
  ["only IPv6", "only-v6.example.com", undefined],
  ["a family without an answer", "half.example.com", undefined],
  ["no address", "empty.example.com", undefined],
  ["SERVFAIL", "broken.example.com", undefined],
  ["REFUSED", "refused.example.com", undefined],
  ["an entry of /etc/hosts", "alias.corp", "staging"],
  ["localhost", "localhost", "staging"],
  ["the operator's own Pod", hostname(), "staging"],
] as const) {
  dns.asked.length = 0;
  const began = performance.now();
  lookups[what] = { found: await found(host, namespace), asked: [...dns.asked].sort(), ms: performance.now() - began };
}

// A server that does not answer delays the one that asks it, and nobody else.
dns.asked.length = 0;
const hanging = Array.from({ length: 100 }, () => found("hangs", "staging"));
await sleep(50);
const began = performance.now();
await found("id.example.com");
const otherMs = performance.now() - began;
const codes = new Set(await Promise.all(hanging));
const hangingMs = performance.now() - began;
const given = new AbortController();
const withdrawn = egress.resolve("hangs", { namespace: "staging", signal: given.signal }).catch(() => "ended");
await sleep(50);
given.abort();
const withdrawnAt = performance.now();
await withdrawn;
const withdrawnMs = performance.now() - withdrawnAt;
// A look-up that has ended asks nothing again.
await sleep(100);
const askedThen = dns.asked.length;
await sleep(4_000);
const askedLater = dns.asked.length - askedThen;

// The whole check, as the operator makes it: who gets the login?
const beside = await database("127.0.0.2");
const own = await database("127.0.0.3");
const log = silent;
const checks = createChecks({ egressAllow: ["127.0.0.0/8"], egressDeny: [], atlasBaseUrl: "https://x", env: {}, log });
const verdicts: Record<string, { verdict: string; asked: string[] }> = {};
const { signal } = new AbortController();
for (const uri of [
  "mongodb://u:p@mongodb:27017",
  "mongodb+srv://u:p@set",
  "mongodb+srv://u:p@cluster0.abc.mongodb.example",
  "mongodb://u:p@localhost:27017",
]) {
  const subject: MongoSubject = { kind: "MongoDB", uri, database: "d" };
  dns.asked.length = 0;
  const verdict = await checks.check(inNamespace(subject, "staging"), { signal, fresh: false });
  verdicts[uri] = { verdict: `${verdict.answer} ${"reason" in verdict ? verdict.reason : ""}`, asked: [...dns.asked] };
}
await Promise.all([checks.close(), dns.close()]);
const connections = { beside: beside(), own: own() };
const hangs = { codes: [...codes], otherMs, hangingMs, withdrawnMs, askedLater };
process.stdout.write(JSON.stringify({ lookups, hangs, verdicts, connections }));
