/** What GitOps tools do with AppSecrets, done with kubectl and Helm on a control plane of this file's own. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse, stringify } from "yaml";
import type { ControlPlane } from "#testbed/control-plane/index";
import { CHART, helm, ownControlPlane } from "#support/chart/helm";
import { connect } from "#support/operator/api";
import type { Api } from "#support/operator/api";
import { createEnvironment } from "#support/operator/environment";
import type { Environment } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { startOperator } from "#support/operator/operator";
import type { Operator } from "#support/operator/operator";
import { logIn } from "#support/operator/service-account";
import { custom, database, from } from "#support/operator/specs";
import { health } from "#support/gitops/health-script";

const HOME = "appsecret-system";
/** Longer than any of it takes, shorter than Helm's own patience of five minutes: what hangs is seen. */
const PATIENCE = "--timeout=60s";
/** For what must not be waited for: far longer than Helm takes on a busy machine to do it at once. */
const LONG_PATIENCE = "--timeout=300s";
const AT_ONCE_MS = 60_000;

let cluster: ControlPlane;
let api: Api;
let operator: Operator;
const folder = mkdtempSync(join(tmpdir(), "appsecret-gitops-"));

test.before(async () => {
  cluster = await ownControlPlane();
  api = await connect(cluster.env);
  const { code, stderr } = await helm(
    ["install", "appsecret-operator", CHART, "--namespace", HOME, "--create-namespace"],
    cluster.env,
  );
  assert.is(code, 0, stderr);
  await cluster.kubectl(["wait", "--for=condition=Established", "crd/appsecrets.appsecret.dev", "--timeout=60s"]);
  const { kubeconfig } = await logIn(api, { namespace: HOME, name: "appsecret-operator" });
  operator = await startOperator({ kubeconfig });
});
test.after(async () => {
  await operator.stop("SIGKILL");
  await api.close();
  await cluster.stop();
  rmSync(folder, { recursive: true });
});

const appSecret = (name: string, spec: object) => ({
  apiVersion: "appsecret.dev/v1",
  kind: "AppSecret",
  metadata: { name, labels: { app: "orders" } },
  spec,
});
const offline = { verify: "Off" };

/** What a GitOps tool does with a folder: apply what is in it, delete what it once applied and is no more. */
async function sync(env: Environment, ...objects: object[]): Promise<void> {
  const args = ["apply", "-f", "-", "--prune", "-l", "app=orders", "--prune-allowlist=appsecret.dev/v1/AppSecret"];
  const { code, stderr } = await env.kubectl(args, objects.map((one) => JSON.stringify(one)).join("\n---\n"));
  assert.is(code, 0, stderr);
}

/** A chart with these objects. YAML 1.1 is Helm's and kubectl's: a bare `verify: Off` is a boolean to them, and refused. */
function chart(name: string, ...objects: object[]): string {
  const path = join(folder, name);
  mkdirSync(join(path, "templates"), { recursive: true });
  writeFileSync(join(path, "Chart.yaml"), stringify({ apiVersion: "v2", name, version: "0.1.0" }));
  writeFileSync(
    join(path, "templates/all.yaml"),
    objects.map((one) => stringify(one, { version: "1.1" })).join("---\n"),
  );
  return path;
}

test("prune: an AppSecret that is no longer in the repository goes, and its Secret with it, unless it is to be retained", async () => {
  const env = await createEnvironment(api, "prune");
  const kept = appSecret("kept", custom({ A: "1" }));
  await sync(
    env,
    kept,
    appSecret("gone", custom({ A: "1" })),
    appSecret("retained", custom({ A: "1" }, { deletionPolicy: "Retain" })),
  );
  for (const name of ["kept", "gone", "retained"]) await env.ready(name, "True/Published");
  await sync(env, kept);
  await eventually(async () => assert.is(await env.findSecret("gone"), undefined));
  assert.equal(await env.values("retained"), { A: "1" });
  assert.equal(await env.values("kept"), { A: "1" });
});

