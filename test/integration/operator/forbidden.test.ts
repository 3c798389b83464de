import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Api } from "#support/operator/api";
import { connect } from "#support/operator/api";
import type { Environment } from "#support/operator/environment";
import { condition, createEnvironment, state } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import type { Operator } from "#support/operator/operator";
import { startOperator } from "#support/operator/operator";
import type { Rule } from "#support/operator/rights";
import { grant, readRules, without } from "#support/operator/rights";
import type { Account, Login } from "#support/operator/service-account";
import { createAccount, logIn } from "#support/operator/service-account";
import { custom, from, login } from "#support/operator/specs";

/** What the operator may not do, it says on the AppSecret; once it may, it does it by itself. */

let api: Api;
let env: Environment;
let account: Account;
let access: Login;
let operator: Operator;
let rules: Rule[];

test.before(async () => {
  api = await connect();
  rules = await readRules("hack/rbac.yaml");
  env = await createEnvironment(api, "forbidden");
  account = await createAccount(api, env.namespace, "limited");
  await grant(api, account, rules);
  access = await logIn(api, account);
  operator = await startOperator({ kubeconfig: access.kubeconfig, namespaces: [env.namespace] });
});

test.after(async () => {
  await operator.stop("SIGKILL");
  await access.remove();
  await api.remove(`/api/v1/namespaces/${env.namespace}`);
  await api.close();
});

test.after.each(async () => grant(api, account, rules));

/** Until the API server acts on the new Role. */
async function forbid(verb: string, resource = "secrets", group = ""): Promise<void> {
  await grant(api, account, without(rules, { apiGroup: group, resource, verb }));
  const review = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: {
      user: `system:serviceaccount:${account.namespace}:${account.name}`,
      resourceAttributes: { namespace: env.namespace, verb, group, resource },
    },
  };
  await eventually(async () => {
    const path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    const { status } = await api.create<{ status: { allowed: boolean } }>(path, review);
    assert.is(status.allowed, false);
  });
}

for (const [why, name, before, after] of [
  ["disabled", "web-login", login(), login({ authentication: { enabled: false } })],
  ["renamed", "renamed", custom({ A: "1" }), custom({ A: "1" }, { target: { name: "renamed-new" } })],
  [
    "renamed under Retain",
    "retained",
    custom({ A: "1" }, { deletionPolicy: "Retain" }),
    custom({ A: "1" }, { deletionPolicy: "Retain", target: { name: "retained-new" } }),
  ],
] as const) {
  test(`${why}, but it may not delete: the status says which Secret is still there, and the right is all it takes`, async () => {
    await env.apply(name, before);
    await env.ready(name, why === "disabled" ? "True/PublishedUnverified" : "True/Published");
    await forbid("delete");
    await env.apply(name, after);
    const told = await env.ready(name, "False/Forbidden");
    assert.is(state(told, "Published"), "False/Forbidden");
    assert.is(state(told, "Reconciling"), "True/Forbidden");
    assert.match(condition(told, "Ready").message, `not allowed to delete the old Secret "${name}"`);
    assert.ok(await env.findSecret(name));
    if (why !== "disabled") assert.equal(await env.values(`${name}-new`), { A: "1" });

    await grant(api, account, rules);
    await env.ready(name, why === "disabled" ? "True/Disabled" : "True/Published");
    assert.is(await env.findSecret(name), undefined);
  });
}

test("a source that it may not read is named with its field; what is published stays", async () => {
  await env.putSecret("upstream", { token: "one" });
  await env.apply("sourced", custom({ TOKEN: from("upstream", "token") }));
  await env.ready("sourced", "True/Published");
  await forbid("get");
  await env.putSecret("upstream", { token: "two" });
  const told = await env.ready("sourced", "False/Forbidden");
  assert.is(state(told, "Accepted"), "False/Forbidden");
  assert.is(state(told, "Published"), "False/KeptLastGood");
  assert.is(state(told, "Reconciling"), "True/Forbidden");
  assert.match(
    condition(told, "Ready").message,
    'spec.custom.data[TOKEN] refers to Secret "upstream", which the operator is not allowed to read',
  );
  assert.equal(await env.values("sourced"), { TOKEN: "one" });

  await grant(api, account, rules);
  await env.ready("sourced", "True/Published");
  assert.equal(await env.values("sourced"), { TOKEN: "two" });
});

test("a workload that it may not restart is named, the AppSecret stays ready, and the right is all it takes", async () => {
  await env.putWorkload("api");
  await env.putWorkload("api", "StatefulSet");
  const restart = ["Deployment", "StatefulSet"].map((kind) => ({ kind, name: "api" }));
  await env.apply("restarting", custom({ A: "1" }, { restart }));
  await env.ready("restarting", "True/Published");
  await forbid("patch", "deployments", "apps");
  await env.apply("restarting", custom({ A: "2" }, { restart }));
  await eventually(async () => {
    const told = await env.ready("restarting", "True/Published");
    assert.match(
      condition(told, "Ready").message,
      'The operator is not allowed to restart Deployment "api". Check its Role',
    );
    assert.is(told.status?.secret?.contentVersion, 1);
  });
  assert.equal(await env.values("restarting"), { A: "2" });
  assert.is(await env.restarts("api", "StatefulSet"), 1);
  assert.is(await env.restarts("api"), 0);
  await eventually(async () => {
    const told = (await env.events("restarting")).filter(({ reason }) => reason === "RestartFailed");
    assert.equal(
      told.map(({ type, action }) => [type, action]),
      [["Warning", "Restart"]],
    );
  });

  await grant(api, account, rules);
  await eventually(async () => {
    assert.is((await env.appSecret("restarting")).status?.secret?.contentVersion, 2);
  });
  const done = await env.ready("restarting", "True/Published");
  assert.not.match(condition(done, "Ready").message, "not allowed to restart");
  assert.equal([await env.restarts("api"), await env.restarts("api", "StatefulSet")], [1, 1]);
});

test.run();
