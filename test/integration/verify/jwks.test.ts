/** The check of a login provider, against a real one (oidc-provider over TLS), and against hostile servers. */
import { generateKeyPairSync } from "node:crypto";
import type { IncomingMessage, RequestListener } from "node:http";
import { deflateRawSync, gzipSync, zstdCompressSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { startLoginProvider } from "#testbed/servers/login-provider";
import type { LoginProvider } from "#testbed/servers/login-provider";
import { createCertificateAuthority } from "#testbed/servers/tls";
import type { Verdict } from "#api/check";
import { createHttpClient } from "#verify/network/http";
import type { Check } from "#verify/check";
import { createJwksCheck } from "#verify/jwks/jwks";
import { egressFor } from "#support/verify/egress";
import { startSite } from "#support/verify/sites";
import type { Site } from "#support/verify/sites";

const CANARY = "canary-51c0";
const NOW = Date.parse("2026-01-01T00:00:00Z");
const ca = createCertificateAuthority();
const egress = egressFor("JWKS", {
  allow: ["127.0.0.0/8", "::1"],
  caBundle: () => ca.caPem,
  lookup: async (name) => {
    if (name === "gone.example.com") throw Object.assign(new Error(CANARY), { code: "ENOTFOUND" });
    if (name === "silent.example.com") throw Object.assign(new Error(CANARY), { code: "EAI_AGAIN" });
    return [{ address: name === "inside.example.com" ? "10.0.0.1" : "127.0.0.1", family: 4 }];
  },
});
const http = createHttpClient(egress);
const { signal } = new AbortController();

let provider: LoginProvider;
let site: Site;
/** What the site answers next. */
let answer: RequestListener;
/** What the headers are compared with, and what passes: the first one may be set to anything. */
let wall = NOW;
let clock = 0;
/** Of its own, so that no test finds what another one left in memory. */
let check: Check<"JWKS">;

test.before(async () => {
  provider = await startLoginProvider({ ca });
  site = await startSite(ca.issue({ hosts: ["id.example.com", "other.example.org"] }), (request, response) =>
    answer(request, response),
  );
});
test.before.each(() => {
  wall = NOW;
  clock = 0;
  check = createJwksCheck({ http, epochMs: () => wall, monotonicMs: () => clock, timeoutMs: 20_000 });
});
test.after(async () => {
  await http.close();
  await Promise.all([provider.stop(), site.close()]);
});

const ask = (uri: string, fresh = false): Promise<Verdict> => check({ kind: "JWKS", uri }, { signal, fresh });
const askSite = (fresh = false): Promise<Verdict> => ask(`https://id.example.com:${site.port}/keys`, fresh);
const keysOf = (verdict: Verdict): string | undefined => (verdict.answer === "Yes" ? verdict.facts?.keys : undefined);

test("a login provider answers with its keys", async () => {
  const verdict = await ask(provider.jwksUri);
  assert.is(verdict.answer, "Yes");
  assert.is(verdict.message, "The login provider publishes 2 signing keys (ES256, RS256).");
});

test("keys that are replaced are noticed, keys that stay are not", async () => {
  const before = keysOf(await ask(provider.jwksUri));
  assert.type(before, "string");
  assert.is(keysOf(await ask(provider.jwksUri)), before);
  await provider.rotateKeys();
  const after = keysOf(await ask(provider.jwksUri));
  assert.type(after, "string");
  assert.is.not(after, before);
});

test("a wrong path at a real provider: a page, its discovery document, status 404. Each time the right URL is named", async () => {
  const page = await ask(provider.signInPage);
  assert.is(page.answer === "No" && page.reason, "RejectedNotJWKS");
  assert.match(page.message, /returned an HTML or XML page .* jwks_uri/);
  assert.ok(page.message.endsWith(` is ${provider.jwksUri}.`), page.message);
  const discovery = await ask(`${provider.issuer}/.well-known/openid-configuration`);
  assert.is(discovery.answer === "No" && discovery.reason, "RejectedNotJWKS");
  assert.match(discovery.message, /discovery document/);
  assert.ok(discovery.message.endsWith(` is ${provider.jwksUri}.`), discovery.message);
  const nothing = await ask(`${provider.issuer}/nothing`);
  assert.is(nothing.answer === "No" && nothing.reason, "RejectedHTTPStatus");
  assert.match(nothing.message, /404 .* Check the path/);
  assert.ok(nothing.message.endsWith(` is ${provider.jwksUri}.`), nothing.message);
});

test("a provider that is down is silence, and works again when it is up", async () => {
  await provider.stop();
  const down = await ask(provider.jwksUri);
  assert.is(down.answer === "Silence" && down.reason, "UnreachableRefused");
  await provider.start();
  assert.is((await ask(provider.jwksUri)).answer, "Yes");
});

const rsa = (modulusLength: number) => generateKeyPairSync("rsa", { modulusLength });
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const good = publicKey.export({ format: "jwk" });
const otherGood = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });
const set = (...keys: object[]): string => JSON.stringify({ keys, note: CANARY });
const reply =
  (body: string | Buffer, status = 200, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { "x-note": CANARY, ...headers }).end(body);

