/**
 * Servers that are hostile or broken, at addresses that may be dialled. Each is a real server over TLS. The promise is the
 * outcome, in time, and without much memory.
 */
import { once } from "node:events";
import type { RequestListener, ServerResponse } from "node:http";
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { buffer } from "node:stream/consumers";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createCertificateAuthority } from "#testbed/servers/tls";
import type { Address, EgressOptions } from "#verify/network/egress";
import { createHttpClient } from "#verify/network/http";
import type { HttpGet, HttpOutcome } from "#verify/network/http";
import { networkVerdict } from "#verify/network/network-verdict";
import type { NetworkFailure } from "#verify/network/network-verdict";
import type { ProxySettings } from "#verify/network/proxy";
import { eventually } from "#support/operator/eventually";
import { egressFor } from "#support/verify/egress";
import { refusingPort } from "#support/verify/refusing";
import { startProxy, startSite, startTcpSite } from "#support/verify/sites";
import type { Site } from "#support/verify/sites";

const ca = createCertificateAuthority();
const KiB = 1024;
const MiB = 1024 * KiB;

/** Names of this test, all on loopback; `inside` is where nobody may be led. */
const ADDRESSES: Readonly<Record<string, string>> = {
  "id.example.com": "127.0.0.1",
  "other.example.com": "127.0.0.1",
  "inside.example.com": "10.0.0.1",
  "metadata.example.com": "169.254.169.254",
};
async function lookup(name: string): Promise<Address[]> {
  const address = ADDRESSES[name.replace(/\.$/, "")];
  if (address === undefined) throw Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" });
  return [{ address, family: 4 }];
}

type Options = Partial<HttpGet> & { egress?: EgressOptions; proxy?: ProxySettings };

async function get(url: string, { egress, proxy, ...request }: Options = {}): Promise<HttpOutcome> {
  const client = createHttpClient(
    egressFor("JWKS", { allow: ["127.0.0.0/8"], caBundle: () => ca.caPem, lookup, ...egress }),
    proxy ?? {},
  );
  try {
    return await client.get({
      ...{ url, maxBytes: 64 * KiB, timeoutMs: 20_000, maxRedirects: 3 },
      ...request,
    });
  } finally {
    await client.close();
  }
}

/** Writes until nobody listens any more. */
function pour(response: ServerResponse, chunk: Buffer): void {
  const write = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", write);
  write();
}

async function drip(response: ServerResponse, text: string): Promise<void> {
  const timer = setInterval(() => response.write(text), 20);
  await once(response, "close");
  clearInterval(timer);
}

const redirect =
  (location: string, status = 302): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { location }).end();

const page =
  (status: number, headers: Record<string, string>, body: Buffer | string): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, headers).end(body);

/** 1 GiB of zeros in 1 MiB: a gzip file may have many members, and all of them count. */
const GZIP_BOMB = Buffer.concat(Array<Buffer>(1024).fill(gzipSync(Buffer.alloc(MiB))));
async function brotliBomb(): Promise<Buffer> {
  const stream = createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
  const packed = buffer(stream);
  for (let written = 0; written < 256; written += 1) {
    if (!stream.write(Buffer.alloc(MiB))) await once(stream, "drain");
  }
  stream.end();
  return packed;
}
const BROTLI_BOMB = await brotliBomb();

