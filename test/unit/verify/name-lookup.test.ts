/** The names that a name may stand for, what /etc/hosts says of one, and which checks depend on the namespace. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CheckSubject } from "#api/check";
import { inNamespace } from "#api/check-namespace";
import { createLimiter, UNLIMITED } from "#verify/schedule/limiter";
import { createVerdictCache } from "#verify/schedule/verdict-cache";
import { yes } from "#verify/verdict";
import { addressesInHosts } from "#verify/network/name-lookup";
import { clusterDomainOf, searchOrder } from "#verify/network/name-lookup-search";

const order = (host: string, namespace?: string, prefix = "") =>
  searchOrder(host, { namespace, clusterDomain: "cluster.local", prefix });

const ORDERS: [what: string, found: string[], order: string[]][] = [
  [
    "a Service's name is one of the namespace first",
    order("db", "staging"),
    ["db.staging.svc.cluster.local", "db.svc.cluster.local", "db.cluster.local", "db"],
  ],
  [
    "so is a Pod's of a headless Service",
    order("db-0.db", "staging"),
    ["db-0.db.staging.svc.cluster.local", "db-0.db.svc.cluster.local", "db-0.db.cluster.local", "db-0.db"],
  ],
  [
    "a name of three labels is nothing of the namespace's",
    order("id.example.com", "staging"),
    ["id.example.com.svc.cluster.local", "id.example.com.cluster.local", "id.example.com"],
  ],
  ["without a namespace there is none", order("db"), ["db.svc.cluster.local", "db.cluster.local", "db"]],
  [
    "a name with five dots is tried as it is first",
    order("a.b.c.d.e.f"),
    ["a.b.c.d.e.f", "a.b.c.d.e.f.svc.cluster.local", "a.b.c.d.e.f.cluster.local"],
  ],
  ["one that ends in a dot is only itself", order("db.", "staging"), ["db"]],
  [
    "the dots of an SRV name count",
    order("c.abc.mongodb.net", undefined, "_mongodb._tcp."),
    ["c.abc.mongodb.net", "c.abc.mongodb.net.svc.cluster.local", "c.abc.mongodb.net.cluster.local"],
  ],
  [
    "a Service's SRV name is one of the namespace first",
    order("db", "staging", "_mongodb._tcp."),
    ["db.staging.svc.cluster.local", "db.svc.cluster.local", "db.cluster.local", "db"],
  ],
];
for (const [what, found, expected] of ORDERS) test(what, () => assert.equal(found, expected));

const DOMAINS: [what: string, resolvConf: string, domain: string | undefined][] = [
  [
    "a Pod",
    "search appsecret-system.svc.cluster.local svc.cluster.local cluster.local ec2.internal\nnameserver 10.96.0.10\noptions ndots:5\n",
    "cluster.local",
  ],
  [
    "a cluster with a domain of its own",
    "search a.svc.k8s.example.com svc.k8s.example.com k8s.example.com",
    "k8s.example.com",
  ],
  ["dots and tabs", "search\ta.svc.c.x.\tSVC.c.x.\tc.x.\n", "c.x"],
  ["two lists, of which the last counts", "search svc.one\nsearch svc.two\n", "two"],
  ["a machine outside of clusters", "search corp.example.com\nnameserver 1.1.1.1\n", undefined],
  ["a domain that only begins like it", "search svcs.example.com", undefined],
  ["nothing", "", undefined],
];
for (const [what, resolvConf, domain] of DOMAINS) {
  test(`the cluster's domain in the resolv.conf of ${what}`, () => assert.is(clusterDomainOf(resolvConf), domain));
}

const HOSTS = `# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
10.244.0.7\tappsecret-operator-6c9-x2x
# Entries added by HostAliases.
10.1.2.3\tdb.corp.example  DB # the old one
10.1.2.4 db
10.1.2.3 db
nonsense db
`;
const KNOWN: [name: string, addresses: string[]][] = [
  ["localhost", ["127.0.0.1", "::1"]],
  ["db", ["10.1.2.3", "10.1.2.4"]],
  ["DB.", ["10.1.2.3", "10.1.2.4"]],
  ["db.corp.example", ["10.1.2.3"]],
  ["corp.example", []],
  ["the", []],
  ["appsecret-operator-6c9-x2x", []],
];
for (const [name, addresses] of KNOWN) {
  test(`/etc/hosts has ${addresses.length} for ${name}`, () => {
    const found = addressesInHosts(HOSTS, name, "appsecret-operator-6c9-x2x");
    assert.equal(
      found.map(({ address }) => address),
      addresses,
    );
    assert.ok(found.every(({ address, family }) => family === (address.includes(":") ? 6 : 4)));
  });
}

const jwks = (host: string): CheckSubject => ({ kind: "JWKS", uri: `https://${host}/keys` });
const mongo = (rest: string): CheckSubject => ({ kind: "MongoDB", uri: rest, database: "d" });
const SUBJECTS: [subject: CheckSubject, dependsOnNamespace: boolean][] = [
  [jwks("keycloak"), true],
  [jwks("KEYCLOAK:8443"), true],
  [jwks("keycloak.auth"), false],
  [jwks("gitlab.com"), false],
  [jwks("id.example.com"), false],
  [jwks("keycloak.auth.svc.cluster.local"), false],
  [jwks("keycloak."), false],
  [jwks("8.8.8.8"), false],
  [jwks("[2606:4700::1]"), false],
  [{ kind: "JWKS", uri: "none" }, false],
  [mongo("mongodb://mongodb/"), true],
  [mongo("mongodb://u:p%40@mongodb:27017/?a=b"), true],
  [mongo("mongodb://u:p@db-0.db:27017,db-1.db:27017"), true],
  [mongo("mongodb://a.example.com,mongodb:27018/x"), true],
  [mongo("mongodb+srv://u:p@mongodb"), true],
  // What it announces may be short.
  [mongo("mongodb://db.staging.svc"), true],
  [mongo("mongodb://u:p@db-0.db.staging.svc.cluster.local:27017"), true],
  [mongo("mongodb+srv://u:p@cluster0.abc.mongodb.net/x@y"), false],
  [mongo("mongodb://u:p@db.example.com:27017,db2.example.com"), false],
  [mongo("mongodb://10.0.0.1:27017,[fd00::1]:27017"), false],
  [mongo("mongodb://%2Ftmp%2Fmongodb-27017.sock"), false],
  [mongo("none"), false],
  [{ kind: "Atlas", projectId: "p", clusterName: "c", publicKey: "k", privateKey: "s", database: "d" }, false],
];
for (const [subject, depends] of SUBJECTS) {
  const what = "uri" in subject ? subject.uri : subject.kind;
  test(`${what} ${depends ? "depends" : "does not depend"} on the namespace`, () => {
    assert.equal(inNamespace(subject, "staging"), depends ? { ...subject, namespace: "staging" } : subject);
  });
}

const AT_ONCE = { limiter: createLimiter(UNLIMITED), keepMs: 1e9 };
for (const [what, targetOf, checks] of [
  ["200 public targets", (index: number) => jwks(`id-${index % 200}.example.com`), 200],
  ["one public target of two labels", () => jwks("gitlab.com"), 1],
  ["one short name, another in each namespace", () => jwks("keycloak"), 10_000],
] as const) {
  test(`10,000 AppSecrets of as many namespaces with ${what} cost ${checks} checks`, async () => {
    const made: CheckSubject[] = [];
    const check = (subject: CheckSubject) => Promise.resolve(made.push(subject)).then(() => yes("It works."));
    const cache = createVerdictCache({ ...AT_ONCE, checks: { check, budgetOf: () => "" } });
    const answers = Array.from({ length: 10_000 }, (_, index) => {
      const subject = inNamespace(targetOf(index), `team-${index}`);
      return new Promise((listener) => void cache.ask(subject, { maxAgeMs: 1e9, fresh: false, listener }));
    });
    await Promise.all(answers);
    cache.stop();
    assert.is(made.length, checks);
  });
}

test.run();
