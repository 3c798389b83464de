/** What the chart renders, for each set of values under ci/: valid for Helm, for Kubernetes, and for the people who read it. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse, stringify } from "yaml";
import { runKubectl } from "#testbed/control-plane/kubectl";
import { ensureTool } from "#testbed/programs/index";
import { isInstallManifestStale } from "../../../hack/install-manifest.ts";
import { readSettings } from "#process/settings";
import { connect } from "#support/operator/api";
import { CHART, helm, manifests, render } from "#support/chart/helm";
import type { Manifest } from "#support/chart/helm";
import { LOCATION, writeSchemas } from "#support/chart/json-schemas";

const FILES = readdirSync(`${CHART}/ci`).map((name) => `${CHART}/ci/${name}`);
const GROUPS = [
  "api/v1",
  "apis/apps/v1",
  "apis/policy/v1",
  "apis/networking.k8s.io/v1",
  "apis/rbac.authorization.k8s.io/v1",
  "apis/admissionregistration.k8s.io/v1",
  "apis/apiextensions.k8s.io/v1",
  "apis/appsecret.dev/v1",
];
/** No API server here knows them; the tests below look at them themselves. */
const OF_PROMETHEUS = "monitoring.coreos.com/v1";

const folder = mkdtempSync(join(tmpdir(), "appsecret-chart-"));
const schemas = join(folder, "schemas");

test.before(async () => {
  const api = await connect();
  await writeSchemas(api, GROUPS, schemas);
  await api.close();
});
test.after(() => rmSync(folder, { recursive: true }));

async function kubeconform(files: readonly string[]) {
  const args = ["-summary", "-schema-location", join(schemas, LOCATION), ...files];
  return runKubectl(await ensureTool("kubeconform"), args, { env: process.env });
}

test("there are values for everything that a template decides", () => {
  assert.equal(FILES.map((file) => file.slice(`${CHART}/ci/`.length)).sort(), [
    "all-values.yaml",
    "bare-values.yaml",
    "default-values.yaml",
    "namespaced-values.yaml",
    "offline-values.yaml",
  ]);
});

for (const file of FILES) {
  test(`${file}: helm lint has nothing to say, and every object is one that Kubernetes knows`, async () => {
    const { code, stdout } = await helm(["lint", "--strict", CHART, "--values", file]);
    assert.is(code, 0, stdout);
    assert.not.match(stdout, /\[(WARNING|ERROR)\]/);

    const known = (await render("--values", file)).filter(({ apiVersion }) => apiVersion !== OF_PROMETHEUS);
    const rendered = join(folder, "rendered.yaml");
    writeFileSync(rendered, known.map((one) => stringify(one)).join("---\n"));
    const checked = await kubeconform([rendered]);
    assert.is(checked.code, 0, checked.stdout + checked.stderr);
    assert.match(checked.stdout, `Valid: ${known.length}, Invalid: 0, Errors: 0, Skipped: 0`);
  });
}

test("the schema of the CRD accepts every example, and refuses what the API server refuses", async () => {
  const files = ["examples/authentication.yaml", "examples/custom.yaml", "examples/database.yaml"];
  const good = await kubeconform(files);
  assert.is(good.code, 0, good.stdout);
  const bad = join(folder, "bad.yaml");
  writeFileSync(bad, readFileSync(files[0]!, "utf8").replace("audience:", "audiense:"));
  const refused = await kubeconform([bad]);
  assert.is(refused.code, 1);
  assert.match(refused.stdout, "audiense");
});

const find = (all: Manifest[], kind: string) => {
  const found = all.filter((one) => one.kind === kind);
  assert.is(found.length, 1, kind);
  return found[0]!;
};

test("scope.namespaces gives Roles there and no cluster-wide object", async () => {
  const all = await render("--values", `${CHART}/ci/namespaced-values.yaml`);
  assert.equal(
    all.filter(({ metadata }) => metadata.namespace === undefined).map(({ kind }) => kind),
    [],
  );
  const roles = all.filter(({ kind, metadata }) => kind === "Role" && metadata.name === "appsecret-operator");
  assert.equal(roles.map(({ metadata }) => metadata.namespace).sort(), ["production", "staging"]);
  assert.match(JSON.stringify(find(all, "Deployment")), "--namespaces=staging,production");
});

