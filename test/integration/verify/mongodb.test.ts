/** The MongoDB check against a real database with real logins, over TCP and TLS. A failure of every kind, by name. */
import { MongoClient, MongoServerError } from "mongodb";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { startMongoDB } from "#testbed/servers/mongodb";
import type { MongoDB } from "#testbed/servers/mongodb";
import { createCertificateAuthority } from "#testbed/servers/tls";
import { createMongoCheck } from "#verify/mongodb/mongodb";
import { startDns } from "#support/verify/dns";
import { egressFor } from "#support/verify/egress";
import { refusingPort } from "#support/verify/refusing";
import type { Records } from "#support/verify/dns";
import { DOMAIN, LOGIN, PASSWORD, USER, WRONG_LOGIN, WRONG_PASSWORD, inShort, verdictOn } from "#support/verify/check";
import type { CheckOptions, Expected } from "#support/verify/check";

const authority = createCertificateAuthority();
const stranger = createCertificateAuthority();
const users = {
  [USER]: { password: PASSWORD, databases: ["orders"] },
  "canary-old": { password: PASSWORD, mechanisms: ["SCRAM-SHA-1" as const] },
  "canary-elsewhere": { password: PASSWORD, source: "users" },
  "canary-ldap": { password: PASSWORD, source: "$external", mechanisms: ["PLAIN" as const] },
  "canary=a,b=c,d": { password: PASSWORD },
};
const started: MongoDB[] = [];
const start = async (options: Parameters<typeof startMongoDB>[0]) => {
  const server = await startMongoDB(options);
  started.push(server);
  return server;
};
const refusing = await refusingPort();
const plain = await start({ users });
const open = await start({});
const secure = await start({ users, tls: authority.issue({ hosts: [`db.${DOMAIN}`, "127.0.0.1"] }) });
const expired = await start({
  users,
  tls: authority.issue({ hosts: ["127.0.0.1"], notBefore: new Date(0), notAfter: new Date(86_400_000) }),
});

const rejections: unknown[] = [];
process.on("unhandledRejection", (reason) => rejections.push(reason));

const user = { name: USER, password: PASSWORD };
const trusting = { caBundle: authority.caPem };
const sourceOf = (name: string) => `mongodb://${name}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${plain.port}/`;

type Case = [name: string, uri: string, expected: Expected, options?: CheckOptions, message?: RegExp];