const PATHS: Record<string, RequestListener> = {
  "/ok": page(200, {}, "fine"),
  "/slow-headers": () => undefined,
  "/slow-body": (_request, response) => {
    response.writeHead(200, { "content-length": "1000" }).flushHeaders();
  },
  "/drip": (_request, response) => void drip(response.writeHead(200), "x"),
  "/drip-refusal": (_request, response) => void drip(response.writeHead(500), "x"),
  "/informational": (_request, response) => {
    const timer = setInterval(() => response.writeProcessing(), 5);
    response.on("close", () => clearInterval(timer));
  },
  "/endless": (_request, response) => pour(response.writeHead(200), Buffer.alloc(64 * KiB, "x")),
  "/endless-refusal": (_request, response) => pour(response.writeHead(503), Buffer.alloc(64 * KiB, "x")),
  "/endless-redirect": (_request, response) =>
    pour(response.writeHead(302, { location: "/ok" }), Buffer.alloc(64 * KiB, "x")),
  "/announced": page(200, { "content-length": String(10 * MiB) }, Buffer.alloc(10 * MiB)),
  "/gzip": page(200, { "content-encoding": "gzip" }, gzipSync("fine")),
  "/x-gzip": page(200, { "content-encoding": "X-GZIP" }, gzipSync("fine")),
  "/deflate": page(200, { "content-encoding": "deflate" }, deflateSync("fine")),
  "/brotli": page(200, { "content-encoding": "br" }, brotliCompressSync("fine")),
  "/gzip-bomb": page(200, { "content-encoding": "gzip" }, GZIP_BOMB),
  "/brotli-bomb": page(200, { "content-encoding": "br" }, BROTLI_BOMB),
  "/bomb-refusal": page(404, { "content-encoding": "br" }, BROTLI_BOMB),
  "/raw-deflate": page(200, { "content-encoding": "deflate" }, deflateRawSync("fine")),
  "/zstd": page(200, { "content-encoding": "zstd" }, zstdCompressSync("fine")),
  "/twice": page(200, { "content-encoding": "gzip, br" }, brotliCompressSync(gzipSync("fine"))),
  "/half-unknown": page(200, { "content-encoding": "aws-chunked, gzip" }, gzipSync("fine")),
  "/four-times": page(200, { "content-encoding": "gzip, gzip, gzip, gzip" }, "fine"),
  "/bomb-twice": page(200, { "content-encoding": "gzip, gzip" }, gzipSync(GZIP_BOMB)),
  "/no-gzip": page(200, { "content-encoding": "gzip" }, "this is no gzip"),
  "/unknown-encoding": page(200, { "content-encoding": "zip" }, "PK"),
  "/early-hints": (_request, response) => {
    response.writeInformation(103, { "content-encoding": "gzip", "cache-control": "max-age=3600" });
    response.end("fine");
  },
  "/odd-encoding": page(200, { "content-encoding": "constructor" }, "PK"),
  "/large-header": page(200, { "x-large": "x".repeat(100 * KiB) }, ""),
  "/no-location": page(302, {}, ""),
  "/loop": redirect("/loop"),
  "/ping": redirect("/pong"),
  "/pong": redirect("/ping"),
  "/3": redirect("/2", 301),
  "/2": redirect("/1", 307),
  "/1": redirect("/ok", 308),
  "/4": redirect("/3", 303),
  "/to-http": redirect("http://id.example.com/ok"),
  "/to-user": redirect("https://root:secret@id.example.com/ok"),
  "/to-file": redirect("file:///etc/passwd"),
  "/to-javascript": redirect("javascript:alert(1)"),
  "/to-nothing": redirect("https://"),
  "/to-metadata": redirect("https://169.254.169.254/latest/meta-data/"),
  "/to-metadata-number": redirect("https://2852039166/"),
  "/to-metadata-mapped": redirect("https://[::ffff:a9fe:a9fe]/"),
  "/to-metadata-name": redirect("https://metadata.example.com/"),
  "/to-metadata-relative": redirect("//169.254.169.254/"),
  "/to-inside": redirect("https://10.0.0.1/"),
  "/to-inside-name": redirect("https://inside.example.com/"),
  "/to-unknown": redirect("https://gone.example.com/"),
};

let site: Site;
let base: string;

test.before(async () => {
  const certificate = ca.issue({ hosts: Object.keys(ADDRESSES) });
  site = await startSite(certificate, (request, response) => {
    (PATHS[request.url ?? ""] ?? PATHS["/to-other"])?.(request, response);
  });
  base = `https://id.example.com:${site.port}`;
  PATHS["/to-other"] = redirect(`https://other.example.com:${site.port}/ok`);
  PATHS["/to-same"] = redirect(`${base}/ok`);
});
test.after(() => site.close());

const text = (outcome: HttpOutcome): string =>
  outcome.kind === "Reply" ? `${outcome.status} ${outcome.body.toString()}` : outcome.kind;

