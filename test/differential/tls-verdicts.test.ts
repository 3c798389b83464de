/** What the checks make of every alert and of real TLS servers, on the Node that the operator runs on. */
import { once } from "node:events";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { TlsOptions } from "node:tls";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Verdict } from "#api/check";
import { createCertificateAuthority } from "#testbed/servers/tls";
import { createJwksCheck } from "#verify/jwks/jwks";
import { createMongoCheck } from "#verify/mongodb/mongodb";
import { createHttpClient } from "#verify/network/http";
import { egressFor } from "#support/verify/egress";
import { TLS_ALERTS } from "../corpora/tls-alerts.ts";
import type { TlsAlert } from "../corpora/tls-alerts.ts";

const authority = createCertificateAuthority();
const HOST = "host.example.com";
const { certPem: cert, keyPem: key } = authority.issue({ hosts: [HOST] });
const egressOptions = {
  allow: ["127.0.0.0/8"],
  caBundle: () => authority.caPem,
  lookup: async () => [{ address: "127.0.0.1", family: 4 as const }],
};
const { signal } = new AbortController();

async function loginProvider(port: number, host = HOST): Promise<Verdict> {
  const http = createHttpClient(egressFor("JWKS", egressOptions));
  const check = createJwksCheck({ http, timeoutMs: 5_000 });
  const verdict = await check({ kind: "JWKS", uri: `https://${host}:${port}/keys` }, { signal, fresh: false });
  await http.close();
  return verdict;
}

async function database(port: number, host = HOST, options = ""): Promise<Verdict> {
  const check = createMongoCheck({ egress: egressFor("MongoDB", egressOptions), timeoutMs: 5_000 });
  return check(
    { kind: "MongoDB", uri: `mongodb://u:p@${host}:${port}/?tls=true${options}`, database: "d" },
    { signal },
  );
}

/** One whose application has a client certificate, which the check has not. */
const withCertificate = (port: number) => database(port, HOST, "&tlsCertificateKeyFile=/canary.pem");

const CHECKS = [
  ["a login provider", loginProvider],
  ["a database", database],
] as const;

async function meets(server: Server, check: (port: number, host?: string) => Promise<Verdict>, host?: string) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await check((server.address() as AddressInfo).port, host);
  } finally {
    server.close();
  }
}

function inShort(verdict: Verdict): string {
  return verdict.answer === "Yes" ? "Yes" : `${verdict.answer} ${verdict.reason}`;
}

/** A fatal alert in a record of TLS 1.2, as servers send it before keys are agreed on. */
const alert = (number: number) =>
  createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, number])));
  });

