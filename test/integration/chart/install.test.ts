/**
 * The chart, installed by Helm on a control plane, and the operator run as its Deployment says: with its flags and with its
 * ServiceAccount's token. There is no kubelet here, so the Pods themselves are what `make e2e` looks at.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ControlPlane } from "#testbed/control-plane/index";
import { connect } from "#support/operator/api";
import type { Api } from "#support/operator/api";
import { createEnvironment } from "#support/operator/environment";
import type { Environment, Secret } from "#support/operator/environment";
import { COLLECTED_WITHIN_MS, eventually } from "#support/operator/eventually";
import { startOperator } from "#support/operator/operator";
import type { Operator } from "#support/operator/operator";
import { logIn } from "#support/operator/service-account";
import { custom, from, login } from "#support/operator/specs";
import { CHART, helm, manifests, ownControlPlane } from "#support/chart/helm";

const HOME = "appsecret-system";
const RELEASE = "appsecret-operator";
const CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/appsecrets.appsecret.dev";
const GUARD = `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/operator-secrets.${HOME}.${RELEASE}.appsecret.dev`;
const REVIEWS = "/apis/authorization.k8s.io/v1";
const RBAC = "/apis/rbac.authorization.k8s.io/v1";

let cluster: ControlPlane;
let api: Api;
const running: Operator[] = [];

test.before(async () => {
  cluster = await ownControlPlane();
  api = await connect(cluster.env);
});
test.after(async () => {
  await Promise.all(running.map((operator) => operator.stop("SIGKILL")));
  await api.close();
  await cluster.stop();
});

async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await helm(args, cluster.env);
  assert.is(code, 0, stderr);
  return stdout;
}

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args);
  assert.is(code, 0, stderr);
  return stdout;
}

/** The operator as the release's Deployment says, but for the port that it listens on. */
async function runRelease(release: string, namespace: string): Promise<Operator> {
  const all = manifests(await run("get", "manifest", release, "--namespace", namespace));
  const deployment = all.find(({ kind }) => kind === "Deployment") as unknown as {
    spec: { template: { spec: { serviceAccountName: string; containers: { args: string[] }[] } } };
  };
  const { serviceAccountName, containers } = deployment.spec.template.spec;
  const flags = containers[0]!.args.slice(1).filter((flag) => !flag.startsWith("--metrics-address"));
  const { kubeconfig } = await logIn(api, { namespace, name: serviceAccountName });
  const operator = await startOperator({ kubeconfig, flags });
  running.push(operator);
  return operator;
}

/** What the main job is, in short: from a source to a Secret that follows it. */
async function publishes(env: Environment): Promise<void> {
  await env.putSecret("upstream", { token: "one" });
  await env.apply("orders", custom({ TOKEN: from("upstream", "token") }));
  await env.ready("orders", "True/Published");
  assert.equal(await env.values("orders"), { TOKEN: "one" });
  await env.putSecret("upstream", { token: "two" });
  await eventually(async () => assert.equal(await env.values("orders"), { TOKEN: "two" }));
}

test("helm install brings everything, and says what to do next", async () => {
  const notes = await run("install", RELEASE, CHART, "--namespace", HOME, "--create-namespace");
  assert.match(notes, "kubectl -n appsecret-system rollout status deployment/appsecret-operator");
  assert.match(notes, "kubectl explain appsecret.spec");
  await kubectl("wait", "--for=condition=Established", "crd/appsecrets.appsecret.dev", "--timeout=60s");
});

test("the operator does its main job with the chart's account and flags", async () => {
  const operator = await runRelease(RELEASE, HOME);
  await publishes(await createEnvironment(api, "chart"));
  assert.is(await operator.metric("appsecret_api_requests_total", { code: "403" }), 0);
});

test("with the operator's own token no other Secret can be written", async () => {
  const env = await createEnvironment(api, "guard");
  await env.putSecret("foreign", { A: "1" });
  const account = await logIn(api, { namespace: HOME, name: RELEASE });
  const operator = await connect({ ...cluster.env, KUBECONFIG: account.kubeconfig });
  const marks = {
    annotations: { "appsecret.dev/owner": "orders" },
    labels: { "app.kubernetes.io/managed-by": "appsecret-operator" },
  };
  const token = { ...marks, annotations: { ...marks.annotations, "kubernetes.io/service-account.name": "default" } };
  try {
    for (const [method, path, body, because] of [
      ["POST", env.paths.secrets, { metadata: { name: "own" } }, "must mark the Secrets that it writes"],
      [
        "POST",
        env.paths.secrets,
        { metadata: { name: "minted", ...token }, type: "kubernetes.io/service-account-token" },
        "write only Secrets of type Opaque",
      ],
      [
        "PATCH",
        env.paths.secret("foreign"),
        { data: { A: "Mg==" } },
        "change and delete only Secrets with the annotation",
      ],
      ["PATCH", env.paths.secret("foreign"), { metadata: marks }, "change and delete only Secrets with the annotation"],
      ["DELETE", env.paths.secret("foreign"), undefined, "change and delete only Secrets with the annotation"],
    ] as const) {
      const { status, text } = await operator.request(method, path, {
        body,
        contentType: method === "PATCH" ? "application/merge-patch+json" : "application/json",
      });
      assert.is(status, 403, text);
      assert.match(text, GUARD.slice(GUARD.lastIndexOf("/") + 1));
      assert.match(text, because);
    }
    assert.equal(await env.values("foreign"), { A: "1" });
  } finally {
    await operator.close();
    await account.remove();
  }
});

