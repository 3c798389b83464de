/**
 * Names are looked up as a workload of the AppSecret's namespace does, and never as the operator's own Pod: in a network namespace,
 * with a DNS server of the test's own, and a resolv.conf as the kubelet writes it for the operator.
 */
import { hostname } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createNameLookup } from "#verify/network/name-lookup";
import { startDns } from "#support/verify/dns";
import { findNetworkNamespace, inside } from "#support/verify/in-network-namespace";

const RESOLV_CONF = `search appsecret-system.svc.cluster.local svc.cluster.local cluster.local corp.example
nameserver 127.0.0.1
options ndots:5
`;
const HOSTS = `127.0.0.1 localhost
127.0.0.1 ${hostname()}
127.0.0.9 alias.corp
`;

type Found = {
  lookups: Record<string, { found: string; asked: string[]; ms: number }>;
  hangs: { codes: string[]; otherMs: number; hangingMs: number; withdrawnMs: number; askedLater: number };
  verdicts: Record<string, { verdict: string; asked: string[] }>;
  connections: { beside: number; own: number };
};

const both = (...names: string[]) => names.flatMap((name) => [`A ${name}`, `AAAA ${name}`]).sort();

const LOOKUPS: [what: string, found: string, asked: string[]][] = [
  ["a Service", "127.0.0.3", both("mongodb.staging.svc.cluster.local")],
  [
    "a Service that is only beside the operator",
    "NameNotFound",
    both("mongodb.production.svc.cluster.local", "mongodb.svc.cluster.local", "mongodb.cluster.local", "mongodb"),
  ],
  ["a Pod of a headless Service", "127.0.0.4,fd00::4", both("db-0.db.staging.svc.cluster.local")],
  [
    "a Service of another namespace",
    "127.0.0.5",
    both("db.prod.staging.svc.cluster.local", "db.prod.svc.cluster.local"),
  ],
  [
    "a Service of another namespace with svc",
    "127.0.0.5",
    both("db.prod.svc.svc.cluster.local", "db.prod.svc.cluster.local"),
  ],
  [
    "a Service in full",
    "127.0.0.5",
    both(
      "db.prod.svc.cluster.local.svc.cluster.local",
      "db.prod.svc.cluster.local.cluster.local",
      "db.prod.svc.cluster.local",
    ),
  ],
  [
    "a public name",
    "127.0.0.6",
    both("id.example.com.svc.cluster.local", "id.example.com.cluster.local", "id.example.com"),
  ],
  ["a name in full with a dot", "127.0.0.6", both("id.example.com")],
  [
    "a name of five dots",
    "NameNotFound",
    both("a.b.c.d.e.example", "a.b.c.d.e.example.svc.cluster.local", "a.b.c.d.e.example.cluster.local"),
  ],
  ["an entry of /etc/hosts", "127.0.0.9", []],
  ["localhost", "127.0.0.1", []],
];

const CODES: [what: string, found: string][] = [
  ["only IPv6", "fd00::6"],
  ["a family without an answer", "127.0.0.7"],
  ["no address", "NameNotFound"],
  ["SERVFAIL", "ResolveFailed"],
  ["REFUSED", "ResolveFailed"],
];

const ZONE = {
  "mongodb.staging.svc.k8s.example": { a: ["10.0.0.3"], aaaa: ["fd00::3"] },
  "mongodb.svc.k8s.example": { a: ["10.0.0.66"] },
  "broken.staging.svc.k8s.example": { fails: "servfail" },
  "broken.svc.k8s.example": { a: ["10.0.0.66"] },
  "empty.example.com": {},
} as const;
for (const [host, namespace, found] of [
  ["mongodb", "staging", "10.0.0.3,fd00::3"],
  ["mongodb", undefined, "10.0.0.66"],
  // Not the next in the list: that may be somebody else's.
  ["broken", "staging", "ESERVFAIL"],
  ["empty.example.com", undefined, "ENOTFOUND"],
  ["gone.example.com", undefined, "ENOTFOUND"],
  [`${"x".repeat(64)}.example.com`, undefined, "ENOTFOUND"],
] as const) {
  test(`${host} from ${namespace ?? "any namespace"}: ${found}`, async () => {
    const dns = await startDns(ZONE);
    const lookup = createNameLookup({ clusterDomain: "k8s.example", dnsServers: [dns.address] });
    const told = lookup(host, { namespace, signal: AbortSignal.timeout(5_000) }).then(
      (addresses) => addresses.map(({ address }) => address).join(),
      (error: unknown) => (error as NodeJS.ErrnoException).code,
    );
    assert.is(await told, found);
    await dns.close();
  });
}