const FOUL: [name: string, answer: RequestListener, reason: string][] = [
  [
    "an HTML page with status 200",
    reply(`<html>${CANARY}</html>`, 200, { "content-type": "text/html" }),
    "RejectedNotJWKS",
  ],
  [
    "an HTML page that says it is JSON",
    reply(`<html>${CANARY}`, 200, { "content-type": "application/json" }),
    "RejectedNotJWKS",
  ],
  ["nothing with status 200", reply(""), "RejectedNotJWKS"],
  ["nothing with status 204", reply("", 204), "RejectedNotJWKS"],
  ["other JSON", reply(JSON.stringify({ error: CANARY })), "RejectedNotJWKS"],
  ["100,000 brackets", reply("[".repeat(100_000)), "RejectedNotJWKS"],
  ["a picture", reply(Buffer.from("89504e470d0a1a0a", "hex")), "RejectedNotJWKS"],
  ["no keys", reply(set()), "RejectedNoUsableKey"],
  ["encryption keys only", reply(set({ ...good, use: "enc" })), "RejectedNoUsableKey"],
  ["a private key", reply(set(good, { ...privateKey.export({ format: "jwk" }), kid: CANARY })), "RejectedPrivateKey"],
  ["a symmetric key", reply(set(good, { kty: "oct", k: CANARY })), "RejectedPrivateKey"],
  ["an RSA key of 1024 bits", reply(set(good, rsa(1024).publicKey.export({ format: "jwk" }))), "RejectedWeakKey"],
  [
    "two keys with one kid",
    reply(set({ ...good, kid: CANARY }, { ...otherGood, kid: CANARY })),
    "RejectedDuplicateKeyID",
  ],
  ["10,000 keys", reply(set(...Array<object>(10_000).fill(good))), "RejectedTooLarge"],
  [
    "10,000 keys, compressed",
    reply(gzipSync(set(...Array<object>(10_000).fill(good))), 200, { "content-encoding": "gzip" }),
    "RejectedTooLarge",
  ],
  ["status 300 without an address", reply(set(good), 300), "RejectedHTTPStatus"],
  ["status 304 that nobody asked for", reply("", 304), "RejectedHTTPStatus"],
  ["status 400", reply(CANARY, 400), "RejectedHTTPStatus"],
  ["status 401", reply(CANARY, 401), "RejectedHTTPStatus"],
  ["status 403 with keys", reply(set(good), 403), "RejectedHTTPStatus"],
  ["status 404", reply(CANARY, 404), "RejectedHTTPStatus"],
  ["status 410", reply(CANARY, 410), "RejectedHTTPStatus"],
  ["a redirect to http", reply("", 302, { location: `http://id.example.com/${CANARY}` }), "RejectedRedirect"],
  ["a redirect to itself", reply("", 302, { location: "" }), "RejectedRedirect"],
  [
    "a redirect to the metadata address",
    reply("", 302, { location: `https://169.254.169.254/${CANARY}` }),
    "RejectedRedirect",
  ],
  ["a redirect to a private name", reply("", 302, { location: "https://inside.example.com/" }), "RejectedRedirect"],
  ["a redirect to nobody", reply("", 302, { location: "https://silent.example.com/" }), "RejectedRedirect"],
  ["status 408", reply(CANARY, 408), "Unreachable"],
  ["status 429", reply(CANARY, 429), "Unreachable"],
  ["status 500", reply(CANARY, 500), "Unreachable"],
  ["status 500 with keys", reply(set(good), 500), "RejectedHTTPStatus"],
  ["status 404 with keys", reply(set(good), 404), "RejectedHTTPStatus"],
  ["status 503 with a page of 1 MiB", reply("x".repeat(1024 * 1024), 503), "Unreachable"],
  ["an encoding that nobody knows", reply(CANARY, 200, { "content-encoding": CANARY }), "RejectedNotJWKS"],
  ["keys that are compressed without a header", reply(gzipSync(set(good))), "RejectedNotJWKS"],
  [
    "keys that are compressed and encoded by nobody knows what",
    reply(gzipSync(set(good)), 200, { "content-encoding": "aws-chunked, gzip" }),
    "RejectedNotJWKS",
  ],
];
for (const [name, listener, reason] of FOUL) {
  test(`no yes from a provider that answers with ${name}`, async () => {
    answer = listener;
    const verdict = await askSite();
    assert.is(verdict.answer !== "Yes" && verdict.reason, reason);
    assert.is(verdict.answer, reason.startsWith("Rejected") ? "No" : "Silence");
    assert.match(verdict.message, /^[A-Z].*\.$/);
    assert.not.match(JSON.stringify(verdict), CANARY);
    assert.not.match(verdict.message, /id\.example\.com|169\.254|10\.0\.0\.1/);
  });
}

