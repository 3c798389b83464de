/** Live checks, end to end: a real login provider over TLS, a real database with passwords, an Atlas with digest logins. */
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CHECK_NOW_ANNOTATION } from "#api/names";
import type { AtlasServer } from "#testbed/servers/atlas";
import { startAtlas } from "#testbed/servers/atlas";
import type { LoginProvider } from "#testbed/servers/login-provider";
import { startLoginProvider } from "#testbed/servers/login-provider";
import type { MongoDB } from "#testbed/servers/mongodb";
import { startMongoDB } from "#testbed/servers/mongodb";
import { createCertificateAuthority } from "#testbed/servers/tls";
import type { Environment } from "#support/operator/environment";
import { condition, state } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { atlas as atlasSpec, database, from, login } from "#support/operator/specs";
import { operatorSuite } from "#support/operator/suite";

const PASSWORD = "canary-right-9d1f";
const WRONG = "canary-wrong-77aa";
const PROJECT = "64f0a1b2c3d4e5f6a7b8c9d0";

let provider: LoginProvider;
let mongo: MongoDB;
let atlas: AtlasServer;
let directory: string;

const { promise, run } = operatorSuite("verify", async () => {
  const ca = createCertificateAuthority();
  directory = await mkdtemp(join(tmpdir(), "verify-"));
  await writeFile(join(directory, "ca.pem"), ca.caPem);
  [provider, mongo, atlas] = await Promise.all([
    startLoginProvider({ ca }),
    startMongoDB({ users: { orders: { password: PASSWORD } } }),
    startAtlas({
      certificate: ca.issue({ hosts: ["127.0.0.1"] }),
      keys: { abcdefgh: { privateKey: "00000000-1111-2222-3333-444444444444", projects: [PROJECT] } },
      projects: { [PROJECT]: { "prod-eu": { stateName: "IDLE" }, "new-eu": { stateName: "CREATING" } } },
    }),
  ]);
  return [
    "--no-offline",
    // Some tests count logins, of all environments. With ten minutes, one of these had its turn in one run of ten.
    "--verify-interval=24h",
    "--log-level=debug",
    "--egress-allow=127.0.0.0/8,::1/128",
    `--ca-bundle=${join(directory, "ca.pem")}`,
    `--atlas-base-url=${atlas.baseUrl}`,
  ];
});

test.after(async () => {
  await Promise.all([provider.stop(), mongo.stop(), atlas.close()]);
  await rm(directory, { recursive: true });
});

const signIn = (uri: string, more: object = {}) => login({ authentication: { jwksUri: uri }, ...more });
const db = (password: string, more: object = {}) =>
  database(more, { value: mongo.uri({ name: "orders", password }, "serverSelectionTimeoutMS=2000") });
const checkNow = (env: Environment, name: string, value: string) =>
  env.api.merge(env.paths.appSecret(name), { metadata: { annotations: { [CHECK_NOW_ANNOTATION]: value } } });

promise("a login provider that answers is published, and the status tells of its keys", async (env) => {
  await env.apply("orders-login", signIn(provider.jwksUri));
  const found = await env.ready("orders-login", "True/Published");
  assert.is(state(found, "Verified"), "True/Verified");
  assert.match(condition(found, "Verified").message, /2 signing keys \(ES256, RS256\)/);
});

promise("a page for people in place of a key set is refused, repaired, and then published", async (env) => {
  await env.apply("orders-login", signIn(provider.signInPage));
  const refused = await env.ready("orders-login", "False/RejectedNotJWKS");
  assert.is(state(refused, "Reconciling"), "True/RejectedNotJWKS");
  assert.is(await env.findSecret("orders-login"), undefined);
  await env.apply("orders-login", signIn(provider.jwksUri));
  await env.ready("orders-login", "True/Published");
  const secret = await env.secret("orders-login");
  await env.apply("orders-login", signIn(provider.signInPage));
  const kept = await env.ready("orders-login", "False/RejectedNotJWKS");
  assert.match(condition(kept, "Ready").message, /still holds generation 2/);
  assert.equal(await env.secret("orders-login"), secret, "the Secret stays as it was");
});

promise(
  "a wrong password is refused once, repaired, published, and a later mistake takes nothing away",
  async (env) => {
    const before = mongo.logins;
    await env.apply("orders-db", db(WRONG));
    const refused = await env.ready("orders-db", "False/RejectedAuthentication");
    assert.is(mongo.logins - before, 1, "one attempt: more could lock the account");
    assert.is(await env.findSecret("orders-db"), undefined);
    await env.apply("orders-db", db(PASSWORD));
    await env.ready("orders-db", "True/Published");
    const secret = await env.secret("orders-db");
    await env.apply("orders-db", db(WRONG, { verify: "Strict" }));
    await env.ready("orders-db", "False/RejectedAuthentication");
    assert.equal(await env.secret("orders-db"), secret);
    for (const value of [PASSWORD, WRONG]) assert.not.match(JSON.stringify(refused.status), value);
  },
);