const TIMED: [name: string, path: string][] = [
  ["a server that sends no headers", "/slow-headers"],
  ["a server that sends headers and no body", "/slow-body"],
  ["a body that comes in drips", "/drip"],
  ["a refusal that comes in drips", "/drip-refusal"],
  ["informational replies without end", "/informational"],
];
for (const [name, path] of TIMED) {
  test(`cut off in time: ${name}`, async () => {
    const began = performance.now();
    assert.is(text(await get(base + path, { timeoutMs: 400 })), "TimedOut");
    assert.ok(performance.now() - began < 5_000);
  });
}

test("cut off in time: name servers that do not answer", async () => {
  const silent = { lookup: () => new Promise<never>(() => undefined) };
  assert.is(text(await get(`${base}/ok`, { timeoutMs: 300, egress: silent })), "TimedOut");
  assert.equal(await get(`${base}/ok`, { egress: { ...silent, lookupTimeoutMs: 100 } }), {
    kind: "Unreachable",
    code: "EAI_AGAIN",
  });
});

test("cut off in time: a server that accepts and never says a word of TLS", async () => {
  const mute = await startTcpSite(() => undefined);
  assert.is(text(await get(`https://id.example.com:${mute.port}/`, { timeoutMs: 400 })), "TimedOut");
  await mute.close();
});

test("given up at once when the caller gives up", async () => {
  const caller = new AbortController();
  setTimeout(() => caller.abort(), 100);
  assert.equal(await get(`${base}/slow-headers`, { signal: caller.signal }), { kind: "Unreachable", code: "ABORTED" });
  assert.equal(await get(`${base}/ok`, { signal: caller.signal }), { kind: "Unreachable", code: "ABORTED" });
});

const LARGE: [name: string, path: string][] = [
  ["a body without end", "/endless"],
  ["a body of 10 MiB", "/announced"],
  ["a gzip bomb of 1 GiB", "/gzip-bomb"],
  ["a brotli bomb of 256 MiB", "/brotli-bomb"],
  ["a gzip bomb of 1 GiB that is compressed twice", "/bomb-twice"],
];
for (const [name, path] of LARGE) {
  test(`cut off in size: ${name}`, async () => {
    const before = process.resourceUsage().maxRSS;
    // The gzip bomb passes as it comes, and must be stopped while it is inflated.
    assert.is(text(await get(base + path, { maxBytes: 2 * MiB })), "TooLarge");
    const grownMiB = (process.resourceUsage().maxRSS - before) / KiB;
    assert.ok(grownMiB < 128, `${grownMiB} MiB`);
  });
}

test("of a refusal the beginning is enough: without end, and as a bomb", async () => {
  const endless = await get(`${base}/endless-refusal`, { maxBytes: 1_000 });
  assert.is(text(endless), `503 ${"x".repeat(1_000)}`);
  assert.is(text(await get(`${base}/bomb-refusal`)), "404 ");
});

test("what comes compressed unasked is read all the same, and noted", async () => {
  for (const path of ["/gzip", "/x-gzip", "/deflate", "/raw-deflate", "/brotli", "/zstd", "/twice"]) {
    const outcome = await get(base + path);
    assert.is(text(outcome), "200 fine");
    assert.is(outcome.kind === "Reply" && outcome.coding, "Compressed");
  }
  assert.is(site.requests.at(-1)?.headers["accept-encoding"], undefined);
});

const AS_IT_CAME: [name: string, path: string, body: string][] = [
  ["an encoding that nobody knows", "/unknown-encoding", "PK"],
  ["an encoding named like a member of every object", "/odd-encoding", "PK"],
  ["no gzip, though it says so", "/no-gzip", "this is no gzip"],
  ["encoded twice, once by nobody knows what", "/half-unknown", gzipSync("fine").toString()],
  ["encoded four times", "/four-times", "fine"],
];
for (const [name, path, body] of AS_IT_CAME) {
  test(`read as it came: ${name}`, async () => {
    assert.is(text(await get(base + path)), `200 ${body}`);
  });
}

test("the headers of an informational reply are not those of the answer", async () => {
  const outcome = await get(`${base}/early-hints`);
  assert.is(text(outcome), "200 fine");
  assert.is(outcome.kind === "Reply" && outcome.headers["cache-control"], undefined);
});