const PLAIN: [name: string, encoding: string][] = [
  ["aws-chunked", "aws-chunked"],
  ["utf-8", "UTF-8"],
  ["binary", "binary"],
  ["none", "none"],
  ["an empty text", ""],
  ["identity", "identity"],
];
for (const [name, encoding] of PLAIN) {
  test(`a plain key set with the content-encoding ${name} is read as libraries read it`, async () => {
    answer = reply(set(good), 200, { "content-encoding": encoding });
    const verdict = await askSite();
    assert.is(verdict.message, "The login provider publishes 1 signing key (ES256).");
  });
}

const DOUBTFUL: [name: string, answer: RequestListener, says: RegExp][] = [
  ["status 203", reply(set(good), 203), /HTTP status 203.* only 200/],
  ["gzip", reply(gzipSync(set(good)), 200, { "content-encoding": "gzip" }), /compresses its keys/],
  [
    "deflate without a header",
    reply(deflateRawSync(set(good)), 200, { "content-encoding": "deflate" }),
    /compresses its keys/,
  ],
  ["zstd", reply(zstdCompressSync(set(good)), 200, { "content-encoding": "zstd" }), /compresses its keys/],
  ["gzip in its header only", reply(set(good), 200, { "content-encoding": "gzip" }), /says in Content-Encoding/],
];
for (const [name, listener, says] of DOUBTFUL) {
  test(`for some libraries: a key set that comes with ${name}`, async () => {
    answer = listener;
    const verdict = await askSite();
    assert.is.not(verdict.answer, "No");
    assert.match(verdict.message, says);
  });
}

/** What the site answers at these paths; 404 elsewhere. */
const at =
  (paths: Readonly<Record<string, RequestListener>>): RequestListener =>
  (request, response) =>
    (paths[request.url ?? ""] ?? reply("", 404))(request, response);
const moved = (location: string, status = 301): RequestListener => reply("", status, { location });
const origin = () => `https://id.example.com:${site.port}`;
const describes = (jwksUri: string): RequestListener => reply(JSON.stringify({ issuer: CANARY, jwks_uri: jwksUri }));

for (const status of [301, 302, 303, 307, 308]) {
  test(`a redirect with status ${status} is a no, which names the URL at the end`, async () => {
    answer = at({ "/keys": moved("/keys/", status), "/keys/": moved("/v2/keys"), "/v2/keys": reply(set(good)) });
    const verdict = await askSite();
    assert.is(verdict.answer === "No" && verdict.reason, "RejectedRedirect");
    assert.match(verdict.message, `Set jwksUri to ${origin()}/v2/keys.`);
  });
}

const UNNAMED: [name: string, location: () => string][] = [
  ["with a query", () => `/v2/keys?token=${CANARY}`],
  ["with a fragment", () => `/v2/keys#${CANARY}`],
  ["of another site", () => `https://other.example.org:${site.port}/v2/keys`],
  ["with a long path", () => `/v2/keys/${"x".repeat(300)}`],
  ["with letters that are not plain", () => `/v2/keys/%1b%5b31m`],
];
for (const [name, location] of UNNAMED) {
  test(`a URL ${name} is not named, neither after a redirect nor from a discovery document`, async () => {
    answer = (request, response) => (request.url === "/keys" ? moved(location()) : reply(set(good)))(request, response);
    const redirected = await askSite();
    assert.is(redirected.answer === "No" && redirected.reason, "RejectedRedirect");
    assert.not.match(redirected.message, /\/v2|canary|example\.org/);
    answer = at({ "/.well-known/openid-configuration": describes(new URL(location(), origin()).href) });
    const discovered = await askSite(true);
    assert.is(discovered.answer === "No" && discovered.reason, "RejectedHTTPStatus");
    assert.not.match(discovered.message, /\/v2|canary|example\.org/);
  });
}

