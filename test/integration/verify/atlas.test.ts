/** The live check of Atlas clusters, over TLS and through the egress rules, against a server with real digest challenges. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import {
  type Answer,
  type AtlasCluster,
  type AtlasOptions,
  type AtlasServer,
  startAtlas,
} from "#testbed/servers/atlas";
import { createCertificateAuthority } from "#testbed/servers/tls";
import type { AtlasSubject, MongoSubject, Verdict } from "#api/check";
import type { Reason } from "#api/status";
import { type AtlasCheckOptions, createAtlasCheck } from "#verify/atlas/atlas";
import { createHttpClient } from "#verify/network/http";
import { egressFor } from "#support/verify/egress";
import { refusingPort } from "#support/verify/refusing";

const PROJECT = "64f0a1b2c3d4e5f6a7b8c9d0";
const OTHER_PROJECT = "64f0a1b2c3d4e5f6a7b8c9d1";
const PUBLIC_KEY = "canary-public-mzqkpwrb";
const PRIVATE_KEY = "canary-private-0c0d8a41-77aa";
const PASSWORD = "canary:pass/word@1";
const USER = { username: "orders", password: PASSWORD };
const HOST = "prod-eu.ab1cd.mongodb.net";

const authority = createCertificateAuthority();
const certificate = authority.issue({ hosts: ["127.0.0.1"] });
const egress = egressFor("Atlas", { allow: ["127.0.0.0/8"], caBundle: () => authority.caPem });
const http = createHttpClient(egress);

const subject = (changes: Partial<AtlasSubject> = {}): AtlasSubject => ({
  kind: "Atlas",
  projectId: PROJECT,
  clusterName: "prod-eu",
  publicKey: PUBLIC_KEY,
  privateKey: PRIVATE_KEY,
  database: "orders",
  ...changes,
});

/** Everything that the check ever said, and every header that proved a key: compared at the end. */
const verdicts: Verdict[] = [];
const proofs: string[] = [];

type Bench = {
  atlas: AtlasServer;
  pinged: MongoSubject[];
  check: (changes?: Partial<AtlasSubject>, signal?: AbortSignal) => Promise<Verdict>;
};
type BenchOptions = Partial<AtlasOptions & AtlasCheckOptions> & {
  clusters?: Record<string, AtlasCluster>;
  ping?: Verdict;
};

const PINGED: Verdict = { answer: "Yes", message: "It answers." };

async function withAtlas(options: BenchOptions, body: (bench: Bench) => Promise<void>): Promise<void> {
  const { clusters = { "prod-eu": { stateName: "IDLE" } }, ping = PINGED, ...rest } = options;
  const atlas = await startAtlas({
    certificate,
    keys: { [PUBLIC_KEY]: { privateKey: PRIVATE_KEY, projects: [PROJECT] } },
    projects: { [PROJECT]: clusters, [OTHER_PROJECT]: {} },
    ...rest,
  });
  const pinged: MongoSubject[] = [];
  const check = createAtlasCheck({
    http,
    baseUrl: atlas.baseUrl,
    pingMongo: (mongo) => {
      pinged.push(mongo);
      return Promise.resolve(ping);
    },
    ...rest,
  });
  try {
    await body({
      atlas,
      pinged,
      async check(changes, signal = new AbortController().signal) {
        const verdict = await check(subject(changes), { signal });
        verdicts.push(verdict);
        return verdict;
      },
    });
  } finally {
    proofs.push(...atlas.requests.map(({ authorization }) => authorization).filter((header) => header !== ""));
    await atlas.close();
  }
}

test("Verified: project and cluster exist, and the address is learned", () =>
  withAtlas({}, async ({ atlas, pinged, check }) => {
    assert.equal(await check(), {
      answer: "Yes",
      message: 'The Atlas project and its cluster "prod-eu" exist.',
      facts: { host: HOST },
    });
    assert.equal(
      atlas.requests.map(({ status, path, accept }) => [status, path, accept]),
      [401, 200].map((status) => [
        status,
        `/groups/${PROJECT}/clusters/prod-eu`,
        "application/vnd.atlas.2024-08-05+json",
      ]),
    );
    assert.is(atlas.requests[0]?.authorization, "", "the first request shows nothing of the key");
    assert.equal(pinged, [], "no database user, no ping");
  }));