const BROKEN: [name: string, path: string, code: string][] = [
  ["a header of 100 KiB", "/large-header", "UND_ERR_HEADERS_OVERFLOW"],
];
for (const [name, path, code] of BROKEN) {
  test(`not read: ${name}`, async () => {
    assert.equal(await get(base + path), { kind: "Unreachable", code });
  });
}

test("three redirects are followed, the fourth is not", async () => {
  assert.is(text(await get(`${base}/3`)), "200 fine");
  assert.is(text(await get(`${base}/4`)), "BadRedirect");
  assert.is(text(await get(`${base}/1`, { maxRedirects: 0 })), "BadRedirect");
  assert.is(text(await get(`${base}/ok`, { maxRedirects: 0 })), "200 fine");
  const end = await get(`${base}/3`);
  assert.is(end.kind === "Reply" && end.url, `${base}/ok`);
  assert.equal(await get(`${base}/4`), { kind: "BadRedirect", location: `${base}/ok` });
});

test("a redirect with a body without end is followed, its body is not read", async () => {
  assert.is(text(await get(`${base}/endless-redirect`)), "200 fine");
});

test("a redirect without an address is a reply like any other", async () => {
  assert.is(text(await get(`${base}/no-location`)), "302 ");
});

const REDIRECTS: [name: string, path: string, outcome: string][] = [
  ["to itself", "/loop", "BadRedirect"],
  ["in a circle of two", "/ping", "BadRedirect"],
  ["to http", "/to-http", "BadRedirect"],
  ["to a URL with user name and password", "/to-user", "BadRedirect"],
  ["to a file", "/to-file", "BadRedirect"],
  ["to a script", "/to-javascript", "BadRedirect"],
  ["to a URL without a host", "/to-nothing", "BadRedirect"],
  ["to the metadata address", "/to-metadata", "AddressRefused"],
  ["to the metadata address as a number", "/to-metadata-number", "AddressRefused"],
  ["to the metadata address, IPv4-mapped", "/to-metadata-mapped", "AddressRefused"],
  ["to the metadata address without a scheme", "/to-metadata-relative", "AddressRefused"],
  ["to a name that has the metadata address", "/to-metadata-name", "AddressRefused"],
  ["to a private address", "/to-inside", "AddressRefused"],
  ["to a name that has a private address", "/to-inside-name", "AddressRefused"],
  ["to a name that does not exist", "/to-unknown", "NameNotFound"],
];
for (const [name, path, outcome] of REDIRECTS) {
  test(`not followed: a redirect ${name}`, async () => {
    assert.is(text(await get(base + path)), outcome);
  });
}

test("headers go along to the same origin, and to no other", async () => {
  const headers = { authorization: "Digest something", "if-none-match": '"1"' };
  assert.is(text(await get(`${base}/to-same`, { headers })), "200 fine");
  assert.is(site.requests.at(-1)?.headers.authorization, headers.authorization);
  assert.is(text(await get(`${base}/to-other`, { headers })), "200 fine");
  const last = site.requests.at(-1)!;
  assert.is(last.headers.host, `other.example.com:${site.port}`);
  assert.is(last.headers.authorization, undefined);
  assert.is(last.headers["if-none-match"], undefined);
});

test("not fetched: http, and a URL with user name and password", async () => {
  assert.is(text(await get("http://id.example.com/")), "AddressRefused");
  assert.is(text(await get("https://root:secret@id.example.com/")), "AddressRefused");
  assert.is(text(await get("https://")), "AddressRefused");
});

test("each request has a connection of its own, and leaves none behind", async () => {
  const client = createHttpClient(egressFor("JWKS", { allow: ["127.0.0.0/8"], caBundle: () => ca.caPem, lookup }));
  const before = site.dialled.length;
  const request = { url: `${base}/ok`, maxBytes: 100, timeoutMs: 20_000, maxRedirects: 0 } as const;
  for (let round = 0; round < 2; round += 1) assert.is(text(await client.get(request)), "200 fine");
  assert.is(site.dialled.length - before, 2);
  assert.is(site.requests.at(-1)?.headers.connection, "close");
  for (const path of ["/endless", "/slow-body", "/endless-redirect", "/endless-refusal"]) {
    await client.get({ ...request, url: base + path, timeoutMs: 300, maxRedirects: 1 });
  }
  await eventually(() => assert.is(site.sockets.size, 0));
  await client.close();
  assert.equal(await client.get(request), { kind: "Unreachable", code: "ABORTED" });
});