const ISSUERS: [uri: string, issuer: string][] = [
  ["/jwks", ""],
  ["/realms/shop/protocol/openid-connect/cert", "/realms/shop"],
  ["/auth/realms/shop/protocol/openid-connect/cert", "/auth/realms/shop"],
  ["/oauth2/default/v1/key", "/oauth2/default"],
  ["/tenant/discovery/v2.0/key", "/tenant/v2.0"],
  ["/pool/.well-known/jwk.json", "/pool"],
  ["/a/b/keys", "/a/b"],
  ["/a/b/keys", "/a"],
];
for (const [uri, issuer] of ISSUERS) {
  test(`the discovery document of the issuer ${issuer || "/"} is found from ${uri}`, async () => {
    answer = at({ [`${issuer}/.well-known/openid-configuration`]: describes(`${origin()}/right`) });
    const verdict = await ask(`${origin()}${uri}`);
    assert.is(verdict.answer === "No" && verdict.reason, "RejectedHTTPStatus");
    assert.match(verdict.message, ` is ${origin()}/right.`);
  });
}

test("the discovery document is looked for with few requests, once in ten minutes, and again when a person asks", async () => {
  answer = reply("", 404);
  const uri = `${origin()}/a/b/c/d/e/f/keys`;
  assert.is((await requestsIn(() => ask(uri))).length, 1 + 4);
  assert.is((await requestsIn(() => ask(uri))).length, 1);
  assert.is((await requestsIn(() => ask(uri, true))).length, 1 + 4);
  clock += 600_000;
  assert.is((await requestsIn(() => ask(uri))).length, 1 + 4);
  answer = reply("", 503);
  assert.is((await requestsIn(() => ask(uri, true))).length, 1);
});

test("a placeholder in the URL is named as the mistake", async () => {
  answer = reply("", 404);
  for (const path of ["/{tenantid}/keys", "/%7Btenantid%7D/keys", "/<tenant>/keys"]) {
    assert.match((await ask(origin() + path)).message, /contains a placeholder/);
  }
});

const ELSEWHERE: [name: string, uri: string, reason: string, passing?: boolean][] = [
  ["a private address", "https://10.0.0.1/", "RejectedAddress", false],
  ["a private name", "https://inside.example.com/", "RejectedAddress", false],
  ["a metadata address", "https://169.254.169.254/", "RejectedAddress", false],
  ["a name that does not exist", "https://gone.example.com/", "RejectedNameNotFound", true],
  ["a text that is no URL", "https://999.0.0.1/", "RejectedAddress", false],
  ["a name that DNS is silent about", "https://silent.example.com/", "Unreachable"],
];
for (const [name, uri, reason, passing] of ELSEWHERE) {
  test(`no yes from ${name}`, async () => {
    const verdict = await ask(uri);
    assert.is(verdict.answer !== "Yes" && verdict.reason, reason);
    assert.is(verdict.answer === "No" ? verdict.passing : undefined, passing);
  });
}

test("no yes from a provider that is too slow, or has another's certificate", async () => {
  answer = () => undefined;
  const impatient = createJwksCheck({ http, timeoutMs: 300 });
  const uri = `https://id.example.com:${site.port}/keys`;
  const slow = await impatient({ kind: "JWKS", uri }, { signal, fresh: false });
  assert.is(slow.answer === "Silence" && slow.reason, "UnreachableTimeout");
  const foreign = await ask(`https://other.example.com:${site.port}/keys`);
  assert.is(foreign.answer === "No" && foreign.reason, "RejectedTLS");
  assert.match(foreign.message, /another host name.*ERR_TLS_CERT_ALTNAME_INVALID/);
});

test("the pause that a provider wants is passed on, an hour at most", async () => {
  answer = reply("", 429, { "retry-after": "120" });
  const seconds = await askSite();
  assert.is(seconds.answer === "Silence" && seconds.retryAfterMs, 120_000);
  answer = reply("", 503, { "retry-after": new Date(NOW + 30_000).toUTCString() });
  const date = await askSite();
  assert.is(date.answer === "Silence" && date.retryAfterMs, 30_000);
  answer = reply("", 503, { "retry-after": "999999" });
  const long = await askSite();
  assert.is(long.answer === "Silence" && long.retryAfterMs, 3_600_000);
});