test("Verified: with SHA-256 challenges", () =>
  withAtlas({ algorithm: "SHA-256" }, async ({ check }) => {
    assert.is((await check()).answer, "Yes");
  }));

test("Verified: a cluster that is changed or repaired goes on working", () =>
  withAtlas({ clusters: { a: { stateName: "UPDATING" }, b: { stateName: "REPAIRING" } } }, async ({ check }) => {
    for (const clusterName of ["a", "b"]) assert.is((await check({ clusterName })).answer, "Yes");
  }));

test("Verified: a Flex cluster, which another part of the API knows", () =>
  withAtlas({ clusters: { small: { stateName: "IDLE", flex: true } } }, async ({ atlas, check }) => {
    const verdict = await check({ clusterName: "small" });
    assert.equal(verdict.answer === "Yes" && verdict.facts, { host: "small.ab1cd.mongodb.net" });
    assert.is(atlas.requests.at(-1)?.path, `/groups/${PROJECT}/flexClusters/small`);
  }));

test("Verified: a project's ID in upper case is the same project", () =>
  withAtlas({}, async ({ check }) => {
    assert.is((await check({ projectId: PROJECT.toUpperCase() })).answer, "Yes");
  }));

test("Verified: the database user is pinged with the URI that is published", () =>
  withAtlas({}, async ({ pinged, check }) => {
    assert.equal(await check({ databaseUser: USER }), {
      answer: "Yes",
      message: 'The login to the Atlas cluster "prod-eu" works, and the user has access to the database.',
      facts: { host: HOST },
    });
    const uri = `mongodb+srv://orders:canary%3Apass%2Fword%401@${HOST}/`;
    assert.equal(pinged, [{ kind: "MongoDB", uri, database: "orders" }]);
  }));

const no = (reason: string, passing = false) => ({ answer: "No", reason, passing });
const silence = (reason: string) => ({ answer: "Silence", reason });

const pingNo = (reason: Reason): Verdict => ({ answer: "No", reason, message: "As it was.", passing: false });

const PINGS: [name: string, ping: Verdict, expected: object, message: RegExp][] = [
  ["a wrong password", pingNo("RejectedAuthentication"), no("RejectedAuthentication"), /Database Access/],
  ["a user without a role", pingNo("RejectedNotAuthorized"), no("RejectedNotAuthorized"), /Grant a role/],
  ["an address not in DNS yet", pingNo("RejectedNameNotFound"), no("RejectedNameNotFound", true), /not in DNS yet/],
  ["a TLS handshake that was cut", pingNo("RejectedTLS"), no("RejectedTLS"), /IP access list/],
  [
    "a certificate that is not trusted",
    pingNo("RejectedTLS"),
    no("RejectedTLS"),
    /^The TLS handshake with the Atlas cluster "prod-eu" failed\. As it was\. If that does not help, check that the IP access list/,
  ],
  [
    "the alert that Atlas sends to other addresses",
    { ...pingNo("RejectedTLS"), message: "It is the IP access list." },
    no("RejectedTLS"),
    /^The TLS handshake with the Atlas cluster "prod-eu" failed\. It is the IP access list\.$/,
  ],
  ["another no", pingNo("RejectedServer"), no("RejectedServer"), /^As it was\.$/],
  [
    "silence",
    { answer: "Silence", reason: "UnreachableTimeout", message: "It is slow." },
    silence("UnreachableTimeout"),
    /^It is slow\..*IP access list/,
  ],
];
for (const [name, ping, expected, message] of PINGS) {
  test(`ping of the database user: ${name}`, () =>
    withAtlas({ ping }, async ({ check }) => {
      const verdict = await check({ databaseUser: USER });
      assert.equal(outcome(verdict), expected);
      assert.match(verdict.message, message);
    }));
}