const EXPECTED: Readonly<Record<TlsAlert["about"], readonly [verdict: string, says: RegExp]>> = {
  "client certificate": ["No RejectedTLS", /client certificate/],
  "server name": ["No RejectedTLS", /does not serve this host name/],
  "version or cipher": ["No RejectedTLS", /TLS|encryption/],
  protocol: ["Silence Unreachable", /protocol error/],
  server: ["Silence Unreachable", /ended the TLS handshake/],
  "application protocol": ["No RejectedTLS", /another protocol at that port/],
  access: ["No RejectedTLS", /denies access|pre-shared key/],
};
/** Each of these has a sentence of its own. */
const SENTENCES: readonly (readonly [alert: number, says: RegExp])[] = [
  [40, /cipher or curve in common/],
  [42, /that it can read and verify/],
  [43, /of another kind/],
  [44, /as revoked/],
  [45, /as expired/],
  [46, /that it accepts/],
  [48, /of a CA that it trusts/],
  [49, /denies access/],
  [70, /no TLS version that the operator does, which are 1\.2 and 1\.3/],
  [71, /stronger ciphers/],
  [80, /internal error/],
  [112, /Correct the host name/],
  [115, /pre-shared key/],
  [116, /requires a client certificate \(/],
  [120, /another protocol/],
];

for (const [who, check] of CHECKS) {
  for (const { number, name, code, about } of TLS_ALERTS) {
    test(`${who}: alert ${number}, ${name}`, async () => {
      const verdict = await meets(alert(number), check);
      if (code === "ECONNRESET") {
        assert.is(inShort(verdict), "Silence Unreachable");
        return;
      }
      const [expected, says] = EXPECTED[about];
      assert.is(inShort(verdict), expected);
      assert.match(verdict.message, says);
      assert.match(verdict.message, new RegExp(`\\(TLS alert ${number}, ${name}\\)\\. [A-Z].*\\.$`));
      const sentence = SENTENCES.find(([one]) => one === number)?.[1];
      if (sentence !== undefined) assert.match(verdict.message, sentence);
    });
  }

  test(`${who}: an alert that nobody has defined`, async () => {
    assert.is(inShort(await meets(alert(200), check)), "Silence Unreachable");
  });
}

for (const { number, name, code, about } of TLS_ALERTS.filter((one) => one.code !== "ECONNRESET")) {
  test(`an application with a client certificate: alert ${number}, ${name} (${code})`, async () => {
    const verdict = await meets(alert(number), withCertificate);
    // These servers agree on no version, so 40 is about that.
    const isUnknown = about === "client certificate";
    assert.is(inShort(verdict), isUnknown ? "Unverifiable CannotBeChecked" : EXPECTED[about][0]);
    if (isUnknown) assert.match(verdict.message, /Not checked: the server wants a client certificate/);
  });
}

for (const [host, isAtlas] of [
  ["cluster0-shard-00-00.abc12.mongodb.net", true],
  ["pl-0-eu-west-1.abc12.mongodb.net.", true],
  ["cluster0.abc12.mongodbgov.net", true],
  ["mongodb.net.example.com", false],
  ["notmongodb.net", false],
] as const) {
  test(`alert 80 of ${host} ${isAtlas ? "names" : "does not name"} the IP access list`, async () => {
    const verdict = await meets(alert(80), database, host);
    assert.is(inShort(verdict), isAtlas ? "No RejectedTLS" : "Silence Unreachable");
    assert.is(verdict.message.includes("IP access list"), isAtlas);
    assert.not.match(verdict.message, "tls=true");
  });
}

const tlsServer = (options: TlsOptions) => {
  const server = createTlsServer({ cert, key, ...options }, (socket) => socket.on("error", () => undefined));
  server.on("tlsClientError", () => undefined);
  return server;
};
const answering = (bytes: string) =>
  createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(bytes));
  });
const wantsCertificate = { requestCert: true, rejectUnauthorized: true, ca: authority.caPem };

// prettier-ignore
const SERVERS: readonly (readonly [what: string, verdict: string, says: RegExp, create: () => Server])[] = [
  ["wants a client certificate (TLS 1.3)", "No RejectedTLS", /requires a client certificate/, () => tlsServer(wantsCertificate)],
  ["wants a client certificate (TLS 1.2)", "No RejectedTLS", /client certificate/, () => tlsServer({ ...wantsCertificate, maxVersion: "TLSv1.2" })],
  ["has ciphers of its own", "No RejectedTLS", /cipher or curve in common/, () => tlsServer({ maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" })],
  ["has no certificate", "No RejectedTLS", /has no certificate/, () => tlsServer({ cert: undefined, key: undefined })],
  ["speaks SSH", "No RejectedTLS", /does not speak TLS at that port.*Correct the port/, () => answering("SSH-2.0-OpenSSH_9.6\r\n")],
  ["speaks plain HTTP", "No RejectedTLS", /does not speak TLS at that port/, () => answering("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["closes, as mongod without TLS does", "Silence Unreachable", /connection/, () => answering("")],
];
for (const [who, check] of CHECKS) {
  for (const [what, expected, says, create] of SERVERS) {
    test(`${who} that ${what}`, async () => {
      const verdict = await meets(create(), check);
      assert.is(inShort(verdict), expected);
      assert.match(verdict.message, says);
    });
  }
}

for (const [what, options, expected] of [
  ["wants a client certificate (TLS 1.3)", wantsCertificate, "Unverifiable CannotBeChecked"],
  [
    "wants a client certificate (TLS 1.2)",
    { ...wantsCertificate, maxVersion: "TLSv1.2" },
    "Unverifiable CannotBeChecked",
  ],
  ["has ciphers of its own", { maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" }, "No RejectedTLS"],
  ["has no certificate", { cert: undefined, key: undefined }, "No RejectedTLS"],
] as const) {
  test(`an application with a client certificate meets a server that ${what}`, async () => {
    assert.is(inShort(await meets(tlsServer(options), withCertificate)), expected);
  });
}

test.run();