test("rebinding: the address that was checked is the one that is dialled, and a second look-up is checked again", async () => {
  const certificate = ca.issue({ hosts: ["id.example.com"] });
  const allowed = await startSite(certificate, page(200, {}, "allowed"), { address: "127.0.0.2" });
  const forbidden = await startSite(certificate, page(200, {}, "forbidden"), {
    address: "127.0.0.3",
    port: allowed.port,
  });
  let asked = 0;
  const egress = egressFor("JWKS", {
    allow: ["127.0.0.2"],
    caBundle: () => ca.caPem,
    lookup: async () => [{ address: (asked += 1) === 1 ? "127.0.0.2" : "127.0.0.3", family: 4 }],
  });
  const client = createHttpClient(egress);
  const request = {
    ...{ url: `https://id.example.com:${allowed.port}/` },
    ...{ maxBytes: 100, timeoutMs: 20_000, maxRedirects: 0 },
  };
  assert.is(text(await client.get(request)), "200 allowed");
  assert.is(asked, 1);
  assert.equal(allowed.dialled, ["127.0.0.2"]);
  assert.is(text(await client.get(request)), "AddressRefused");
  assert.is(asked, 2);
  assert.equal(forbidden.dialled, []);
  await Promise.all([client.close(), allowed.close(), forbidden.close()]);
});

test("the second address is tried when the first one refuses", async () => {
  const lookupTwo = async (): Promise<Address[]> => [
    { address: "127.0.0.9", family: 4 },
    { address: "127.0.0.1", family: 4 },
  ];
  assert.is(text(await get(`${base}/ok`, { egress: { lookup: lookupTwo } })), "200 fine");
});

const HOUR = 3_600_000;
const now = Date.now();
const CERTIFICATES: [name: string, certificate: () => ReturnType<typeof ca.issue>, code: string][] = [
  [
    "an expired certificate",
    () => ca.issue({ hosts: ["id.example.com"], notBefore: new Date(now - 2 * HOUR), notAfter: new Date(now - HOUR) }),
    "CERT_HAS_EXPIRED",
  ],
  [
    "a certificate of tomorrow",
    () => ca.issue({ hosts: ["id.example.com"], notBefore: new Date(now + 24 * HOUR) }),
    "CERT_NOT_YET_VALID",
  ],
  ["a certificate for another name", () => ca.issue({ hosts: ["evil.example.com"] }), "ERR_TLS_CERT_ALTNAME_INVALID"],
  ["a certificate for the address only", () => ca.issue({ hosts: ["127.0.0.1"] }), "ERR_TLS_CERT_ALTNAME_INVALID"],
  [
    "a certificate of a CA that nobody trusts",
    () => createCertificateAuthority().issue({ hosts: ["id.example.com"] }),
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ],
];
for (const [name, certificate, code] of CERTIFICATES) {
  test(`not trusted: ${name}, directly and through a proxy`, async () => {
    const impostor = await startSite(certificate(), page(200, {}, "secret"));
    const proxy = await startProxy(impostor.port);
    const url = `https://id.example.com:${impostor.port}/`;
    assert.equal(await get(url), { kind: "TlsFailed", code });
    assert.equal(await get(url, { proxy: { httpsProxy: proxy.url } }), { kind: "TlsFailed", code, proxied: true });
    assert.equal(impostor.requests, []);
    await Promise.all([impostor.close(), proxy.close()]);
  });
}

test("a certificate for an address is good for that address, and a name may end in a dot", async () => {
  const byAddress = await startSite(ca.issue({ hosts: ["127.0.0.1"] }), page(200, {}, "fine"));
  assert.is(text(await get(`https://127.0.0.1:${byAddress.port}/`)), "200 fine");
  assert.is(text(await get(`https://id.example.com.:${site.port}/ok`)), "200 fine");
  assert.is(site.requests.at(-1)?.headers.host, `id.example.com:${site.port}`);
  await byAddress.close();
});