test("who may edit a namespace may write AppSecrets, who may view it may not read them", async () => {
  const env = await createEnvironment(api, "people");
  for (const role of ["admin", "edit", "view"]) {
    await api.create(`${RBAC}/namespaces/${env.namespace}/rolebindings`, {
      metadata: { name: role },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: role }],
    });
  }
  const may = async (user: string, verb: string) => {
    const resourceAttributes = { namespace: env.namespace, group: "appsecret.dev", resource: "appsecrets", verb };
    const review = await api.create<{ status: { allowed: boolean } }>(`${REVIEWS}/subjectaccessreviews`, {
      spec: { user, resourceAttributes },
    });
    return review.status.allowed;
  };
  for (const user of ["admin", "edit"]) {
    await eventually(async () => {
      for (const verb of ["get", "create", "patch", "deletecollection"]) assert.ok(await may(user, verb), verb);
    });
  }
  for (const verb of ["get", "list", "watch"]) assert.not.ok(await may("view", verb), verb);
});

test("an implementation of Service Binding gets the right to read AppSecrets by the label of its specification", async () => {
  await api.create(`${RBAC}/clusterroles`, {
    metadata: { name: "service-binding-controller" },
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { "servicebinding.io/controller": "true" } }] },
    rules: [],
  });
  await eventually(async () => {
    const { rules } = await api.get<{ rules: object[] }>(`${RBAC}/clusterroles/service-binding-controller`);
    assert.equal(rules, [{ apiGroups: ["appsecret.dev"], resources: ["appsecrets"], verbs: ["get", "list", "watch"] }]);
  });
});

test("helm upgrade changes the Deployment, and neither the type nor what is published", async () => {
  const env = await createEnvironment(api, "upgrade");
  await publishes(env);
  const [crd, secret] = [await api.get<Secret>(CRD), await env.secret("orders")];
  await run("upgrade", RELEASE, CHART, "--namespace", HOME, "--set", "replicaCount=2", "--set", "log.level=debug");
  const replicas = await kubectl("get", "deployment", RELEASE, "-n", HOME, "-o", "jsonpath={.spec.replicas}");
  assert.is(replicas, "2");
  assert.is((await api.get<Secret>(CRD)).metadata.uid, crd.metadata.uid);
  assert.is((await env.secret("orders")).metadata.resourceVersion, secret.metadata.resourceVersion);
});

test("an upgrade with crds.enabled=false leaves the type and the AppSecrets, and one without it has them again", async () => {
  const [env, crd] = [await createEnvironment(api, "crds"), await api.get<Secret>(CRD)];
  await publishes(env);
  const before = await env.secret("orders");
  await run("upgrade", RELEASE, CHART, "--namespace", HOME, "--set", "crds.enabled=false");
  assert.is((await api.get<Secret>(CRD)).metadata.uid, crd.metadata.uid);
  await run("upgrade", RELEASE, CHART, "--namespace", HOME, "--set", "crds.enabled=true");
  assert.is((await api.get<Secret>(CRD)).metadata.uid, crd.metadata.uid);
  assert.is((await env.secret("orders")).metadata.uid, before.metadata.uid);
});