const REJECTED: [
  name: string,
  changes: Partial<AtlasSubject>,
  options: BenchOptions,
  expected: object,
  message: RegExp,
][] = [
  [
    "RejectedAPIKey: unknown public key",
    { publicKey: "canary-public-nobody" },
    {},
    no("RejectedAPIKey"),
    /publicKey and privateKey/,
  ],
  [
    "RejectedAPIKey: wrong private key",
    { privateKey: `${PRIVATE_KEY}x` },
    {},
    no("RejectedAPIKey"),
    /publicKey and privateKey/,
  ],
  [
    "RejectedAPIKey: a line break behind the private key",
    { privateKey: `${PRIVATE_KEY}\n` },
    {},
    no("RejectedAPIKey"),
    /privateKey contains.*line breaks/,
  ],
  [
    "RejectedAPIKey: an é in the public key",
    { publicKey: `${PUBLIC_KEY}é` },
    {},
    no("RejectedAPIKey"),
    /publicKey contains/,
  ],
  [
    "RejectedAPIAccess: the key has no role in the project",
    { projectId: OTHER_PROJECT },
    {},
    no("RejectedAPIAccess"),
    /Project Read Only/,
  ],
  [
    "RejectedAPIAccess: the operator's address is not on the key's list",
    {},
    { keys: { [PUBLIC_KEY]: { privateKey: PRIVATE_KEY, projects: [PROJECT], addressRefused: true } } },
    no("RejectedAPIAccess"),
    /IP access list/,
  ],
  ["RejectedProject: no such project", { projectId: "0".repeat(24) }, {}, no("RejectedProject"), /projectId/],
  ["RejectedCluster: no such cluster", { clusterName: "prod-us" }, {}, no("RejectedCluster"), /no cluster "prod-us"/],
  [
    "RejectedCluster: the case of letters counts",
    { clusterName: "Prod-EU" },
    {},
    no("RejectedCluster"),
    /Upper and lower case/,
  ],
  [
    "RejectedCluster: being deleted",
    {},
    { clusters: { "prod-eu": { stateName: "DELETING" } } },
    no("RejectedCluster"),
    /being deleted/,
  ],
  [
    "RejectedClusterPaused",
    {},
    { clusters: { "prod-eu": { stateName: "IDLE", paused: true } } },
    no("RejectedClusterPaused"),
    /Resume it/,
  ],
  [
    "RejectedClusterCreating, which passes",
    {},
    { clusters: { "prod-eu": { stateName: "CREATING", standardSrv: null } } },
    no("RejectedClusterCreating", true),
    /being created/,
  ],
  [
    "RejectedClusterCreating: no address yet",
    {},
    { clusters: { "prod-eu": { stateName: "IDLE", standardSrv: null } } },
    no("RejectedClusterCreating", true),
    /being created/,
  ],
];
for (const [name, changes, options, expected, message] of REJECTED) {
  test(name, () =>
    withAtlas(options, async ({ pinged, check }) => {
      const verdict = await check({ databaseUser: USER, ...changes });
      assert.equal(outcome(verdict), expected);
      assert.match(verdict.message, message);
      assert.equal(pinged, [], "nothing is pinged that may not be there");
    }),
  );
}

const HTML: Answer = { status: 200, headers: { "content-type": "text/html" }, body: "<html>canary-private</html>" };
const CHALLENGE = 'Digest realm="r", nonce="n", qop="auth"';
const UNAUTHORIZED = (header?: string): Answer => ({
  status: 401,
  headers: header === undefined ? {} : { "www-authenticate": header },
  body: "{}",
});
const SILENT: [name: string, answer: Answer, message: RegExp][] = [
  ["an HTML page with status 200", HTML, /does not come from the Atlas/],
  ["an answer of another kind", { status: 200, body: '["IDLE"]' }, /does not come from the Atlas/],
  ["null", { status: 200, body: "null" }, /does not come from the Atlas/],
  ["a 401 without a challenge", UNAUTHORIZED(), /does not come from the Atlas/],
  [
    "a challenge of Basic authentication, which is never answered",
    UNAUTHORIZED('Basic realm="r"'),
    /does not come from the Atlas/,
  ],
  ["a challenge without qop", UNAUTHORIZED('Digest realm="r", nonce="n"'), /does not come from the Atlas/],
  [
    "a challenge of an unknown algorithm",
    UNAUTHORIZED(`${CHALLENGE}, algorithm=SHA-1`),
    /does not come from the Atlas/,
  ],
  ["nonces that are always stale", UNAUTHORIZED(`${CHALLENGE}, stale=true`), /does not come from the Atlas/],
  ["a redirect", { status: 302, headers: { location: "https://127.0.0.1:1/" }, body: "" }, /redirects/],
  ["an internal error", { status: 500, body: '{"errorCode":"UNEXPECTED_ERROR"}' }, /status 500/],
  ["maintenance", { status: 503, body: "" }, /status 503/],
  ["a version that is no more", { status: 410, body: "{}" }, /status 410/],
  ["another 400", { status: 400, body: '{"errorCode":"CLUSTER_NOT_FOUND"}' }, /status 400/],
];
for (const [name, answer, message] of SILENT) {
  test(`Unreachable: ${name}`, () =>
    withAtlas({}, async ({ atlas, check }) => {
      atlas.answerWith(answer);
      const verdict = await check();
      assert.equal(outcome(verdict), silence("Unreachable"));
      assert.match(verdict.message, message);
      for (const { authorization } of atlas.requests) assert.match(authorization, /^(Digest .*)?$/);
      assert.ok(atlas.requests.length <= 3, `${atlas.requests.length} requests`);
    }));
}