const NO_HTTPS: [name: string, greet: Parameters<typeof startTcpSite>[0], outcome: RegExp][] = [
  ["hangs up at once", (socket) => socket.destroy(), /^Unreachable ECONNRESET$/],
  ["speaks plain http", (socket) => void socket.end("HTTP/1.1 200 OK\r\n\r\n"), /^TlsFailed (ERR_SSL_|EPROTO)/],
  [
    "speaks something else",
    (socket) => void socket.end("220 smtp.example.com ESMTP\r\n"),
    /^TlsFailed (ERR_SSL_|EPROTO)/,
  ],
];
for (const [name, greet, outcome] of NO_HTTPS) {
  test(`not taken for https: a server that ${name}`, async () => {
    const server = await startTcpSite(greet);
    const told = await get(`https://id.example.com:${server.port}/`);
    assert.match(`${told.kind} ${"code" in told ? told.code : ""}`, outcome);
    await server.close();
  });
}

test("nobody at home", async () => {
  const gone = await startTcpSite(() => undefined);
  await gone.close();
  assert.is(text(await get(`https://id.example.com:${gone.port}/`)), "ConnectionRefused");
});

const PROXIED: [name: string, target: string, outcome: string][] = [
  ["a metadata address", "https://169.254.169.254/", "AddressRefused"],
  ["a metadata address as a number", "https://2852039166/", "AddressRefused"],
  ["a metadata name that does not resolve here", "https://metadata.google.internal/", "AddressRefused"],
  ["a loopback name that does not resolve here", "https://keys.localhost/", "AddressRefused"],
  ["a private address", "https://10.0.0.1/", "AddressRefused"],
  ["a name that resolves to a metadata address", "https://metadata.example.com/", "AddressRefused"],
  ["a name that resolves to a private address", "https://inside.example.com/", "AddressRefused"],
  ["http", "http://gone.example.com/", "AddressRefused"],
];
for (const [name, target, outcome] of PROXIED) {
  test(`a proxy is no way around: ${name}`, async () => {
    const proxy = await startProxy(site.port);
    const options = { proxy: { httpsProxy: proxy.url }, egress: { allow: [] } };
    assert.is(text(await get(target, options)), outcome);
    assert.equal(proxy.dialled, []);
    await proxy.close();
  });
}

test("a certificate that is not trusted is refused, even where NODE_TLS_REJECT_UNAUTHORIZED=0 switches that off", async () => {
  const stranger = createCertificateAuthority().issue({ hosts: ["id.example.com"] });
  const other = await startSite(stranger, page(200, {}, "let in"));
  const proxy = await startProxy(other.port);
  process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
  try {
    for (const options of [{}, { proxy: { httpsProxy: proxy.url } }]) {
      assert.is(text(await get(`https://id.example.com:${other.port}/`, options)), "TlsFailed");
    }
  } finally {
    delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    await Promise.all([proxy.close(), other.close()]);
  }
});

test("a proxy is no way around: a redirect to a metadata address", async () => {
  const proxy = await startProxy(site.port);
  const told = await get(`${base}/to-metadata`, { proxy: { httpsProxy: proxy.url } });
  assert.is(text(told), "AddressRefused");
  assert.equal(proxy.tunnels, [`id.example.com:${site.port}`]);
  await proxy.close();
});

test("through a proxy: names are left to it when they do not resolve here, and NO_PROXY goes around it", async () => {
  const elsewhere = await startSite(ca.issue({ hosts: ["gone.example.com"] }), page(200, {}, "through"));
  const proxy = await startProxy(elsewhere.port);
  const httpsProxy = proxy.url;
  assert.is(text(await get("https://gone.example.com/keys", { proxy: { httpsProxy } })), "200 through");
  assert.equal(proxy.tunnels, ["gone.example.com:443"]);
  const around = { httpsProxy, noProxy: "gone.example.com,id.example.com" };
  assert.is(text(await get("https://gone.example.com/keys", { proxy: around })), "NameNotFound");
  assert.is(text(await get(`${base}/ok`, { proxy: around })), "200 fine");
  assert.is(proxy.tunnels.length, 1);
  await Promise.all([proxy.close(), elsewhere.close()]);
});