const CASES: Case[] = [
  ["the right password", plain.uri(user), "Yes"],
  ["the right password by SCRAM-SHA-1", plain.uri(user, "authMechanism=SCRAM-SHA-1"), "Yes"],
  ["the right password by SCRAM-SHA-256", plain.uri(user, "authMechanism=SCRAM-SHA-256"), "Yes"],
  ["a user of SCRAM-SHA-1 only, no mechanism named", sourceOf("canary-old"), "Yes"],
  [
    "a user of another database, named by authSource",
    `${sourceOf("canary-elsewhere")}?authSource=users`,
    "Yes",
    { database: "any" },
  ],
  ["a user of another database, named by the path", `${sourceOf("canary-elsewhere")}users`, "Yes", { database: "any" }],
  ["a user name with commas and equal signs", plain.uri({ name: "canary=a,b=c,d", password: PASSWORD }), "Yes"],
  [
    "the same by SCRAM-SHA-1",
    plain.uri({ name: "canary=a,b=c,d", password: PASSWORD }, "authMechanism=SCRAM-SHA-1"),
    "Yes",
  ],
  ["no login where none is wanted", open.uri(), "Yes"],
  [
    "a wrong password",
    plain.uri({ ...user, password: WRONG_PASSWORD }),
    "No RejectedAuthentication",
    {},
    /user name, password and authSource/,
  ],
  [
    "a wrong password by SCRAM-SHA-1",
    plain.uri({ ...user, password: WRONG_PASSWORD }, "authMechanism=SCRAM-SHA-1"),
    "No RejectedAuthentication",
  ],
  ["a user whom nobody knows", plain.uri({ name: "canary-nobody", password: PASSWORD }), "No RejectedAuthentication"],
  ["the wrong authSource", plain.uri(user, "authSource=canary-db"), "No RejectedAuthentication", {}, /authSource/],
  [
    "the path's database does not know the user",
    sourceOf("canary-elsewhere"),
    "No RejectedAuthentication",
    { database: "any" },
  ],
  ["no login where one is wanted", plain.uri(), "No RejectedAuthentication", {}, /Add user name and password/],
  [
    "a mechanism that the user does not have",
    `${sourceOf("canary-old")}?authMechanism=SCRAM-SHA-256`,
    "No RejectedAuthentication",
    {},
    /authMechanism/,
  ],
  [
    "a password that SCRAM-SHA-256 forbids",
    plain.uri({ ...user, password: "canary-\u06dd\u0221" }, "authMechanism=SCRAM-SHA-256"),
    "No RejectedURI",
    {},
    /RFC 4013/,
  ],
  [
    "no rights in the named database",
    plain.uri(user),
    "No RejectedNotAuthorized",
    { database: "invoices" },
    /Grant a role/,
  ],
  ["a replica set where there is none", plain.uri(user, "replicaSet=canary-rs"), "No RejectedServer", {}, /replicaSet/],
  ["TLS with a trusted CA, by address", secure.uri(user), "Yes", trusting],
  ["TLS with a trusted CA, by name", `mongodb://${LOGIN}db.${DOMAIN}:${secure.port}/?tls=true`, "Yes", trusting],
  [
    "TLS, PLAIN at a server that does not have it",
    secure.uri(user, "authMechanism=PLAIN"),
    "No RejectedAuthentication",
    trusting,
  ],
  ["TLS, PLAIN", secure.uri({ name: "canary-ldap", password: PASSWORD }, "authMechanism=PLAIN"), "Yes", trusting],
  [
    "TLS, PLAIN with a wrong password",
    secure.uri({ name: "canary-ldap", password: WRONG_PASSWORD }, "authMechanism=PLAIN"),
    "No RejectedAuthentication",
    trusting,
  ],
  [
    "TLS with a certificate of a stranger's CA",
    secure.uri(user),
    "No RejectedTLS",
    { caBundle: stranger.caPem },
    /--ca-bundle/,
  ],
  [
    "TLS with a certificate for another name",
    `mongodb://${LOGIN}other.${DOMAIN}:${secure.port}/?tls=true`,
    "No RejectedTLS",
    trusting,
    /another name/,
  ],
  [
    "TLS with a CA of the application's own, where the operator's CAs are enough",
    secure.uri(user, "tlsCAFile=/canary-ca.pem"),
    "Unverifiable CannotBeChecked",
    trusting,
    /accepted the login.*Not checked: tlsCAFile/,
  ],
  [
    "TLS with a CA of the application's own, where they are not",
    secure.uri(user, "tlsCAFile=/canary-ca.pem"),
    "Unverifiable CannotBeChecked",
    { caBundle: stranger.caPem },
    /CA that the operator does not trust/,
  ],
  [
    "a CA of the application's own and a wrong password",
    secure.uri({ ...user, password: WRONG_PASSWORD }, "tlsCAFile=/canary-ca.pem"),
    "No RejectedAuthentication",
    trusting,
  ],
  [
    "TLS that does not look at certificates, at a stranger: it gets no login",
    secure.uri(user, "tlsInsecure=true"),
    "Unverifiable CannotBeChecked",
    { caBundle: stranger.caPem },
    /certificate, which the check does not accept/,
  ],
  [
    "an expired certificate, which a CA of one's own does not mend",
    expired.uri(user, "tlsCAFile=/canary-ca.pem"),
    "No RejectedTLS",
    trusting,
  ],
  [
    "the application's client certificate",
    `mongodb://127.0.0.1:${secure.port}/?tls=true&authMechanism=MONGODB-X509`,
    "Unverifiable CannotBeChecked",
    trusting,
    /responded.*Not checked: the login/,
  ],
  [
    "PLAIN without TLS",
    plain.uri(user, "authMechanism=PLAIN"),
    "Unverifiable CannotBeChecked",
    {},
    /Not checked: the login, because.*unencrypted/,
  ],
  ["localhost, without a flag", `mongodb://${LOGIN}localhost/`, "Unverifiable CannotBeChecked", {}, /own container/],
  [
    "a Unix socket beside a host",
    `mongodb://${LOGIN}%2Ftmp%2Fcanary.sock,127.0.0.1:${plain.port}/`,
    "Unverifiable CannotBeChecked",
    {},
    /accepted the login.*Unix socket/,
  ],
  ["a Unix socket alone", `mongodb://${LOGIN}%2Ftmp%2Fcanary.sock/`, "Unverifiable CannotBeChecked", {}, /Unix socket/],
  [
    "an option of other drivers",
    plain.uri(user, "maxLifeTimeMS=60000"),
    "Unverifiable CannotBeChecked",
    {},
    /accepted the login.*maxLifeTimeMS/,
  ],
  [
    "angle brackets around a wrong password",
    plain.uri({ ...user, password: `<${WRONG_PASSWORD}>` }),
    "No RejectedAuthentication",
    {},
    /angle brackets/,
  ],
  [
    "a misspelt value",
    plain.uri(user, "retryWrites=flase"),
    "No RejectedURIOption",
    {},
    /retryWrites must be true or false/,
  ],
  ["TLS with an expired certificate", expired.uri(user), "No RejectedTLS", trusting, /expired/],
  [
    "no TLS at a server that wants it",
    `mongodb://${LOGIN}127.0.0.1:${secure.port}/`,
    "Silence Unreachable",
    {},
    /tls=true/,
  ],
  ["nothing listens", `mongodb://${LOGIN}127.0.0.1:${refusing}/`, "Silence UnreachableRefused", {}, /port/],
  ["a name that DNS does not know", `mongodb://${LOGIN}canary.nowhere.test/`, "Waiting RejectedNameNotFound"],
  [
    "DNS fails",
    `mongodb://${LOGIN}db.${DOMAIN}/`,
    "Silence Unreachable",
    { lookup: () => Promise.reject(new Error("EAI_AGAIN")) },
    /DNS/,
  ],
  [
    "DNS is silent",
    `mongodb://${LOGIN}db.${DOMAIN}/`,
    "Silence UnreachableTimeout",
    { lookup: () => new Promise(() => undefined), timeoutMs: 200 },
  ],
  ["a metadata address", `mongodb://${LOGIN}169.254.169.254/`, "No RejectedAddress", {}, /cloud metadata/],
  [
    "a name with a metadata address",
    `mongodb://${LOGIN}db.${DOMAIN}/`,
    "No RejectedAddress",
    { lookup: async () => [{ address: "169.254.169.254", family: 4 }] },
  ],
  ["the first of two hosts is down", `mongodb://${LOGIN}127.0.0.1:${refusing},127.0.0.1:${plain.port}/`, "Yes"],
  ["the first of two hosts has no address", `mongodb://${LOGIN}canary.nowhere.test,127.0.0.1:${plain.port}/`, "Yes"],
  [
    "one host down, the other of another set: it may be the right one",
    `mongodb://${LOGIN}127.0.0.1:${refusing},127.0.0.1:${plain.port}/?replicaSet=canary-rs`,
    "Silence UnreachableRefused",
  ],
];
for (const [name, uri, expected, options, message = /./] of CASES) {
  test(name, async () => {
    const verdict = await verdictOn(uri, options);
    assert.is(inShort(verdict), expected, verdict.message);
    assert.match(verdict.message, message);
  });
}