promise("a password that comes from a Secret is checked when that Secret changes", async (env) => {
  const uri = (password: string) => mongo.uri({ name: "orders", password });
  await env.putSecret("upstream", { uri: uri(PASSWORD) });
  await env.apply("orders-db", database({}, from("upstream", "uri")));
  await env.ready("orders-db", "True/Published");
  await env.putSecret("upstream", { uri: uri(WRONG) });
  await env.ready("orders-db", "False/RejectedAuthentication");
  assert.is((await env.values("orders-db"))["MONGODB_URI"], uri(PASSWORD));
  await env.putSecret("upstream", { uri: uri(PASSWORD) });
  await env.ready("orders-db", "True/Published");
});

promise(
  "an Atlas cluster that does not exist is refused, repaired, published with its address, and kept",
  async (env) => {
    await env.apply("orders-db", atlasSpec({ clusterName: "prod-us" }));
    const refused = await env.ready("orders-db", "False/RejectedCluster");
    assert.match(condition(refused, "Ready").message, "prod-us");
    await env.apply("orders-db", atlasSpec());
    const published = await env.ready("orders-db", "True/Published");
    assert.match((await env.values("orders-db"))["MONGODB_URI"] ?? "", /^mongodb\+srv:\/\/prod-eu\.[a-z0-9.]+\/$/);
    assert.ok(published.status?.verification?.host);
    const secret = await env.secret("orders-db");
    await env.apply("orders-db", atlasSpec({ privateKey: { value: "99999999-1111-2222-3333-444444444444" } }));
    await env.ready("orders-db", "False/RejectedAPIKey");
    assert.equal(await env.secret("orders-db"), secret);
  },
);

promise("an Atlas cluster that is being created is waited for", async (env) => {
  await env.apply("orders-db", atlasSpec({ clusterName: "new-eu" }));
  const waiting = await env.ready("orders-db", "False/RejectedClusterCreating");
  assert.is(state(waiting, "Reconciling"), "True/RejectedClusterCreating");
  const cluster = atlas.state.projects[PROJECT]?.["new-eu"];
  if (cluster) cluster.stateName = "IDLE";
  await env.ready("orders-db", "True/Published");
});

promise("a database that is down keeps nothing that works from working, and check-now tells how it is", async (env) => {
  await env.apply("orders-db", db(PASSWORD));
  await env.ready("orders-db", "True/Published");
  const secret = await env.secret("orders-db");
  await mongo.goDown();
  try {
    await checkNow(env, "orders-db", "down");
    const down = await eventually(async () => {
      const found = await env.appSecret("orders-db");
      assert.is(state(found, "Verified"), "Unknown/UnreachableRefused");
      return found;
    });
    assert.is(state(down, "Ready"), "True/Published");
    assert.equal(await env.secret("orders-db"), secret);
  } finally {
    await mongo.comeBack();
  }
  await checkNow(env, "orders-db", "up again");
  await eventually(async () => assert.is(state(await env.appSecret("orders-db"), "Verified"), "True/Verified"));
});

promise(
  "an update whose target does not answer is held while the Secret stays, and published once the target answers",
  async (env) => {
    await env.apply("orders-db", db(PASSWORD));
    const { status } = await env.ready("orders-db", "True/Published");
    assert.is(status?.secret?.verified, true);
    const secret = await env.secret("orders-db");
    const value = mongo.uri({ name: "orders", password: PASSWORD }, "appName=orders");
    await mongo.goDown();
    try {
      await env.apply("orders-db", database({}, { value }));
      const held = await env.ready("orders-db", "False/KeptLastGood");
      assert.is(state(held, "Reconciling"), "True/KeptLastGood");
      assert.is(state(held, "Verified"), "Unknown/UnreachableRefused");
      assert.match(condition(held, "Ready").message, 'set spec.verify to "Off" (with the quotes)');
      assert.equal(await env.secret("orders-db"), secret);
    } finally {
      await mongo.comeBack();
    }
    await env.ready("orders-db", "True/Published");
    assert.is((await env.values("orders-db"))["MONGODB_URI"], value);
  },
);

