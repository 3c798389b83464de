import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Lease } from "#kube/lease-record";
import type { Api } from "#support/operator/api";
import { connect } from "#support/operator/api";
import type { Environment } from "#support/operator/environment";
import { createEnvironment } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import type { Operator } from "#support/operator/operator";
import { startOperator } from "#support/operator/operator";
import { grant, readRules } from "#support/operator/rights";
import type { Login } from "#support/operator/service-account";
import { createAccount, logIn } from "#support/operator/service-account";
import { custom } from "#support/operator/specs";

/** Two replicas of the operator, as they are deployed: one works, the other one is ready to. With the default periods. */

const LEASE_DURATION_MS = 15_000;

let api: Api;
let env: Environment;
let access: Login;
const started: Operator[] = [];

test.before(async () => {
  api = await connect();
  env = await createEnvironment(api, "failover");
  const account = await createAccount(api, env.namespace, "operator");
  await grant(api, account, await readRules("hack/rbac.yaml"));
  access = await logIn(api, account);
});

test.after(async () => {
  for (const operator of started) await operator.stop("SIGKILL");
  await access.remove();
  await api.remove(`/api/v1/namespaces/${env.namespace}`);
  await api.close();
});

async function replica(): Promise<Operator> {
  const flags = ["--leader-elect", `--lease-namespace=${env.namespace}`];
  const operator = await startOperator({ kubeconfig: access.kubeconfig, namespaces: [env.namespace], flags });
  started.push(operator);
  return operator;
}

const lease = () =>
  api.get<Lease>(`/apis/coordination.k8s.io/v1/namespaces/${env.namespace}/leases/appsecret-operator`);
const isLeading = (operator: Operator) => operator.log().some(({ msg }) => msg === "leading");

async function writesOf(operator: Operator): Promise<number> {
  const counts = ["POST", "PATCH", "DELETE"].map((verb) => operator.metric("appsecret_api_requests_total", { verb }));
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** How long from now until a new AppSecret has its Secret, in ms. */
async function timeToPublish(name: string): Promise<number> {
  const began = performance.now();
  await env.apply(name, custom({ A: name }));
  await eventually(async () => assert.equal(await env.values(name), { A: name }));
  return performance.now() - began;
}

test("a follower is ready with full caches while it does not lead, and writes nothing", async () => {
  const leader = await replica();
  await eventually(() => assert.ok(isLeading(leader)));
  await timeToPublish("first");
  const follower = await replica();
  // /readyz may say so before the line has come through the pipe.
  await eventually(() => assert.is(follower.log().find(({ msg }) => msg === "ready")?.["appSecrets"], 1));
  await timeToPublish("second");
  // The conditions on its page are those that its cache holds.
  const series = { name: "second", condition: "Ready", status: "True" };
  await eventually(async () => assert.is(await follower.metric("appsecret_status_condition", series), 1));
  assert.is(isLeading(follower), false);
  assert.is(await writesOf(follower), 0);
  assert.is(await follower.metric("appsecret_reconcile_total"), 0);
  assert.is(await follower.metric("workqueue_depth"), 0, "an alert says that the operator does not keep up");
  const published = (operator: Operator) => operator.log().filter(({ msg }) => msg === "published").length;
  await eventually(() => assert.is(published(leader), 2));
  assert.is(published(follower), 0, "each change is logged once, and not once for each replica");
});

test("SIGTERM to the leader: the Lease is handed over, and the follower publishes within three seconds", async () => {
  const [leader, follower] = started as [Operator, Operator];
  const ending = leader.stop();
  const ms = await timeToPublish("handed-over");
  assert.ok(ms < 3000, `${ms} ms`);
  assert.is((await ending).code, 0);
  await eventually(() => assert.ok(isLeading(follower)));
  assert.is((await lease()).spec?.leaseTransitions, 1);
});

test("kill -9 of the leader: the follower publishes within the lease duration and two seconds", async () => {
  const leader = started[1] as Operator;
  const follower = await replica();
  await leader.stop("SIGKILL");
  const ms = await timeToPublish("after-the-crash");
  await eventually(() => assert.ok(isLeading(follower)));
  assert.ok(ms < LEASE_DURATION_MS + 2000, `${ms} ms`);
  // What was there before needs no write from the new leader: one Secret, one status and one Event, for the new AppSecret alone.
  // It counts a write when it has the reply, which may be after we have seen its effect.
  await env.ready("after-the-crash", "True/Published");
  await eventually(async () => assert.is(await writesOf(follower), 3));
});

test("a leader that is paused for longer than its Lease, and woken, writes nothing and starts anew", async () => {
  const leader = started[2] as Operator;
  const follower = await replica();
  process.kill(leader.pid, "SIGSTOP");
  await timeToPublish("while-paused");
  const written = await env.secret("while-paused");
  process.kill(leader.pid, "SIGCONT");
  const { code } = await leader.ended;
  assert.is(code, 0);
  assert.ok(leader.log().some(({ msg }) => msg === "no longer leading"));
  assert.ok(isLeading(follower));
  assert.is((await env.secret("while-paused")).metadata.resourceVersion, written.metadata.resourceVersion);
  for (const name of ["first", "second", "handed-over", "after-the-crash", "while-paused"]) {
    await env.ready(name, "True/Published");
  }
});

test.run();