/** The driver replaces only the first comma and equal sign of a user name (mongodb 7.9), and servers then refuse it. */
const DRIVER_FAILS = /commas and equal signs|^the same by/;
const ofLogins = CASES.filter(
  ([name, uri, expected]) =>
    !uri.includes(",") &&
    !uri.includes(DOMAIN) &&
    !DRIVER_FAILS.test(name) &&
    /^Yes|Authentication$|Authorized$/.test(expected),
);
for (const [name, uri, expected, options] of ofLogins) {
  test(`the official driver agrees: ${name}`, async () => {
    const { database = "orders", caBundle } = options ?? {};
    const client = new MongoClient(uri, {
      serverSelectionTimeoutMS: 5_000,
      ...(caBundle !== undefined && { ca: caBundle }),
    });
    const said = await client
      .db(database)
      .command({ listCollections: 1, nameOnly: true, authorizedCollections: true })
      .then(
        () => "Yes",
        (error: unknown) => (error instanceof MongoServerError ? `No ${error.code}` : `No ${String(error)}`),
      )
      .finally(() => client.close());
    const allowed = { Yes: /^Yes$/, "No RejectedNotAuthorized": /^No 13$/ }[expected as string] ?? /^No (13|18|334)$/;
    assert.match(said, allowed);
  });
}

