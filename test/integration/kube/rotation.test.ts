/** Everything that lets the client in is replaced while it runs: it goes on, and nothing has to be restarted. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createCertificateAuthority } from "#testbed/servers/tls";
import { createClient } from "#kube/client/client";
import type { KubeClient } from "#kube/client/client";
import type { KubeConfig } from "#kube/client/kubeconfig";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import { OperatorError } from "#common/operator-error";
import { statusOf } from "#kube/client/api-error";
import { createFaultyProxy } from "#support/kube/proxy";
import { eventually } from "#support/operator/eventually";

const admin = createClient(await loadKubeConfig(), { fieldManager: "test" });
const namespace = `rotation-${randomBytes(4).toString("hex")}`;
const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
const undo: (() => unknown)[] = [];
let folder = "";

test.before(async () => {
  await admin.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
});

test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), "appsecret-rotation-"));
});

test.after.each(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  await rm(folder, { recursive: true });
});

test.after(async () => {
  await admin.remove(`/api/v1/namespaces/${namespace}`);
  await admin.close();
});

/** As the kubelet does: the new file takes the place of the old one at once. */
async function replace(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

async function tokenOf(name: string): Promise<string> {
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name } };
  await admin.create(accounts, account).catch((error: unknown) => {
    if (statusOf(error) !== 409) throw error;
  });
  const ask = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 3600 } };
  return (await admin.create<{ status: { token: string } }>(`${accounts}/${name}/token`, ask)).status.token;
}

/** The name of the ServiceAccount that the API server takes the client for. */
async function nameOf(client: KubeClient): Promise<string> {
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
  const path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
  const { status } = await client.create<{ status: { userInfo: { username: string } } }>(path, review);
  return status.userInfo.username.split(":").at(-1) ?? "";
}

function clientOf(config: KubeConfig, rereadMs?: number): KubeClient {
  const client = createClient(config, {
    fieldManager: "test",
    connections: 1,
    ...(rereadMs === undefined ? {} : { rereadMs }),
  });
  undo.push(() => client.close());
  return client;
}

const withTokenFile = (config: KubeConfig, tokenFile: string): KubeConfig => ({
  ...config,
  user: { name: "test", tokenFile },
});

test("a token that is replaced in its file is used at the next reading", async () => {
  const file = join(folder, "token");
  await replace(file, await tokenOf("first"));
  const client = clientOf(withTokenFile(await loadKubeConfig(), file), 300);
  assert.is(await nameOf(client), "first");
  await replace(file, await tokenOf("second"));
  await eventually(async () => assert.is(await nameOf(client), "second"));
});

test("a refused token is read again at once, and the same request continues with the new one", async () => {
  const file = join(folder, "token");
  await replace(file, await tokenOf("first"));
  const proxy = await createFaultyProxy();
  undo.push(() => proxy.close());
  const client = clientOf(withTokenFile(proxy.config, file));
  assert.is(await nameOf(client), "first");
  await replace(file, await tokenOf("second"));
  await sleep(1100);
  assert.is(await nameOf(client), "first", "a minute has not passed");
  let refuse = true;
  proxy.answer = () => {
    const refused = refuse;
    refuse = false;
    return refused ? { status: 401 } : undefined;
  };
  assert.is(await nameOf(client), "second");
});

test("a token that stays refused is an error after one more attempt", async () => {
  const file = join(folder, "token");
  await replace(file, "nobody");
  const proxy = await createFaultyProxy();
  undo.push(() => proxy.close());
  const client = clientOf(withTokenFile(proxy.config, file));
  const error = await nameOf(client).catch((thrown: unknown) => thrown);
  assert.is(statusOf(error), 401);
  assert.is(proxy.seen.length, 2);
});

test("a token file that is missing or empty for a moment leaves the token that was read before", async () => {
  const file = join(folder, "token");
  await replace(file, await tokenOf("first"));
  const client = clientOf(withTokenFile(await loadKubeConfig(), file), 50);
  assert.is(await nameOf(client), "first");
  await rm(file);
  await sleep(100);
  assert.is(await nameOf(client), "first");
  await replace(file, "");
  await sleep(100);
  assert.is(await nameOf(client), "first");
  await replace(file, await tokenOf("second"));
  await sleep(100);
  assert.is(await nameOf(client), "second");
});

