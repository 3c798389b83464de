/** What Node's TLS client says when a server refuses it: every alert, and the servers that people run into. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer as createTlsServer } from "node:tls";
import type { ConnectionOptions, TlsOptions } from "node:tls";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createCertificateAuthority } from "#testbed/servers/tls";
import { TLS_ALERTS } from "../corpora/tls-alerts.ts";

const authority = createCertificateAuthority();
const { certPem: cert, keyPem: key } = authority.issue({ hosts: ["127.0.0.1"] });
const stranger = createCertificateAuthority().issue({ hosts: ["client"] });

/** How a connection ends: in an error, or silently. `reached`: the handshake was over before. */
type End = { code: string; message: string; reached: boolean };

async function endOf(port: number, options: ConnectionOptions = {}): Promise<End> {
  const socket = connect({ port, host: "127.0.0.1", ca: authority.caPem, ...options });
  let reached = false;
  socket.on("secureConnect", () => (reached = true));
  // TLS 1.3: a refused client certificate shows only with the first read.
  socket.resume();
  const timeout = setTimeout(() => socket.destroy(), 3_000);
  return new Promise((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => {
      resolve({ code: error.code ?? "", message: error.message, reached });
    });
    socket.on("close", () => {
      clearTimeout(timeout);
      resolve({ code: "closed", message: "", reached });
    });
  });
}

async function meets(server: Server, options?: ConnectionOptions): Promise<End> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await endOf((server.address() as AddressInfo).port, options);
  } finally {
    server.close();
  }
}

/** Answers the first bytes with `bytes`, and ends. */
const answering = (bytes: Buffer | string) =>
  createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(bytes));
  });
/** A fatal alert in a record of TLS 1.2, as servers send it before keys are agreed on. */
const alert = (number: number) => answering(Buffer.from([21, 3, 3, 0, 2, 2, number]));
const tlsServer = (options: TlsOptions) => {
  const server = createTlsServer({ cert, key, ...options }, (socket) => socket.on("error", () => undefined));
  server.on("tlsClientError", () => undefined);
  return server;
};

for (const { number, name, code } of TLS_ALERTS) {
  test(`alert ${number}, ${name}: ${code}`, async () => {
    const end = await meets(alert(number));
    assert.is(end.code, code);
    if (code.startsWith("ERR_SSL_")) assert.match(end.message, new RegExp(`SSL alert number ${number}\\b`));
  });
}

test("every other number ends the connection without an alert that OpenSSL knows", async () => {
  const known = new Set(TLS_ALERTS.map(({ number }) => number));
  for (const number of [1, 39, 53, 72, 81, 101, 118, 122, 200, 255].filter((one) => !known.has(one))) {
    assert.is((await meets(alert(number))).code, "ECONNRESET", String(number));
  }
});

// prettier-ignore
const SERVERS: readonly (readonly [what: string, code: string, create: () => Server, options?: ConnectionOptions])[] = [
  ["one that speaks TLS 1.2 only, to a client of TLS 1.3 only", "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", () => tlsServer({ maxVersion: "TLSv1.2" }), { minVersion: "TLSv1.3" }],
  ["one that speaks TLS 1.3 only, to a client of TLS 1.2 only", "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", () => tlsServer({ minVersion: "TLSv1.3" }), { maxVersion: "TLSv1.2" }],
  ["one with other ciphers", "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", () => tlsServer({ maxVersion: "TLSv1.2", ciphers: "ECDHE-RSA-AES128-GCM-SHA256" }), { ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384" }],
  ["one with other curves", "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", () => tlsServer({ ecdhCurve: "P-521" }), { ecdhCurve: "P-256" }],
  ["one without a certificate", "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", () => tlsServer({ cert: undefined, key: undefined })],
  ["one that does not know the name (node:tls)", "ECONNRESET", () => tlsServer({ SNICallback: (_name, done) => done(new Error("unknown")) }), { servername: "other.example.com" }],
  ["one with another application protocol", "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL", () => tlsServer({ ALPNProtocols: ["h2"] }), { ALPNProtocols: ["mongodb"] }],
  ["one that wants a client certificate (node:tls, TLS 1.3)", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", () => tlsServer({ requestCert: true, ca: authority.caPem })],
  ["one that wants a client certificate (node:tls, TLS 1.2)", "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", () => tlsServer({ requestCert: true, ca: authority.caPem, maxVersion: "TLSv1.2" })],
  ["one without TLS, of HTTP", "ERR_SSL_WRONG_VERSION_NUMBER", () => createHttpServer()],
  ["one without TLS, of SSH", "ERR_SSL_WRONG_VERSION_NUMBER", () => answering("SSH-2.0-OpenSSH_9.6\r\n")],
  ["one without TLS that closes, as mongod does", "ECONNRESET", () => answering("")],
];

for (const [what, code, create, options] of SERVERS) {
  test(`${what}: ${code}`, async () => assert.is((await meets(create(), options)).code, code));
}

const hasOpenssl = await promisify(execFile)("openssl", ["version"]).then(
  () => true,
  () => false,
);

// prettier-ignore
const STRICT: readonly (readonly [what: string, version: string, code: string, options: ConnectionOptions])[] = [
  ["no client certificate", "-tls1_3", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", {}],
  ["no client certificate", "-tls1_2", "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", {}],
  ["a stranger's client certificate", "-tls1_3", "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", { cert: stranger.certPem, key: stranger.keyPem }],
  ["a stranger's client certificate", "-tls1_2", "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", { cert: stranger.certPem, key: stranger.keyPem }],
  ["a client certificate for servers only", "-tls1_3", "ERR_SSL_SSL/TLS_ALERT_UNSUPPORTED_CERTIFICATE", { cert, key }],
];

for (const [what, version, code, options] of STRICT) {
  const name = `openssl s_server ${version}, ${what}: ${code}`;
  if (hasOpenssl) test(name, async () => assert.is((await meetsOpenssl(version, options)).code, code));
  else test.skip(`${name} (openssl is not installed)`);
}

/** A server of OpenSSL's own that verifies client certificates, as mongod does with --tlsCAFile. */
async function meetsOpenssl(version: string, options: ConnectionOptions): Promise<End> {
  const folder = mkdtempSync(join(tmpdir(), "appsecret-alerts-"));
  const [ca, own] = [join(folder, "ca.pem"), join(folder, "server.pem")];
  writeFileSync(ca, authority.caPem);
  writeFileSync(own, cert + key);
  const args = [
    "s_server",
    "-accept",
    "127.0.0.1:0",
    "-cert",
    own,
    "-CAfile",
    ca,
    "-Verify",
    "2",
    "-verify_return_error",
  ];
  const server = spawn("openssl", [...args, version], { stdio: ["pipe", "pipe", "ignore"] });
  try {
    const port = await new Promise<number>((resolve, reject) => {
      let said = "";
      server.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        const found = /ACCEPT 127\.0\.0\.1:(\d+)/.exec(said);
        if (found !== null) resolve(Number(found[1]));
      });
      server.on("exit", () => reject(new Error(`openssl s_server ended: ${said}`)));
    });
    return await endOf(port, options);
  } finally {
    server.kill();
    rmSync(folder, { recursive: true });
  }
}

test.run();