promise("what is published without a yes is seen everywhere, until there is one", async (env, operator) => {
  await env.apply("orders-db", database({}, { value: "mongodb://127.0.0.1:1/orders" }));
  const { status } = await env.ready("orders-db", "True/PublishedUnverified");
  assert.is(status?.secret?.verified, false);
  const { stdout } = await env.kubectl(["get", "asec", "orders-db", "--no-headers"]);
  assert.match(stdout, /True +Unknown +PublishedUnverified/);
  await eventually(async () => {
    const events = await env.events("orders-db");
    assert.ok(events.some(({ type, reason }) => type === "Warning" && reason === "PublishedUnverified"));
  });
  const series = { namespace: env.namespace, name: "orders-db" };
  const isCounted = async () => (await operator.now.metric("appsecret_published_unverified", series)) === 1;
  await eventually(async () => assert.ok(await isCounted()));
  const warned = operator.now.log().filter(({ level, namespace }) => level === "warn" && namespace === env.namespace);
  assert.equal(
    warned.map(({ msg }) => msg),
    ["published without being verified"],
  );
  await env.apply("orders-db", db(PASSWORD));
  await env.ready("orders-db", "True/Published");
  await eventually(async () => assert.not.ok(await isCounted()));
});

promise("keys that rotate are noticed with an Event, and change no Secret", async (env) => {
  await env.apply("orders-login", signIn(provider.jwksUri));
  await env.ready("orders-login", "True/Published");
  const secret = await env.secret("orders-login");
  await provider.rotateKeys();
  await checkNow(env, "orders-login", "rotated");
  await eventually(async () => {
    const reasons = (await env.events("orders-login")).map(({ reason }) => reason);
    assert.ok(reasons.includes("KeysRotated"), reasons.join());
  });
  assert.equal(await env.secret("orders-login"), secret);
});

promise(
  "an address that the operator may not dial is refused, and the message says which flag would help",
  async (env) => {
    await env.apply("orders-login", signIn("https://169.254.169.254/latest/meta-data/iam/keys.json"));
    const refused = await env.ready("orders-login", "False/RejectedAddress");
    assert.is(await env.findSecret("orders-login"), undefined);
    assert.is(state(refused, "Reconciling"), "True/RejectedAddress");
  },
);

promise(
  "names are looked up without a thread that others would wait for, and one that DNS does not know is told as such",
  async (env, operator) => {
    await env.apply("orders-login", signIn("https://no-such-name.invalid/keys"));
    await eventually(async () =>
      assert.match(state(await env.appSecret("orders-login"), "Verified"), /RejectedNameNotFound|Unreachable/),
    );
    const { pid } = operator.now;
    if (existsSync(`/proc/${pid}/task`)) assert.ok(readdirSync(`/proc/${pid}/task`).length < 32);
  },
);

promise("no value is told anywhere, whatever the checks met", async (_, operator) => {
  const said = operator.now.output() + (await operator.now.metrics());
  assert.match(said, "RejectedAuthentication", "the log tells what happened");
  for (const value of [PASSWORD, WRONG, "00000000-1111", "99999999-1111"]) assert.not.match(said, value);
});

promise(
  "in a steady state checks write nothing, and a restart neither reads, checks nor writes",
  async (env, operator) => {
    await env.apply("orders-login", signIn(provider.jwksUri));
    await env.apply("orders-db", db(WRONG));
    await env.ready("orders-login", "True/Published");
    await env.ready("orders-db", "False/RejectedAuthentication");
    // Long ago, so that it is no longer checked again soon.
    const longAgo = { status: { verification: { failingSince: "2026-01-01T00:00:00Z" } } };
    await env.api.merge(`${env.paths.appSecret("orders-db")}/status`, longAgo);
    await eventually(async () =>
      assert.is(state(await env.appSecret("orders-db"), "Stalled"), "True/RejectedAuthentication"),
    );
    const versions = async () =>
      (await Promise.all(["orders-login", "orders-db"].map(env.appSecret))).map(
        ({ metadata }) => metadata.resourceVersion,
      );
    const before = await versions();
    // While none runs: the one before it may check until it ends.
    let [keyRequests, logins] = [0, 0];
    const restarted = await operator.restart(async () => {
      [keyRequests, logins] = [provider.keyRequests, mongo.logins];
    });
    await sleep(4000);
    const writes = await Promise.all(
      ["POST", "PATCH", "PUT", "DELETE"].map((verb) => restarted.metric("appsecret_api_requests_total", { verb })),
    );
    assert.is(
      writes.reduce((sum, count) => sum + count),
      0,
      "writes",
    );
    assert.equal([provider.keyRequests, mongo.logins], [keyRequests, logins], "checks");
    assert.equal(await versions(), before);
  },
);

run();
