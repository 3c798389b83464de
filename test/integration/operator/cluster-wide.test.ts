import { test } from "uvu";
import * as assert from "uvu/assert";
import { startControlPlane } from "#testbed/control-plane/index";
import type { ControlPlane } from "#testbed/control-plane/index";
import type { Api } from "#support/operator/api";
import { connect } from "#support/operator/api";
import type { Environment } from "#support/operator/environment";
import { createEnvironment } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import type { Operator } from "#support/operator/operator";
import { spawnOperator } from "#support/operator/operator";
import type { Login } from "#support/operator/service-account";
import { installRights, logIn, OPERATOR_ACCOUNT } from "#support/operator/service-account";
import { custom, from } from "#support/operator/specs";

/**
 * The operator over all namespaces, as it is deployed by default. In a cluster of its own: over the one that all tests
 * share it would work on the AppSecrets of the others. That cluster does not even know AppSecrets at first.
 */

let cluster: ControlPlane;
let api: Api;
let access: Login;
let operator: Operator;
let one: Environment;
let two: Environment;

test.before(async () => {
  cluster = await startControlPlane();
  api = await connect(cluster.env);
  await installRights(cluster.env);
  access = await logIn(api, OPERATOR_ACCOUNT);
  one = await createEnvironment(api, "one");
  operator = spawnOperator({ kubeconfig: access.kubeconfig });
});

test.after(async () => {
  await operator.stop("SIGKILL");
  await access.remove();
  await api.close();
  await cluster.stop();
});

const isReady = () => operator.log().some(({ msg }) => msg === "ready");

test("before the CRD is installed the operator waits, is alive but not ready, and says what to do", async () => {
  await eventually(() => {
    const said = operator.log().map(({ obstacle }) => obstacle);
    assert.ok(said.includes("The AppSecret CRD is not installed in this cluster. Install it: kubectl apply -f crds/"));
  });
  assert.is(isReady(), false);
  const [live, ready] = await Promise.all([operator.health("/livez"), operator.health("/readyz")]);
  assert.is(live, 200);
  assert.is(ready, 503);
});

test("once the CRD is there, it begins by itself, and is ready when its caches are filled", async () => {
  const { code, stderr } = await cluster.kubectl(["apply", "--filename", "crds/"]);
  assert.is(code, 0, stderr);
  await eventually(() => assert.ok(isReady()), 40_000);
  assert.is(await operator.health("/readyz"), 200);
});

test("AppSecrets of every namespace are published, also of namespaces that are made later", async () => {
  await one.apply("orders", custom({ A: "1" }));
  await one.ready("orders", "True/Published");
  two = await createEnvironment(api, "two");
  await two.apply("orders", custom({ A: "2" }));
  await two.ready("orders", "True/Published");
  assert.equal(await one.values("orders"), { A: "1" });
  assert.equal(await two.values("orders"), { A: "2" });
});

test("a source is one of the AppSecret's own namespace, never one of the same name elsewhere", async () => {
  await one.putSecret("upstream", { token: "of-one" });
  await two.apply("keys", custom({ TOKEN: from("upstream", "token") }));
  await two.ready("keys", "False/SourceNotFound");
  await two.putSecret("upstream", { token: "of-two" });
  await two.ready("keys", "True/Published");
  assert.equal(await two.values("keys"), { TOKEN: "of-two" });
});

test("a metric's series goes when its AppSecret goes, and all of a namespace go with it", async () => {
  const series = async () =>
    (await operator.metrics()).split("\n").filter((line) => line.startsWith("appsecret_status_condition{")).length;
  await one.deleteAppSecret("orders");
  await eventually(async () => {
    const text = await operator.metrics();
    assert.not.match(text, `namespace="${one.namespace}"`);
    assert.match(text, `namespace="${two.namespace}"`);
  });
  await api.remove(`/api/v1/namespaces/${two.namespace}`);
  await eventually(async () => assert.is(await series(), 0), 60_000);
  assert.is(operator.log().filter(({ level }) => level === "error").length, 0);
});

test.run();