test("the rights are those of hack/rbac.yaml", async () => {
  const byHand = manifests(readFileSync("hack/rbac.yaml", "utf8"));
  assert.equal(rules(await render()), rules(byHand));
  assert.is(rules(byHand).length, 2);
});

test("without workloadRestarts the operator has no right to workloads", async () => {
  const without = await render("--set", "workloadRestarts.enabled=false");
  assert.match(JSON.stringify(rules(await render())), "deployments");
  assert.not.match(JSON.stringify(rules(without)), "deployments");
});

/** The operator's own: neither what people get nor the test's. */
function rules(all: Manifest[]): unknown[] {
  const own = /^(appsecret-system:)?appsecret-operator(-leader-election)?$/;
  const isRole = ({ kind, metadata }: Manifest) => /Role$/.test(kind) && own.test(metadata.name);
  return all.filter(isRole).map(({ kind, rules: granted }) => [kind, granted]);
}

test("people who may edit a namespace may edit its AppSecrets, and nobody may view them who may not view Secrets", async () => {
  const labels = (await render())
    .filter(({ kind }) => kind === "ClusterRole")
    .flatMap(({ metadata }) => Object.entries(metadata.labels ?? {}))
    .filter(([key]) => key.startsWith("rbac.") || key.startsWith("servicebinding."))
    .map(([key, value]) => `${key}=${value}`);
  assert.equal(labels, [
    "rbac.authorization.k8s.io/aggregate-to-edit=true",
    "rbac.authorization.k8s.io/aggregate-to-admin=true",
    "servicebinding.io/controller=true",
  ]);
});

test("the guard policies name the account and the namespace of its release", async () => {
  const all = await render("--values", `${CHART}/ci/all-values.yaml`);
  for (const guarded of ["operator-secrets", "operator-workloads"]) {
    const guard = all.find(
      ({ kind, metadata }) => kind === "ValidatingAdmissionPolicy" && metadata.name.startsWith(guarded),
    );
    assert.match(JSON.stringify(guard), "system:serviceaccount:appsecret-system:secrets-operator");
  }
  const subjects = all.flatMap((one) => (one["subjects"] as { name: string }[] | undefined) ?? []);
  assert.equal([...new Set(subjects.map(({ name }) => name))].sort(), [
    "appsecret-operator-secrets-test",
    "secrets-operator",
  ]);
});

type PodSpec = { containers: { args: string[]; image: string }[] };
type Workload = { spec: { template: { spec: PodSpec; metadata: { labels: Record<string, string> } } } };

for (const file of FILES) {
  test(`${file}: the operator takes the flags that it is given`, async () => {
    const deployment = find(await render("--values", file), "Deployment") as unknown as Workload;
    const [main, ...flags] = deployment.spec.template.spec.containers[0]!.args;
    assert.is(main, "operator/main.js");
    assert.ok(readSettings(flags, {}));
  });
}

test("what the test's Pod is called keeps it out of the operator's Service, budget and policies", async () => {
  const all = await render("--values", `${CHART}/ci/all-values.yaml`);
  const labels = find(all, "Pod").metadata.labels ?? {};
  const { template } = (find(all, "Deployment") as unknown as Workload).spec;
  const selectors = all.flatMap((one) => {
    const spec = (one["spec"] ?? {}) as Record<string, unknown>;
    const selector = (spec["selector"] ?? spec["podSelector"]) as Record<string, unknown> | undefined;
    return selector === undefined ? [] : [(selector["matchLabels"] ?? selector) as Record<string, string>];
  });
  assert.is(selectors.length, 6);
  const selected = (by: Record<string, string>, from: Record<string, string>) =>
    Object.entries(by).every(([key, value]) => from[key] === value);
  for (const selector of selectors) {
    assert.ok(selected(selector, template.metadata.labels));
    assert.not.ok(selected(selector, labels));
  }
});