test("prune never takes the Secret itself: it bears no mark of the tool, and none that is on its AppSecret is copied", async () => {
  const env = await createEnvironment(api, "marks");
  const marked = appSecret("marked", custom({ A: "1" }));
  Object.assign(marked.metadata, {
    labels: { app: "orders", "kustomize.toolkit.fluxcd.io/name": "orders" },
    annotations: { "argocd.argoproj.io/tracking-id": "orders:appsecret.dev/AppSecret:marks/marked" },
  });
  await sync(env, marked);
  await env.ready("marked", "True/Published");
  const { metadata } = await env.secret("marked");
  assert.equal(metadata.labels, { "app.kubernetes.io/managed-by": "appsecret-operator" });
  assert.equal(Object.keys(metadata.annotations ?? {}), ["appsecret.dev/owner"]);
});

test("a renamed AppSecret with the same target.name waits for the old one to go, and then publishes", async () => {
  const env = await createEnvironment(api, "rename");
  const target = { target: { name: "settings" } };
  await sync(env, appSecret("old-name", custom({ A: "1" }, target)));
  await env.ready("old-name", "True/Published");
  // Applied before the old one is pruned, as most tools do.
  await sync(env, appSecret("new-name", custom({ A: "2" }, target)));
  await env.ready("new-name", "True/Published");
  assert.equal(await env.values("settings"), { A: "2" });
});

test("a renamed Database is refused while the old one is there, and applied at the next sync", async () => {
  const env = await createEnvironment(api, "renamed-db");
  const spec = database(offline);
  await sync(env, appSecret("old-db", spec));
  await env.ready("old-db", "True/Published");
  await eventually(async () =>
    assert.is((await env.appSecret("old-db")).metadata.labels?.["appsecret.dev/holds"], "Database"),
  );
  const both = await env.kubectl(["apply", "-f", "-"], JSON.stringify(appSecret("new-db", spec)));
  assert.is.not(both.code, 0);
  assert.match(both.stderr, "already has an AppSecret of type Database: old-db");
  assert.ok(await env.secret("old-db"));
  await env.deleteAppSecret("old-db");
  await sync(env, appSecret("new-db", spec));
  await env.ready("new-db", "True/Published");
});

test("a renamed Database goes through where the old one is pruned first, in the foreground, as Argo CD does", async () => {
  const env = await createEnvironment(api, "pruned-db");
  const spec = (uri: string) => database({ ...offline, target: { name: "db" } }, { value: uri });
  await sync(env, appSecret("old-db", spec("mongodb://db.example.com/old")));
  await env.ready("old-db", "True/Published");
  const pruned = await env.kubectl(["delete", "asec/old-db", "--cascade=foreground", "--wait=false"]);
  assert.is(pruned.code, 0, pruned.stderr);
  // With `retry`, should it be too early.
  await eventually(() => sync(env, appSecret("new-db", spec("mongodb://db.example.com/new"))));
  await env.ready("new-db", "True/Published");
  assert.is((await env.values("db"))["MONGODB_URI"], "mongodb://db.example.com/new");
});

test("kubectl wait ends for a valid AppSecret, and for an invalid one by its Stalled condition", async () => {
  const env = await createEnvironment(api, "wait");
  await sync(env, appSecret("good", custom({ A: "1" })), appSecret("bad", custom({ A: from("bad", "A") })));
  const wait = (condition: string, name: string) =>
    env.kubectl(["wait", `--for=condition=${condition}`, `asec/${name}`, PATIENCE]);
  assert.is((await wait("Ready", "good")).code, 0);
  assert.is((await wait("Stalled", "bad")).code, 0);
});

test("helm install --wait of a chart with valid AppSecrets ends when they are ready", async () => {
  const env = await createEnvironment(api, "helm-good");
  const path = chart("good", appSecret("orders-db", database(offline)), appSecret("settings", custom({ A: "1" })));
  const { code, stderr } = await helm(
    ["install", "good", path, "--namespace", env.namespace, "--wait", PATIENCE],
    cluster.env,
  );
  assert.is(code, 0, stderr);
  for (const name of ["orders-db", "settings"]) {
    const { status } = await env.appSecret(name);
    assert.is(status?.conditions?.[0]?.status, "True", name);
  }
});