test("RejectedCluster or RejectedProject: a 404 that does not say which is settled by the project", () =>
  withAtlas({}, async ({ atlas, check }) => {
    const gone: Answer = { status: 404, body: '{"errorCode":"RESOURCE_NOT_FOUND"}' };
    atlas.answerWith((path) => (path.includes("/clusters/") ? gone : undefined));
    assert.equal(outcome(await check()), no("RejectedCluster"));
    assert.is(atlas.requests.at(-1)?.path, `/groups/${PROJECT}`);
    assert.is(atlas.requests.at(-1)?.accept, "application/vnd.atlas.2023-01-01+json");
    atlas.answerWith(gone);
    assert.equal(outcome(await check()), no("RejectedProject"));
  }));

const ADDRESSES = [
  "mongodb://a.b:27017",
  "mongodb+srv://user:canary-private@a.b.net",
  "mongodb+srv://a.b.net/?authSource=admin",
  "mongodb+srv://127.0.0.1",
  "mongodb+srv://localhost",
  "mongodb+srv://a..net",
  "mongodb+srv://a.b.net,c.d.net",
  `mongodb+srv://${"a.".repeat(130)}net`,
];
test("Unreachable: an address that is not mongodb+srv:// and a host name is not published", () =>
  withAtlas({}, async ({ atlas, pinged, check }) => {
    for (const standardSrv of ADDRESSES) {
      atlas.state.projects[PROJECT] = { "prod-eu": { stateName: "IDLE", standardSrv } };
      const verdict = await check({ databaseUser: USER });
      assert.equal(outcome(verdict), silence("Unreachable"), standardSrv);
      assert.not.match(verdict.message, standardSrv);
    }
    assert.equal(pinged, []);
  }));

test("a cluster that is done is seen at the next check", () =>
  withAtlas({ clusters: { "prod-eu": { stateName: "CREATING", standardSrv: null } } }, async ({ atlas, check }) => {
    assert.is((await check()).answer, "No");
    atlas.state.projects[PROJECT] = { "prod-eu": { stateName: "IDLE" } };
    assert.is((await check()).answer, "Yes");
  }));

test("a nonce is used again: ten checks, eleven requests, and counts that go up", () =>
  withAtlas({}, async ({ atlas, check }) => {
    for (let round = 0; round < 10; round++) assert.is((await check()).answer, "Yes");
    assert.equal(
      atlas.requests.map(({ status }) => status),
      [401, ...Array.from({ length: 10 }, () => 200)],
    );
    const proven = atlas.requests.slice(1).map(({ authorization }) => authorization);
    assert.is(new Set(proven.map((header) => /nonce="([^"]+)"/.exec(header)?.[1])).size, 1);
    assert.equal(
      proven.map((header) => /nc=([0-9a-f]+)/.exec(header)?.[1]),
      Array.from({ length: 10 }, (_, index) => (index + 1).toString(16).padStart(8, "0")),
    );
    assert.is(
      new Set(proven.map((header) => /cnonce="([^"]+)"/.exec(header)?.[1])).size,
      10,
      "a client nonce is new each time",
    );
    for (const header of proven) assert.match(header, "qop=auth,");
  }));

test("checks at the same time do not use one nonce: no count comes late", () =>
  withAtlas({}, async ({ atlas, check }) => {
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(Array.from({ length: 5 }, () => check()));
      assert.ok(answers.every(({ answer }) => answer === "Yes"));
    }
    assert.is(
      atlas.requests.filter(({ status }) => status === 401).length,
      5,
      "one challenge for each of the first five",
    );
    assert.is(atlas.requests.length, 20);
  }));