test("the monitors scrape the port that is there, and leave an AppSecret's labels as they are", async () => {
  const all = await render("--values", `${CHART}/ci/all-values.yaml`);
  const service = find(all, "Service") as unknown as { spec: { ports: { name: string }[] } };
  for (const [kind, field] of [
    ["ServiceMonitor", "endpoints"],
    ["PodMonitor", "podMetricsEndpoints"],
  ] as const) {
    const { spec, metadata } = find(all, kind) as Manifest & { spec: Record<string, object[]> };
    assert.is(metadata.labels?.["release"], "prometheus");
    assert.equal(spec[field], [
      { port: service.spec.ports[0]!.name, interval: "30s", scrapeTimeout: "10s", honorLabels: true },
    ]);
  }
});

test("the dashboard and the alert rules that it installs are the files beside it", async () => {
  const all = await render("--values", `${CHART}/ci/all-values.yaml`);
  const rule = find(all, "PrometheusRule");
  assert.equal(rule["spec"], parse(readFileSync(`${CHART}/files/alerts.yaml`, "utf8")));
  const dashboard = all.find(({ metadata }) => metadata.labels?.["grafana_dashboard"] === "1");
  const { "appsecret-operator.json": text } = dashboard?.["data"] as Record<string, string>;
  assert.equal(JSON.parse(text!), JSON.parse(readFileSync(`${CHART}/files/dashboard.json`, "utf8")));
});

test("chart and operator have one version", () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  const chart = parse(readFileSync(`${CHART}/Chart.yaml`, "utf8")) as { version: string; appVersion: string };
  assert.equal([chart.version, chart.appVersion], [version, version]);
});

test("install.yaml is what the chart renders, without Helm's own marks", async () => {
  assert.not.ok(await isInstallManifestStale(), "run node hack/install-manifest.ts");
  const text = readFileSync("install.yaml", "utf8");
  assert.ok(text.length < 200_000);
  assert.not.match(text, /helm\.sh|: Helm$/m);
});

/** Egress ports of the NetworkPolicy, without those of DNS and of the API server. */
async function checkPorts(...set: string[]): Promise<number[]> {
  const policy = find(await render("--set", "networkPolicy.enabled=true", ...set), "NetworkPolicy");
  const { egress } = policy["spec"] as { egress: { ports: { port: number }[] }[] };
  return egress.slice(2).flatMap(({ ports }) => ports.map(({ port }) => port));
}

test("the NetworkPolicy lets the checks out: to their ports, and to the proxy's where there is one", async () => {
  const usual = [443, 27015, 27016, 27017];
  assert.equal(await checkPorts(), usual);
  assert.equal(await checkPorts("--set", "httpsProxy=http://proxy.example.com:3128"), [...usual, 3128]);
  assert.equal(await checkPorts("--set", "httpsProxy=http://[fd00::1]:3128/"), [...usual, 3128]);
  assert.equal(await checkPorts("--set", "httpsProxy=http://proxy.example.com"), [...usual, 80]);
  assert.equal(await checkPorts("--set", "httpsProxy=https://user:pass@proxy.example.com"), usual);
  assert.equal(await checkPorts("--set", "verify.offline=true,httpsProxy=http://proxy.example.com:3128"), []);
});

for (const [set, image] of [
  ["", "ghcr.io/appsecret-dev/appsecret-operator:APP_VERSION"],
  ["image.repository=registry.example.com:5000/op", "registry.example.com:5000/op:APP_VERSION"],
  ["image.tag=1.2.3", "ghcr.io/appsecret-dev/appsecret-operator:1.2.3"],
  [
    `image.tag=1.2.3,image.digest=sha256:${"0".repeat(64)}`,
    `ghcr.io/appsecret-dev/appsecret-operator@sha256:${"0".repeat(64)}`,
  ],
] as const) {
  test(`the operator and its test have one image: --set "${set}"`, async () => {
    const { appVersion } = parse(readFileSync(`${CHART}/Chart.yaml`, "utf8")) as { appVersion: string };
    const all = await render("--set", set);
    const expected = image.replace("APP_VERSION", appVersion);
    const { template } = (find(all, "Deployment") as unknown as Workload).spec;
    assert.is(template.spec.containers[0]!.image, expected);
    assert.is((find(all, "Pod") as unknown as { spec: PodSpec }).spec.containers[0]!.image, expected);
  });
}

test.run();