test("helm uninstall leaves the type, the AppSecrets and their Secrets; another install takes them up", async () => {
  const env = await createEnvironment(api, "kept");
  await publishes(env);
  const before = await env.secret("orders");
  await stopAll();
  const said = await run("uninstall", RELEASE, "--namespace", HOME);
  assert.match(said, "appsecrets.appsecret.dev");
  assert.ok(await api.find(CRD));
  assert.is(await api.find(GUARD), undefined);
  assert.is(await api.find(`/apis/apps/v1/namespaces/${HOME}/deployments/${RELEASE}`), undefined);
  assert.is((await env.secret("orders")).metadata.uid, before.metadata.uid);

  const another = ["install", "another", CHART, "--namespace", HOME];
  const { code, stderr } = await helm(another, cluster.env);
  assert.is.not(code, 0);
  assert.match(stderr, "invalid ownership metadata");
  await run(...another, "--take-ownership");
  await run("uninstall", "another", "--namespace", HOME);
  assert.is((await env.secret("orders")).metadata.uid, before.metadata.uid);

  await run("install", RELEASE, CHART, "--namespace", HOME, "--take-ownership", "--set", "crds.keep=false");
  await runRelease(RELEASE, HOME);
  await env.putSecret("upstream", { token: "three" });
  await eventually(async () => assert.equal(await env.values("orders"), { TOKEN: "three" }));
  assert.is((await env.secret("orders")).metadata.uid, before.metadata.uid);
});

test("with crds.keep=false helm uninstall takes all AppSecrets along, and their Secrets but for the retained ones", async () => {
  const env = await createEnvironment(api, "gone");
  await publishes(env);
  await env.apply("retained", custom({ A: "1" }, { deletionPolicy: "Retain" }));
  await env.ready("retained", "True/Published");
  await stopAll();
  await run("uninstall", RELEASE, "--namespace", HOME);
  await eventually(async () => assert.is(await api.find(CRD), undefined), COLLECTED_WITHIN_MS);
  await eventually(async () => assert.is(await env.findSecret("orders"), undefined), COLLECTED_WITHIN_MS);
  assert.equal(await env.values("retained"), { A: "1" });
});

test("install.yaml installs the same with kubectl alone, and Helm can take it over", async () => {
  await kubectl("delete", "namespace", HOME, "--wait");
  await kubectl("apply", "--server-side", "-f", "install.yaml");
  await kubectl("wait", "--for=condition=Established", "crd/appsecrets.appsecret.dev", "--timeout=60s");
  const { kubeconfig } = await logIn(api, { namespace: HOME, name: RELEASE });
  running.push(await startOperator({ kubeconfig, flags: ["--leader-elect", `--lease-namespace=${HOME}`] }));
  await publishes(await createEnvironment(api, "applied"));
  await stopAll();
  await run("install", RELEASE, CHART, "--namespace", HOME, "--take-ownership", "--force-conflicts");
  await run("uninstall", RELEASE, "--namespace", HOME);
  assert.ok(await api.find(CRD));
});

test("scope.namespaces: two releases, each with Roles in its own namespaces and no right elsewhere", async () => {
  const [mine, theirs] = [await createEnvironment(api, "mine"), await createEnvironment(api, "theirs")];
  // The person may do nothing cluster-wide: only `admin` of these namespaces, and of the release's own.
  const user = await createEnvironment(api, "team");
  const person = { metadata: { name: "person" } };
  await api.create(`/api/v1/namespaces/${user.namespace}/serviceaccounts`, person);
  for (const { namespace } of [mine, user]) {
    await api.create(`${RBAC}/namespaces/${namespace}/rolebindings`, {
      ...person,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "ServiceAccount", name: "person", namespace: user.namespace }],
    });
  }
  const { kubeconfig } = await logIn(api, { namespace: user.namespace, name: "person" });
  const install = [
    "install",
    "scoped",
    CHART,
    "--namespace",
    user.namespace,
    "--values",
    `${CHART}/ci/namespaced-values.yaml`,
  ];
  const set = ["--set", `scope.namespaces={${mine.namespace}}`];
  const { code, stderr } = await helm([...install, ...set], { ...cluster.env, KUBECONFIG: kubeconfig });
  assert.is(code, 0, stderr);

  const operator = await runRelease("scoped", user.namespace);
  await theirs.apply("orders", custom({ A: "1" }));
  await publishes(mine);
  await mine.apply("signin", login({ verify: "Off" }));
  await mine.ready("signin", "True/Published");
  assert.is((await theirs.appSecret("orders")).status?.observedGeneration, -1);
  assert.is(await operator.metric("appsecret_api_requests_total", { code: "403" }), 0);

  const account = await logIn(api, { namespace: user.namespace, name: "scoped-appsecret-operator" });
  const own = await connect({ ...cluster.env, KUBECONFIG: account.kubeconfig });
  assert.is((await own.request("GET", mine.paths.secrets)).status, 200);
  assert.is((await own.request("GET", theirs.paths.secrets)).status, 403);
  assert.is((await own.request("GET", "/api/v1/secrets")).status, 403);
  await own.close();
});

async function stopAll(): Promise<void> {
  for (const operator of running.splice(0)) assert.is((await operator.stop()).code, 0);
}

test.run();