test("a request that hangs keeps its nonce for itself", () =>
  withAtlas({}, async ({ atlas, check }) => {
    assert.is((await check()).answer, "Yes");
    atlas.answerWith("Hang");
    const controller = new AbortController();
    const hanging = check({}, controller.signal);
    while (atlas.requests.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    atlas.answerWith(undefined);
    assert.is((await check()).answer, "Yes");
    controller.abort();
    await hanging;
    const nonces = atlas.requests.map(({ authorization }) => /nonce="([^"]+)"/.exec(authorization)?.[1]);
    assert.is(nonces[2], nonces[1]);
    assert.is.not(nonces.at(-1), nonces[1]);
  }));

test("a stale nonce is replaced once, with the challenge that comes with the refusal", () =>
  withAtlas({ requestsPerNonce: 2 }, async ({ atlas, check }) => {
    for (let round = 0; round < 4; round++) assert.is((await check()).answer, "Yes");
    assert.equal(
      atlas.requests.map(({ status }) => status),
      [401, 200, 200, 401, 200, 200],
    );
  }));

test("a key that is right is not called wrong by a server that forgets its nonces without saying stale", () =>
  withAtlas({}, async ({ atlas, check }) => {
    assert.is((await check()).answer, "Yes");
    let refused = 0;
    atlas.answerWith(() => (refused++ === 0 ? UNAUTHORIZED() : undefined));
    assert.is((await check()).answer, "Yes");
    assert.equal(
      atlas.requests.map(({ status }) => status),
      [401, 200, 401, 401, 200],
    );
  }));

test("a wrong key costs one request more than a right one, and leaves the others' challenges alone", () =>
  withAtlas({}, async ({ atlas, check }) => {
    assert.is((await check({ privateKey: "canary-private-wrong" })).answer, "No");
    assert.is(atlas.requests.length, 2);
    assert.is((await check()).answer, "Yes");
  }));

test("Unreachable: the rate limit of others, with the time that Atlas asks for, and nothing is asked before", () => {
  let now = 1_000;
  return withAtlas(
    { limit: { capacity: 3, retryAfterSeconds: 55 }, monotonicMs: () => now },
    async ({ atlas, check }) => {
      assert.is((await check()).answer, "Yes");
      assert.is((await check()).answer, "Yes");
      const limited = await check();
      assert.equal(outcome(limited), silence("Unreachable"));
      assert.is(limited.answer === "Silence" && limited.retryAfterMs, 55_000);
      assert.is(atlas.requests.length, 4);
      now += 25_000;
      const waiting = await check();
      assert.is(waiting.answer === "Silence" && waiting.retryAfterMs, 30_000);
      assert.is(waiting.message, limited.message, "a status that says the same is not written again");
      assert.is(atlas.requests.length, 4);
      assert.is((await check({ projectId: OTHER_PROJECT })).answer, "No", "another project has a limit of its own");
    },
  );
});

test("Unreachable: a rate limit without Retry-After is a minute", () =>
  withAtlas({}, async ({ atlas, check }) => {
    atlas.answerWith({ status: 429, body: '{"errorCode":"RATE_LIMITED_TOKEN_BUCKET"}' });
    const verdict = await check();
    assert.is(verdict.answer === "Silence" && verdict.retryAfterMs, 60_000);
  }));

test("hundreds of clusters of one project stay below its limit, burst and all", () => {
  const now = 1_000;
  return withAtlas({ requestsPerMinute: 6, monotonicMs: () => now }, async ({ atlas, check }) => {
    const answers: Verdict[] = [];
    for (let index = 0; index < 200; index++) answers.push(await check({ clusterName: `cluster-${index}` }));
    assert.is(atlas.requests.length, 20, "a burst, and no more at the same time");
    const retry = answers.map((verdict) => (verdict.answer === "Silence" ? verdict.retryAfterMs : undefined));
    assert.is(retry.at(-1), 10_000, "one more in a sixth of a minute");
  });
});

test("who knows a project's ID, but no key, uses up nobody's turn", () => {
  const now = 1_000;
  return withAtlas({ requestsPerMinute: 6, monotonicMs: () => now }, async ({ check }) => {
    const answers: string[] = [];
    for (let index = 0; index < 15; index++) answers.push((await check({ privateKey: "canary-private-wrong" })).answer);
    assert.ok(answers.includes("Silence"), "the stranger's own turns are used up");
    assert.is((await check()).answer, "Yes");
  });
});

