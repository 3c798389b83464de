/** Which cluster and which user a kubeconfig names, as kubectl reads it, and what its errors say. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OperatorError } from "#common/operator-error";
import { createCredentialSource } from "#kube/client/credentials";
import { loadKubeConfig } from "#kube/client/kubeconfig";

const SECRET = "canary-5b1d";
let folder = "";

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "appsecret-kubeconfig-"));
});
test.after.each(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string | object): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

const load = (...files: string[]) => loadKubeConfig({ KUBECONFIG: files.join(delimiter) });

/** A whole file with one context; what the cases change is merged in. */
function config(cluster: object = {}, user: object = {}, context: object = {}) {
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "here",
    contexts: [{ name: "here", context: { cluster: "c", user: "u", ...context } }],
    clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:6443", ...cluster } }],
    users: [{ name: "u", user: { token: "t", ...user } }],
  };
}

async function refusal(content: string | object): Promise<string> {
  const error = await load(write("config", content)).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.instance(error, OperatorError);
  const { code, message } = error as OperatorError;
  assert.is(code, "InvalidKubeconfig");
  assert.not.match(message, SECRET);
  assert.not.match(message, "\n");
  return message.replace(`kubeconfig ${join(folder, "config")}: `, "");
}

test("YAML and JSON mean the same", async () => {
  const yaml = `
current-context: here
contexts: [{ name: here, context: { cluster: c, user: u, namespace: ops } }]
clusters: [{ name: c, cluster: { server: "https://127.0.0.1:6443/" } }]
users: [{ name: u, user: { token: t } }]
`;
  const expected = {
    server: "https://127.0.0.1:6443",
    inCluster: false,
    namespace: "ops",
    cluster: { name: "c", skipTLSVerify: false },
    user: { name: "u", token: "t" },
  };
  assert.equal(await load(write("yaml", yaml)), expected);
  assert.equal(await load(write("json", config({}, {}, { namespace: "ops" }))), expected);
});

test("several files are one: of each name, and of current-context, the first one counts", async () => {
  const first = write("first", {
    contexts: [{ name: "mine", context: { cluster: "shared", user: "me" } }],
    clusters: [{ name: "shared", cluster: { server: "https://first" } }],
  });
  const second = write("second", {
    "current-context": "mine",
    clusters: [{ name: "shared", cluster: { server: "https://second" } }],
    users: [{ name: "me", user: { token: "second" } }],
  });
  const third = write("third", { "current-context": "other", users: [{ name: "me", user: { token: "third" } }] });
  const { server, user } = await load(first, second, third);
  assert.is(server, "https://first");
  assert.is(user.token, "second");
});

test("a path is relative to the file it is in; data counts more than a file", async () => {
  mkdirSync(join(folder, "users"));
  const clusters = write("clusters", { ...config({ "certificate-authority": "pki/ca.crt" }), users: [] });
  const user = { "client-certificate": "me.crt", "client-key": "/keys/me.key", tokenFile: "../token" };
  const users = write("users/file", { users: [{ name: "u", user }] });
  const read = await load(clusters, users);
  assert.is(read.cluster.caFile, join(folder, "pki/ca.crt"));
  assert.is(read.user.certFile, join(folder, "users/me.crt"));
  assert.is(read.user.keyFile, "/keys/me.key");
  assert.is(read.user.tokenFile, join(folder, "token"));

  const both = {
    "certificate-authority": "nowhere",
    "certificate-authority-data": Buffer.from("CA").toString("base64"),
  };
  const { tls } = await createCredentialSource(await load(write("both", config(both)))).get();
  assert.is(String(tls.ca), "CA");
});

test("what else is in the files may be malformed: only the current context, its cluster and its user are checked", async () => {
  const file = config();
  file.clusters.push({ name: "unused", cluster: { server: 7 as unknown as string } });
  file.users.push({ name: "unused", user: { token: "x", "auth-provider": { name: "gcp" } } as { token: string } });
  assert.is((await load(write("config", file))).server, "https://127.0.0.1:6443");
});

test("proxy-url, tls-server-name and insecure-skip-tls-verify are the cluster's", async () => {
  const cluster = { "proxy-url": "socks5://proxy:1080", "tls-server-name": "api", "insecure-skip-tls-verify": true };
  const read = await load(write("config", config({ ...cluster, server: "http://plain" })));
  assert.equal(read.cluster, {
    name: "c",
    skipTLSVerify: true,
    tlsServerName: "api",
    proxyUrl: "socks5://proxy:1080",
  });
  const { tls } = await createCredentialSource(read).get();
  assert.equal(tls, { rejectUnauthorized: false, servername: "api" });
});