test("a token file that was never there is an error of its own, until it is there", async () => {
  const file = join(folder, "token");
  const client = clientOf(withTokenFile(await loadKubeConfig(), file));
  const error = await nameOf(client).catch((thrown: unknown) => thrown);
  assert.instance(error, OperatorError);
  assert.is((error as OperatorError).code, "InvalidCredentials");
  await replace(file, await tokenOf("first"));
  assert.is(await nameOf(client), "first");
});

/** A TLS server with a CA of its own, which tells whose certificate each connection has shown. */
async function tlsServer() {
  const authorities = { server: createCertificateAuthority(), client: createCertificateAuthority() };
  const issue = () => authorities.server.issue({ hosts: ["127.0.0.1"] });
  const { certPem: cert, keyPem: key } = issue();
  const shown: string[] = [];
  const server = createServer({ cert, key, requestCert: true, rejectUnauthorized: false }, (_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end('{"kind":"Anything"}');
  });
  server.on("secureConnection", (socket) => shown.push(String(socket.getPeerCertificate().subject.CN)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  undo.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const file = (name: string) => join(folder, name);
  const showAs = async (name: string) => {
    const { certPem, keyPem } = authorities.client.issue({ hosts: [name] });
    await replace(file("client.crt"), certPem);
    await replace(file("client.key"), keyPem);
  };
  await replace(file("ca.crt"), authorities.server.caPem);
  await showAs("first");
  const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config: KubeConfig = {
    server: address,
    inCluster: false,
    cluster: { name: "c", skipTLSVerify: false, caFile: file("ca.crt") },
    user: { name: "u", certFile: file("client.crt"), keyFile: file("client.key") },
  };
  return {
    config,
    shown,
    showAs,
    file,
    /** The server gets a certificate from a CA that nobody has heard of. Gives the new CA. */
    replaceAuthority: (): string => {
      const authority = createCertificateAuthority();
      const { certPem, keyPem } = authority.issue({ hosts: ["127.0.0.1"] });
      server.setSecureContext({ cert: certPem, key: keyPem });
      server.closeAllConnections();
      return authority.caPem;
    },
  };
}

test("a replaced client certificate is used on new connections, and the old connections are closed", async () => {
  const { config, shown, showAs } = await tlsServer();
  const client = clientOf(config, 100);
  await client.get("/version");
  await client.get("/version");
  await showAs("second");
  await sleep(150);
  await client.get("/version");
  await client.get("/version");
  assert.equal(shown, ["first", "second"]);
});

test("while a certificate and its key do not belong together, the client uses the old ones", async () => {
  const { config, shown, showAs, file } = await tlsServer();
  const client = clientOf(config, 50);
  await client.get("/version");
  const key = await readFile(file("client.key"), "utf8");
  await showAs("second");
  const newKey = await readFile(file("client.key"), "utf8");
  await replace(file("client.key"), key);
  await sleep(100);
  await client.get("/version");
  await replace(file("client.key"), newKey);
  await sleep(100);
  await client.get("/version");
  assert.equal(shown, ["first", "second"]);
});

test("a server with a certificate of another CA is trusted once that CA is in the file, which is read at once, not in a minute", async () => {
  const { config, replaceAuthority, file } = await tlsServer();
  const client = clientOf(config);
  await client.get("/version");
  const authority = replaceAuthority();
  const error = await client.get("/version").catch((thrown: unknown) => thrown);
  assert.match(String(error), /no connection to the API server|SELF_SIGNED|UNABLE_TO|CERT/);
  await replace(file("ca.crt"), authority);
  await sleep(1100);
  await client.get("/version");
});

test("a CA file that is missing for a moment changes nothing", async () => {
  const { config, file } = await tlsServer();
  const client = clientOf(config, 50);
  await client.get("/version");
  await rm(file("ca.crt"));
  await sleep(100);
  await client.get("/version");
});

test.run();