test("Unreachable: refused connections, a certificate of nobody we trust, and an address that is not allowed", () =>
  withAtlas({}, async ({ atlas }) => {
    const pingMongo = (): Promise<Verdict> => Promise.reject(new Error("not to be called"));
    const { signal } = new AbortController();
    const distrustful = createHttpClient(egressFor("Atlas", { allow: ["127.0.0.0/8"] }));
    const forbidden = createHttpClient(egressFor("Atlas", { caBundle: () => authority.caPem }));
    const cases: [typeof http, string, string, RegExp][] = [
      [http, `https://127.0.0.1:${await refusingPort()}/`, "UnreachableRefused", /refused the connection/],
      [distrustful, atlas.baseUrl, "Unreachable", /--ca-bundle/],
      [forbidden, atlas.baseUrl, "Unreachable", /--egress-allow/],
    ];
    for (const [client, baseUrl, reason, message] of cases) {
      const verdict = await createAtlasCheck({ http: client, baseUrl, pingMongo })(subject(), { signal });
      verdicts.push(verdict);
      assert.equal(outcome(verdict), silence(reason), verdict.message);
      assert.match(verdict.message, message);
    }
    assert.equal(atlas.requests, []);
    await Promise.all([distrustful.close(), forbidden.close()]);
  }));

test("an abort ends a check at once, in a request and before it", () =>
  withAtlas({}, async ({ atlas, check }) => {
    atlas.answerWith("Hang");
    const controller = new AbortController();
    const began = performance.now();
    const pending = check({}, controller.signal);
    while (atlas.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    assert.is((await pending).answer, "Silence");
    assert.is((await check({}, controller.signal)).answer, "Silence");
    assert.is(atlas.requests.length, 1);
    assert.ok(performance.now() - began < 5_000, "long before the request's own time is up");
  }));

test("an abort ends the wait for a project's turn", () =>
  withAtlas({ requestsPerMinute: 20 }, async ({ atlas, check }) => {
    for (let round = 0; round < 19; round++) assert.is((await check()).answer, "Yes");
    assert.is(atlas.requests.length, 20);
    const controller = new AbortController();
    const pending = check({}, controller.signal);
    controller.abort();
    assert.is((await pending).answer, "Silence");
    assert.is(atlas.requests.length, 20);
  }));

test("a base URL may end in a slash", () =>
  withAtlas({}, async ({ atlas }) => {
    const pingMongo = (): Promise<Verdict> => Promise.resolve(PINGED);
    const check = createAtlasCheck({ http, baseUrl: `${atlas.baseUrl}/`, pingMongo });
    assert.is((await check(subject(), { signal: new AbortController().signal })).answer, "Yes");
  }));

test("a base URL that is none is found when the operator starts", () => {
  assert.throws(
    () => createAtlasCheck({ http, baseUrl: "cloud.mongodb.com", pingMongo: () => Promise.resolve(PINGED) }),
    TypeError,
  );
});

test("no verdict holds a key, a password or anything of an Authorization header, and each is a sentence", () => {
  assert.ok(verdicts.length > 60, `only ${verdicts.length} verdicts`);
  const secrets = new Set(["canary", PASSWORD, encodeURIComponent(PASSWORD), "Digest ", "nonce"]);
  for (const proof of proofs)
    for (const [, value] of proof.matchAll(/(?:response|cnonce|nonce)="([^"]{8,})"/g)) secrets.add(value!);
  assert.ok(secrets.size > 100, `only ${secrets.size} secrets`);
  for (const verdict of verdicts) {
    const said = JSON.stringify(verdict);
    for (const secret of secrets) assert.not.ok(said.includes(secret), `${secret} in ${said}`);
    assert.match(verdict.message, /^[A-Za-z].*\.$/);
  }
});

test.after(() => http.close());

/** Without the words for people. */
function outcome(verdict: Verdict): object {
  if (verdict.answer === "Yes") return { answer: verdict.answer };
  const { answer, reason } = verdict;
  return { answer, reason, ...(verdict.answer === "No" ? { passing: verdict.passing } : {}) };
}

test.run();