test("a wrong password is tried once, whatever the list of hosts says", async () => {
  const before = plain.logins;
  const hosts = `127.0.0.1:${plain.port},localhost:${plain.port}`;
  assert.is(
    inShort(await verdictOn(`mongodb://${WRONG_LOGIN}${hosts}/`, { lookup: local })),
    "No RejectedAuthentication",
  );
  assert.is(plain.logins - before, 1);
});

test("a list with one forbidden address is not asked anywhere", async () => {
  const before = plain.logins;
  const uri = `mongodb://${LOGIN}127.0.0.1:${plain.port},169.254.169.254/`;
  assert.is(inShort(await verdictOn(uri)), "No RejectedAddress");
  assert.is(plain.logins, before);
});

test("the address that was checked is the one that is dialled: the name is looked up once", async () => {
  let lookups = 0;
  const rebinding = async () => [
    { address: (lookups += 1) === 1 ? "127.0.0.1" : "169.254.169.254", family: 4 as const },
  ];
  assert.is(inShort(await verdictOn(`mongodb://${LOGIN}db.${DOMAIN}:${plain.port}/`, { lookup: rebinding })), "Yes");
  assert.is(lookups, 1);
});

test("a database that goes down is silent, and says yes when it is back", async () => {
  await plain.goDown();
  assert.is(inShort(await verdictOn(plain.uri(user))), "Silence UnreachableRefused");
  await plain.comeBack();
  assert.is(inShort(await verdictOn(plain.uri(user))), "Yes");
});

// mongodb+srv

const at = (port: number, host = "a"): Records => ({ srv: [{ name: `${host}.${DOMAIN}`, port }] });
/** Ten of a sharded cluster's hosts are down. */
const many: Records = {
  srv: Array.from({ length: 40 }, (_, index) => ({ name: `m${index}.${DOMAIN}`, port: index < 10 ? 1 : plain.port })),
};
const foreign: Records = {
  srv: [...many.srv!, { name: "evil-canary-host.test", port: plain.port }],
};
const dns = await startDns({
  [`_mongodb._tcp.c0.${DOMAIN}`]: at(plain.port),
  [`_orders._tcp.c0.${DOMAIN}`]: at(plain.port),
  [`_mongodb._tcp.tls.${DOMAIN}`]: at(secure.port, "db"),
  [`_mongodb._tcp.source.${DOMAIN}`]: at(plain.port),
  [`source.${DOMAIN}`]: { txt: ["authSource=users"] },
  [`_mongodb._tcp.set.${DOMAIN}`]: at(plain.port),
  [`set.${DOMAIN}`]: { txt: ["replicaSet=canary-rs"] },
  [`_mongodb._tcp.option.${DOMAIN}`]: at(plain.port),
  [`option.${DOMAIN}`]: { txt: ["tlsInsecure=true"] },
  [`_mongodb._tcp.two.${DOMAIN}`]: at(plain.port),
  [`two.${DOMAIN}`]: { txt: ["authSource=users", "replicaSet=canary-rs"] },
  [`_mongodb._tcp.foreign.${DOMAIN}`]: { srv: [{ name: "evil-canary-host.test", port: plain.port }] },
  [`_mongodb._tcp.metadata.${DOMAIN}`]: at(80, "metadata"),
  [`_mongodb._tcp.many.${DOMAIN}`]: many,
  [`_mongodb._tcp.manyforeign.${DOMAIN}`]: foreign,
});
const deaf = await startDns({}, true);
const local = async () => [{ address: "127.0.0.1", family: 4 as const }];
const srv = (name: string, more = "tls=false") => `mongodb+srv://${LOGIN}${name}.${DOMAIN}/?${more}`;
const ours = { dnsServers: [dns.address] };