test("helm install --wait goes on waiting for a source that is missing, and ends when it comes", async () => {
  const env = await createEnvironment(api, "helm-late");
  const path = chart("late", appSecret("settings", custom({ A: from("upstream", "a") })));
  const installing = helm(["install", "late", path, "--namespace", env.namespace, "--wait", PATIENCE], cluster.env);
  await env.ready("settings", "False/SourceNotFound").catch(() => undefined);
  await eventually(async () => assert.ok(await env.appSecret("settings")));
  await env.putSecret("upstream", { a: "1" });
  const { code, stderr } = await installing;
  assert.is(code, 0, stderr);
});

test("helm install --wait of a chart with an invalid AppSecret fails at once, with its message", async () => {
  const env = await createEnvironment(api, "helm-bad");
  const path = chart("bad", appSecret("settings", custom({ A: from("settings", "A") })));
  const began = performance.now();
  const { code, stderr } = await helm(
    ["install", "bad", path, "--namespace", env.namespace, "--wait", LONG_PATIENCE],
    cluster.env,
  );
  assert.is.not(code, 0);
  assert.ok(performance.now() - began < AT_ONCE_MS, stderr);
  assert.match(stderr, /settings.*Failed/s);
  const { status } = await env.ready("settings", "False/InvalidSpec");
  assert.match(stderr, status?.conditions?.[0]?.message ?? "no message");
});

test("helm install of a chart with a duplicate fails at once, and names the one that is there", async () => {
  const env = await createEnvironment(api, "helm-twice");
  await env.apply("orders-db", database(offline));
  await env.ready("orders-db", "True/Published");
  await eventually(async () =>
    assert.is((await env.appSecret("orders-db")).metadata.labels?.["appsecret.dev/holds"], "Database"),
  );
  const path = chart("twice", appSecret("billing-db", database(offline)));
  const { code, stderr } = await helm(
    ["install", "twice", path, "--namespace", env.namespace, "--wait", PATIENCE],
    cluster.env,
  );
  assert.is.not(code, 0);
  assert.match(stderr, "already has an AppSecret of type Database: orders-db");
});

test("helm install --wait of a duplicate that slipped past the policy fails at once, with its message", async () => {
  const env = await createEnvironment(api, "helm-race");
  // Both in one chart: the holder bears no label yet when the second one is created.
  const path = chart("race", appSecret("a-db", database(offline)), appSecret("b-db", database(offline)));
  const began = performance.now();
  const { code, stderr } = await helm(
    ["install", "race", path, "--namespace", env.namespace, "--wait", LONG_PATIENCE],
    cluster.env,
  );
  assert.is.not(code, 0);
  assert.ok(performance.now() - began < AT_ONCE_MS, stderr);
  assert.match(stderr, /a-db/);
  assert.match(stderr, /b-db/);
});

test("helm uninstall takes the AppSecrets of a chart and their Secrets along", async () => {
  const env = await createEnvironment(api, "helm-gone");
  const path = chart("gone", appSecret("settings", custom({ A: "1" })));
  await helm(["install", "gone", path, "--namespace", env.namespace, "--wait", PATIENCE], cluster.env);
  assert.equal(await env.values("settings"), { A: "1" });
  const { code, stderr } = await helm(
    ["uninstall", "gone", "--namespace", env.namespace, "--wait", PATIENCE],
    cluster.env,
  );
  assert.is(code, 0, stderr);
  await eventually(async () => assert.is(await env.findSecret("settings"), undefined));
});