test("impersonation goes into the headers of each request", async () => {
  const as = {
    as: "jane",
    "as-uid": "42",
    "as-groups": ["dev", "ops"],
    "as-user-extra": { "example.com/scope": ["a", "b"] },
  };
  const { headers } = await createCredentialSource(await load(write("config", config({}, as)))).get();
  assert.equal(headers, {
    authorization: "Bearer t",
    "impersonate-user": "jane",
    "impersonate-uid": "42",
    "impersonate-group": ["dev", "ops"],
    "impersonate-extra-example.com%2Fscope": ["a", "b"],
  });
});

test("a name and a password are Basic authentication", async () => {
  const user = { token: null, username: "jane", password: "p" };
  const { headers } = await createCredentialSource(await load(write("config", config({}, user)))).get();
  assert.equal(headers, { authorization: `Basic ${Buffer.from("jane:p").toString("base64")}` });
});

const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "get-token", interactiveMode: "Never" };
const refused: [what: string, content: string | object, says: string | RegExp][] = [
  ["neither YAML nor JSON", `token: "${SECRET}\n\t- {`, "the file is neither YAML nor JSON"],
  ["broken JSON", `{"token": "${SECRET}",`, "the file is neither YAML nor JSON"],
  ["an empty file", "\n", "the file is empty"],
  ["a list", `- ${SECRET}`, "must be an object"],
  ["no current context", { ...config(), "current-context": "" }, "current-context is not set"],
  ["a context that does not exist", { ...config(), contexts: null }, 'there is no context "here"'],
  ["a cluster that does not exist", { ...config(), clusters: [] }, /names a cluster that does not exist$/],
  ["a user that does not exist", { ...config(), users: [] }, /names a user that does not exist$/],
  ["an entry without a name", { ...config(), users: [{ user: {} }] }, "users[0].name must be a string"],
  ["clusters that are no list", { ...config(), clusters: { a: 1 } }, "clusters must be a list"],
  ["a cluster without a server", config({ server: undefined }), 'cluster "c": server must be a URL'],
  ["a server that is no URL", config({ server: SECRET }), 'cluster "c": server must be an http(s) URL'],
  ["plain http", config({ server: "http://x" }), /a server over plain http needs insecure-skip-tls-verify: true$/],
  ["an unknown proxy", config({ "proxy-url": `ftp://${SECRET}` }), /proxy-url must be an http, https or socks5 URL$/],
  ["a token that is a number", config({}, { token: 12345 }), 'user "u": token must be a string'],
  ["groups without a user", config({}, { "as-groups": ["x"] }), /need "as", the name of a user$/],
  [
    "a plugin of a version that Kubernetes removed",
    config({}, { exec: { ...exec, apiVersion: "client.authentication.k8s.io/v1alpha1" } }),
    'user "u": exec.apiVersion must be client.authentication.k8s.io/v1 or client.authentication.k8s.io/v1beta1',
  ],
  ["a plugin without a command", config({}, { exec: { ...exec, command: "" } }), /exec.command must not be empty$/],
  [
    "a plugin without interactiveMode",
    config({}, { exec: { ...exec, interactiveMode: undefined } }),
    /exec.interactiveMode must be set$/,
  ],
  [
    "a variable of a plugin without a value",
    config({}, { exec: { ...exec, env: [{ name: SECRET }] } }),
    'user "u": exec.env[0].value must be a string',
  ],
  [
    "an auth-provider",
    config({}, { "auth-provider": { name: "gcp", config: { "access-token": SECRET } } }),
    'user "u": auth-provider is not supported (Kubernetes removed it in 1.26): use an exec plugin',
  ],
];
for (const [what, content, says] of refused) {
  test(`${what} is refused, and the message does not quote the file`, async () => {
    const message = await refusal(content);
    if (typeof says === "string") assert.is(message, says);
    else assert.match(message, says);
  });
}

test("a file that cannot be read is named", async () => {
  const error = await load(join(folder, "nowhere")).catch((thrown: unknown) => thrown);
  assert.is((error as Error).message, `kubeconfig ${join(folder, "nowhere")}: the file cannot be read`);
});

test("without KUBECONFIG: the Pod's service account, then ~/.kube/config, then an error that says what to do", async () => {
  const account = join(folder, "account");
  mkdirSync(account);
  mkdirSync(join(folder, ".kube"));
  const env = { HOME: folder, KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "8443" };
  const error = await loadKubeConfig(env, account).catch((thrown: unknown) => thrown);
  assert.match((error as Error).message, /^no cluster is configured: set KUBECONFIG, or run in a Pod/);
  write(".kube/config", config());
  assert.is((await loadKubeConfig(env, account)).server, "https://127.0.0.1:6443");
  write("account/token", "t");
  write("account/namespace", "ops\n");
  assert.equal(await loadKubeConfig(env, account), {
    server: "https://[fd00::1]:8443",
    inCluster: true,
    namespace: "ops",
    cluster: { name: "in-cluster", caFile: join(account, "ca.crt") },
    user: { name: "service-account", tokenFile: join(account, "token") },
  });
});

test.run();