const SRV_CASES: Case[] = [
  ["srv: a record that leads to the server", srv("c0"), "Yes", ours],
  ["srv: a record of another service", srv("c0", "tls=false&srvServiceName=orders"), "Yes", ours],
  [
    "srv: TLS unless it is switched off, for the name in the record",
    srv("tls", "w=1"),
    "Yes",
    { ...ours, ...trusting },
  ],
  ["srv: TLS unless it is switched off, and the stranger's CA", srv("tls", "w=1"), "No RejectedTLS", ours],
  [
    "srv: authSource in the TXT record",
    srv("source").replace(USER, "canary-elsewhere"),
    "Yes",
    { ...ours, database: "any" },
  ],
  ["srv: the string's authSource wins over the TXT record's", srv("source", "tls=false&authSource=admin"), "Yes", ours],
  ["srv: replicaSet in the TXT record", srv("set"), "No RejectedServer", ours, /replicaSet/],
  ["srv: a TXT record that switches off TLS", srv("option"), "No RejectedURI", ours, /TXT record/],
  ["srv: two TXT records", srv("two"), "No RejectedURI", ours, /more than one TXT record/],
  ["srv: a record that leads to another domain", srv("foreign"), "No RejectedURI", ours, /another domain/],
  [
    "srv: a record that leads to a metadata address",
    srv("metadata"),
    "No RejectedAddress",
    { ...ours, lookup: async () => [{ address: "169.254.169.254", family: 4 }] },
  ],
  ["srv: a record of forty hosts, of which many are down", srv("many"), "Yes", ours],
  [
    "srv: a record whose last host of forty is of another domain",
    srv("manyforeign"),
    "No RejectedURI",
    ours,
    /another/,
  ],
  ["srv: no such record", srv("none"), "Waiting RejectedNameNotFound", ours],
  ["srv: DNS is silent", srv("c0"), "Silence UnreachableTimeout", { dnsServers: [deaf.address], timeoutMs: 300 }],
];
for (const [name, uri, expected, options, message = /./] of SRV_CASES) {
  test(name, async () => {
    const verdict = await verdictOn(uri, options);
    assert.is(inShort(verdict), expected, verdict.message);
    assert.match(verdict.message, message);
  });
}

const own = process.env["MONGODB_URI"];
if (own !== undefined) {
  test("the server that MONGODB_URI names lets us in, and not with another password", async () => {
    const check = createMongoCheck({ egress: egressFor("MongoDB", { allow: ["127.0.0.0/8"] }) });
    const ask = (uri: string) =>
      check({ kind: "MongoDB", uri, database: "test" }, { signal: new AbortController().signal });
    const verdict = await ask(own);
    assert.is(inShort(verdict), "Yes", verdict.message);
    if (!own.includes("@")) return;
    assert.is(inShort(await ask(own.replace(/:[^:@]*@/, ":not-this-one@"))), "No RejectedAuthentication");
  });
}

test("nothing was rejected behind anyone's back", () => {
  assert.equal(rejections, []);
});

test.after(async () => {
  await Promise.all([...started.map((server) => server.stop()), dns.close(), deaf.close()]);
});

test.run();