/** The message of the verdict: what fails before the tunnel is open is the proxy's fault, and no fault of the provider's. */
async function toldThrough(httpsProxy: string, more: Options = {}): Promise<string> {
  const outcome = await get(`${base}/ok`, { ...more, proxy: { httpsProxy } });
  assert.is(outcome.kind, "ProxyFailed");
  const verdict = networkVerdict(outcome as NetworkFailure, "The login provider");
  assert.is(verdict.answer, "Silence");
  assert.match(verdict.message, /^The login provider cannot be reached through the proxy in HTTPS_PROXY: .*\.$/);
  return verdict.message;
}

for (const [status, says] of [
  [403, /refused to connect to it \(HTTP status 403\).*NO_PROXY/],
  [407, /requires a login \(HTTP status 407\).*HTTPS_PROXY/],
  [502, /could not connect to it \(HTTP status 502\)/],
  [504, /could not connect to it \(HTTP status 504\)/],
  [500, /refused to connect to it \(HTTP status 500\)/],
] as const) {
  test(`the proxy's fault: it answers with ${status}`, async () => {
    const proxy = await startProxy(site.port, { refuses: status });
    assert.match(await toldThrough(proxy.url), says);
    await proxy.close();
  });
}

test("the proxy's fault: nothing listens, or its name does not exist", async () => {
  assert.match(
    await toldThrough(`http://127.0.0.1:${await refusingPort()}`),
    /refused the connection.*Check HTTPS_PROXY/,
  );
  assert.match(await toldThrough("http://proxy.invalid:3128"), /the proxy's host name/);
});

test("the proxy's fault: it says nothing, closes at once, or speaks no HTTP", async () => {
  const mute = await startTcpSite(() => undefined);
  const began = performance.now();
  const silent = { timeoutMs: 400 };
  assert.match(await toldThrough(`http://127.0.0.1:${mute.port}`, silent), /the proxy did not answer in time/);
  assert.match(await toldThrough(`https://127.0.0.1:${mute.port}`, silent), /the proxy did not answer in time/);
  assert.ok(performance.now() - began < 5_000);
  const closing = await startTcpSite((socket) => socket.destroy());
  assert.match(await toldThrough(`http://127.0.0.1:${closing.port}`), /the connection to the proxy failed/);
  assert.match(await toldThrough(`https://127.0.0.1:${closing.port}`), /the connection to the proxy failed/);
  const other = await startTcpSite((socket) => void socket.end("220 smtp.example.com ESMTP\r\n"));
  assert.match(await toldThrough(`http://127.0.0.1:${other.port}`), /the connection to the proxy failed/);
  assert.match(await toldThrough(`https://127.0.0.1:${other.port}`), /the TLS handshake with the proxy failed/);
  await Promise.all([mute.close(), closing.close(), other.close()]);
});

test("the proxy's fault: its certificate is not trusted, or is for another name", async () => {
  for (const [certificate, says] of [
    [createCertificateAuthority().issue({ hosts: ["127.0.0.1"] }), /the proxy's certificate was issued by a CA/],
    [ca.issue({ hosts: ["proxy.example.com"] }), /the TLS handshake with the proxy failed/],
  ] as const) {
    const proxy = await startSite(certificate, page(200, {}, ""));
    assert.match(await toldThrough(`https://127.0.0.1:${proxy.port}`), says);
    await proxy.close();
  }
});

test("not the proxy's fault: what happens in an open tunnel", async () => {
  const closing = await startTcpSite((socket) => socket.destroy());
  const [direct, gone] = await Promise.all([startProxy(site.port), startProxy(closing.port)]);
  assert.is(text(await get(`${base}/ok`, { proxy: { httpsProxy: direct.url } })), "200 fine");
  assert.is(text(await get(`${base}/slow-headers`, { proxy: { httpsProxy: direct.url }, timeoutMs: 400 })), "TimedOut");
  const outcome = await get(`${base}/ok`, { proxy: { httpsProxy: gone.url } });
  assert.equal(outcome, { kind: "Unreachable", code: "ECONNRESET", proxied: true });
  assert.match(networkVerdict(outcome as NetworkFailure, "It").message, "through the proxy in HTTPS_PROXY");
  await Promise.all([direct.close(), gone.close(), closing.close()]);
});

test.run();