test("kubectl apply --server-side by another manager: what the operator writes is not a conflict, what a person wrote is", async () => {
  const env = await createEnvironment(api, "managers");
  const apply = (manager: string, value: string) =>
    env.kubectl(
      ["apply", "--server-side", `--field-manager=${manager}`, "-f", "-"],
      JSON.stringify(appSecret("orders-db", database(offline, { value }))),
    );
  const uri = "mongodb://orders:x@db.example.com/orders";
  assert.is((await apply("argocd", uri)).code, 0);
  await env.ready("orders-db", "True/Published");
  await eventually(async () =>
    assert.is((await env.appSecret("orders-db")).metadata.labels?.["appsecret.dev/holds"], "Database"),
  );
  // The same again, and a change: the operator's label and status are in nobody's way.
  assert.is((await apply("argocd", uri)).code, 0);
  assert.is((await apply("argocd", `${uri}?appName=a`)).code, 0);
  assert.is((await env.appSecret("orders-db")).metadata.labels?.["appsecret.dev/holds"], "Database");
  const conflict = await apply("somebody-else", `${uri}?appName=b`);
  assert.is.not(conflict.code, 0);
  assert.match(conflict.stderr, `conflict with "argocd"`);
});

test("Argo CD's health script reads what the operator writes", async () => {
  const env = await createEnvironment(api, "health");
  const cases: [name: string, spec: object, ready: string, healthy: string][] = [
    ["published", custom({ A: "1" }), "True/Published", "Healthy"],
    ["suspended", custom({ A: "1" }, { suspend: true }), "True/Suspended", "Suspended"],
    ["waiting", custom({ A: from("nowhere", "a") }), "False/SourceNotFound", "Progressing"],
    ["invalid", custom({ A: from("invalid", "A") }), "False/InvalidSpec", "Degraded"],
  ];
  for (const [name, spec, ready, healthy] of cases) {
    await env.apply(name, spec);
    const found = await env.ready(name, ready);
    const { status, message } = await health(found);
    assert.is(status, healthy, name);
    assert.is(message, found.status?.conditions?.[0]?.message);
  }
});

test("Flux's healthCheckExprs say of every state what kstatus says", async () => {
  const env = await createEnvironment(api, "flux");
  const { spec } = parse(readFileSync("examples/gitops/flux/staging.yaml", "utf8")) as {
    spec: { healthCheckExprs: { current: string; failed: string; inProgress: string }[] };
  };
  const [exprs] = spec.healthCheckExprs;
  // Evaluated by the API server's own CEL: a policy that refuses every object, and says what the expressions say.
  const on = (expression: string) => expression.replaceAll(/\b(status|metadata)\./g, "object.$1.");
  const says = `string(${on(exprs!.inProgress)}) + ',' + string(${on(exprs!.failed)}) + ',' + string(${on(exprs!.current)})`;
  const admission = "/apis/admissionregistration.k8s.io/v1";
  await api.create(`${admission}/validatingadmissionpolicies`, {
    metadata: { name: "flux-expressions" },
    spec: {
      matchConstraints: {
        resourceRules: [
          { apiGroups: ["appsecret.dev"], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["appsecrets"] },
        ],
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": env.namespace } },
      },
      validations: [{ expression: "false", messageExpression: `'says ' + ${says}` }],
    },
  });
  await api.create(`${admission}/validatingadmissionpolicybindings`, {
    metadata: { name: "flux-expressions" },
    spec: { policyName: "flux-expressions", validationActions: ["Deny"] },
  });
  const cases: [name: string, spec: object, ready: string, says: string][] = [
    ["published", custom({ A: "1" }), "True/Published", "false,false,true"],
    ["suspended", custom({ A: "1" }, { suspend: true }), "True/Suspended", "false,false,true"],
    ["waiting", custom({ A: from("nowhere", "a") }), "False/SourceNotFound", "true,false,false"],
    ["invalid", custom({ A: from("invalid", "A") }), "False/InvalidSpec", "false,true,false"],
  ];
  for (const [name, wanted, ready, expected] of cases) {
    await env.apply(name, wanted);
    await env.ready(name, ready);
    await eventually(async () => {
      const { text } = await api.request("PATCH", env.paths.appSecret(name), {
        body: { metadata: { annotations: { look: "1" } } },
        contentType: "application/merge-patch+json",
      });
      assert.match(text, `says ${expected}`);
    });
  }
});

test.run();
