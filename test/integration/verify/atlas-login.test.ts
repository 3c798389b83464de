/** The check of an Atlas cluster with a database user: Atlas's answer leads by SRV record and TLS to a real database. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { startAtlas } from "#testbed/servers/atlas";
import { startMongoDB } from "#testbed/servers/mongodb";
import { createCertificateAuthority } from "#testbed/servers/tls";
import type { Verdict } from "#api/check";
import { createAtlasCheck } from "#verify/atlas/atlas";
import { CHECKS } from "#verify/checks";
import { createEgressPolicy } from "#verify/network/egress";
import { createHttpClient } from "#verify/network/http";
import { createMongoCheck } from "#verify/mongodb/mongodb";
import { DOMAIN, PASSWORD, USER, WRONG_PASSWORD, inShort } from "#support/verify/check";
import { startDns } from "#support/verify/dns";

const PROJECT = "64f0a1b2c3d4e5f6a7b8c9d0";
const KEY = { publicKey: "canary-public", privateKey: "canary-private" };
const address = (name: string): { stateName: "IDLE"; standardSrv: string } => ({
  stateName: "IDLE",
  standardSrv: `mongodb+srv://${name}.${DOMAIN}`,
});

const authority = createCertificateAuthority();
const database = await startMongoDB({
  users: { [USER]: { password: PASSWORD, databases: ["orders"] } },
  tls: authority.issue({ hosts: [`shard-0.${DOMAIN}`] }),
});
const atlas = await startAtlas({
  certificate: authority.issue({ hosts: ["127.0.0.1"] }),
  keys: { [KEY.publicKey]: { privateKey: KEY.privateKey, projects: [PROJECT] } },
  projects: { [PROJECT]: { here: address("here"), unborn: address("unborn") } },
});
const dns = await startDns({
  [`_mongodb._tcp.here.${DOMAIN}`]: { srv: [{ name: `shard-0.${DOMAIN}`, port: database.port }] },
  [`here.${DOMAIN}`]: { txt: ["authSource=admin"] },
});
const policy = createEgressPolicy({
  allow: ["127.0.0.0/8"],
  caBundle: () => authority.caPem,
  lookup: async (name) => (name.endsWith(DOMAIN) ? [{ address: "127.0.0.1", family: 4 }] : []),
});
const http = createHttpClient(policy.egressFor(CHECKS.Atlas));
const check = createAtlasCheck({
  http,
  pingMongo: createMongoCheck({ egress: policy.egressFor(CHECKS.MongoDB), dnsServers: [dns.address] }),
  baseUrl: atlas.baseUrl,
});

const verdictOn = (clusterName: string, password: string, name: string): Promise<Verdict> =>
  check(
    {
      ...{ kind: "Atlas", projectId: PROJECT, clusterName, ...KEY, database: name },
      databaseUser: { username: USER, password },
    },
    { signal: new AbortController().signal },
  );

type Case = [name: string, cluster: string, password: string, database: string, expected: string, message: RegExp];

const CASES: Case[] = [
  ["the right password", "here", PASSWORD, "orders", "Yes", /login to the Atlas cluster "here" works/],
  ["a wrong password", "here", WRONG_PASSWORD, "orders", "No RejectedAuthentication", /databaseUser/],
  ["a database without a role", "here", PASSWORD, "invoices", "No RejectedNotAuthorized", /Grant a role/],
  [
    "a password with a line break behind it",
    "here",
    `${PASSWORD}\n`,
    "orders",
    "No RejectedAuthentication",
    /password of databaseUser.*line break/,
  ],
  [
    "a cluster that is too young for DNS",
    "unborn",
    PASSWORD,
    "orders",
    "Waiting RejectedNameNotFound",
    /not in DNS yet/,
  ],
];
for (const [name, cluster, password, inDatabase, expected, message] of CASES) {
  test(name, async () => {
    const verdict = await verdictOn(cluster, password, inDatabase);
    assert.is(inShort(verdict), expected, verdict.message);
    assert.match(verdict.message, message);
    assert.not.match(verdict.message, /canary|%2F/, "a key, a password or a host");
    if (verdict.answer === "Yes") assert.equal(verdict.facts, { host: `here.${DOMAIN}` });
  });
}

test("a database that is down is silence, and a hint to Atlas's access list; the address is known", async () => {
  await database.goDown();
  const verdict = await verdictOn("here", PASSWORD, "orders");
  assert.is(verdict.answer, "Silence", verdict.message);
  assert.match(verdict.message, /IP access list of the Atlas project/);
  assert.equal(verdict.answer === "Silence" && verdict.facts, { host: `here.${DOMAIN}` }, "Atlas did say where it is");
});

test.after(async () => {
  await Promise.all([http.close(), atlas.close(), dns.close(), database.stop()]);
});

test.run();