test("a look-up ends with its signal", async () => {
  const dns = await startDns({}, true);
  const lookup = createNameLookup({ clusterDomain: "k8s.example", dnsServers: [dns.address] });
  const began = performance.now();
  const told = await lookup("db", { signal: AbortSignal.timeout(50) }).catch((error: unknown) => error);
  assert.is((told as NodeJS.ErrnoException).code, "ECANCELLED");
  assert.ok(performance.now() - began < 1_000);
  await dns.close();
});

const way = await findNetworkNamespace();
if (way === undefined) {
  test.skip("names in a network namespace (unshare -m -n is not permitted here, or `ip` is missing)");
} else {
  const output = await inside(way, RESOLV_CONF, HOSTS, [process.execPath, "test/support/verify/name-lookups.ts"]);
  const { lookups, hangs, verdicts, connections } = JSON.parse(output) as Found;

  for (const [what, found, asked] of LOOKUPS) {
    test(`the workload's: ${what}`, () => {
      assert.is(lookups[what]?.found, found);
      assert.equal(lookups[what]?.asked, asked);
    });
  }
  for (const [what, found] of CODES) test(`${what}: ${found}`, () => assert.is(lookups[what]?.found, found));

  test("the operator's own Pod is no host of anybody", () => {
    assert.is(lookups["the operator's own Pod"]?.found, "NameNotFound");
  });

  test("nothing is looked up in the operator's namespace, or in its node's domains", () => {
    const all = [...Object.values(lookups), ...Object.values(verdicts)].flatMap(({ asked }) => asked);
    assert.equal(
      all.filter((question) => /appsecret-system|corp\.example/.test(question)),
      [],
    );
  });

  test("a family without an answer costs a second", () => {
    assert.ok((lookups["a family without an answer"]?.ms ?? Infinity) < 2_500);
  });

  test("a hundred look-ups that hang delay no other, end in time, and are gone then", () => {
    assert.equal(hangs.codes, ["ResolveFailed"]);
    assert.ok(hangs.otherMs < 1_000, `${hangs.otherMs} ms`);
    assert.ok(hangs.hangingMs < 8_000, `${hangs.hangingMs} ms`);
    assert.ok(hangs.withdrawnMs < 500, `${hangs.withdrawnMs} ms`);
    assert.is(hangs.askedLater, 0);
  });

  test("a check by a short name reaches the namespace's own server, and no other", () => {
    const { verdict, asked } = verdicts["mongodb://u:p@mongodb:27017"] ?? { verdict: "", asked: [] };
    assert.equal(asked.sort(), both("mongodb.staging.svc.cluster.local"));
    assert.is(verdict, "Silence Unreachable");
    assert.equal(connections, { beside: 0, own: 1 });
  });

  test("so does one by a short SRV name", () => {
    const { verdict, asked } = verdicts["mongodb+srv://u:p@set"] ?? { verdict: "", asked: [] };
    assert.equal(asked, ["SRV _mongodb._tcp.set.staging.svc.cluster.local", "TXT set.staging.svc.cluster.local"]);
    assert.is(verdict, "No RejectedURI");
  });

  test("a public SRV name is tried as it is first", () => {
    const { verdict, asked } = verdicts["mongodb+srv://u:p@cluster0.abc.mongodb.example"] ?? { verdict: "", asked: [] };
    assert.is(asked[0], "SRV _mongodb._tcp.cluster0.abc.mongodb.example");
    assert.is(verdict, "No RejectedNameNotFound");
  });
}

test.run();