/** Requests that reach the site while `during` runs. */
async function requestsIn(during: () => Promise<unknown>): Promise<Pick<IncomingMessage, "headers">[]> {
  const before = site.requests.length;
  await during();
  return site.requests.slice(before);
}

test("a yes is not requested again while the headers say that it is fresh, unless a person asks", async () => {
  answer = reply(set(good), 200, { "cache-control": "max-age=60" });
  const first = await askSite();
  assert.is(first.answer, "Yes");
  answer = reply(set(otherGood), 200, { "cache-control": "max-age=60" });
  clock = 59_999;
  // Somebody sets the clock back by a day.
  wall -= 86_400_000;
  assert.is((await requestsIn(async () => assert.equal(await askSite(), first))).length, 0);
  const second = await askSite(true);
  assert.is.not(keysOf(second), keysOf(first));
  clock += 59_999;
  assert.is((await requestsIn(async () => assert.equal(await askSite(), second))).length, 0);
  clock += 1;
  assert.is((await requestsIn(() => askSite())).length, 1);
});

test("a yes that is no longer fresh is requested conditionally, and unchanged means the same verdict", async () => {
  const lastModified = new Date(NOW).toUTCString();
  answer = reply(set(good), 200, { etag: 'W/"1"', "last-modified": lastModified, "cache-control": "no-cache" });
  const first = await askSite();
  answer = reply("", 304, { "cache-control": "max-age=60" });
  const [conditional] = await requestsIn(async () => assert.equal(await askSite(), first));
  assert.is(conditional?.headers["if-none-match"], 'W/"1"');
  assert.is(conditional?.headers["if-modified-since"], lastModified);
  assert.is((await requestsIn(() => askSite())).length, 0, "304 made it fresh again");
  const [byPerson] = await requestsIn(async () => assert.equal(await askSite(true), first));
  assert.is(byPerson?.headers["if-none-match"], 'W/"1"');
});

test("a set that must not be stored is requested in full each time", async () => {
  answer = reply(set(good), 200, { etag: '"1"', "cache-control": "no-store, max-age=60" });
  await askSite();
  const [again] = await requestsIn(() => askSite());
  assert.is(again?.headers["if-none-match"], undefined);
});

test("a no is not remembered, and neither is the yes before it", async () => {
  const fresh = { etag: '"1"', "cache-control": "max-age=60" };
  answer = reply(set(good), 200, fresh);
  assert.is((await askSite()).answer, "Yes");
  answer = reply("<html>", 200, fresh);
  assert.is((await askSite(true)).answer, "No");
  const [again] = await requestsIn(async () => assert.is((await askSite()).answer, "No"));
  assert.is(again?.headers["if-none-match"], undefined);
  answer = reply(set(good));
  assert.is((await askSite()).answer, "Yes");
});

test("silence forgets nothing: the next request is conditional", async () => {
  answer = reply(set(good), 200, { etag: '"1"' });
  await askSite();
  answer = reply("", 503);
  assert.is((await askSite()).answer, "Silence");
  answer = reply("", 304);
  assert.is((await askSite()).answer, "Yes");
});

test("the number of remembered providers is bounded: the one that was used the longest ago is forgotten", async () => {
  check = createJwksCheck({ http, monotonicMs: () => clock, maxRemembered: 2 });
  answer = reply(set(good), 200, { "cache-control": "max-age=60" });
  const askAt = (path: string) => ask(`https://id.example.com:${site.port}/${path}`);
  for (const path of ["a", "b", "a", "c"]) await askAt(path);
  assert.is((await requestsIn(() => askAt("a"))).length, 0);
  assert.is((await requestsIn(() => askAt("c"))).length, 0);
  assert.is((await requestsIn(() => askAt("b"))).length, 1);
});

test("a validator that does not fit into a header is not sent back", async () => {
  answer = reply(set(good), 200, { etag: `"${"x".repeat(2_000)}"`, "last-modified": "t\u00e9l\u00e9" });
  await askSite();
  const [again] = await requestsIn(() => askSite());
  assert.is(again?.headers["if-none-match"], undefined);
  assert.is(again?.headers["if-modified-since"], undefined);
});

test("a check that is aborted is silence", async () => {
  answer = () => undefined;
  const caller = new AbortController();
  setTimeout(() => caller.abort(), 50);
  const uri = `https://id.example.com:${site.port}/keys`;
  const verdict = await check({ kind: "JWKS", uri }, { signal: caller.signal, fresh: false });
  assert.is(verdict.answer, "Silence");
});

test.run();
