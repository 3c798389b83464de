import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Api } from "#support/operator/api";
import { connect } from "#support/operator/api";
import type { Environment } from "#support/operator/environment";
import { base64, createEnvironment, state } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import type { Operator } from "#support/operator/operator";
import { spawnOperator } from "#support/operator/operator";
import type { Right } from "#support/operator/rights";
import { grant, readRules, rightsOf, without } from "#support/operator/rights";
import { createAccount, logIn } from "#support/operator/service-account";
import { custom, from, login } from "#support/operator/specs";

/**
 * The rights of the operator: all of them are enough, in one namespace by a Role alone, and none is too many. For each one
 * the operator runs once without it, over a namespace where there is everything for it to do, and meets a 403.
 */

const RULES_FILE = "hack/rbac.yaml";
const rules = await readRules(RULES_FILE);
const KINDS = ["Deployment", "StatefulSet", "DaemonSet"] as const;

let api: Api;

test.before(async () => {
  api = await connect();
});

test.after(() => api.close());

/** Work that needs every right, prepared before an operator has seen it: so that it is all done in the first second. */
async function prepare(env: Environment): Promise<void> {
  await env.putSecret("upstream", { token: "one" });
  await env.apply("sourced", custom({ TOKEN: from("upstream", "token") }, { deletionPolicy: "Retain" }));
  await env.putSecret("foreign", { theirs: "x" });
  await env.apply("foreign", custom({ A: "1" }));
  await env.apply("handed-over", custom({ A: "1" }));
  const annotations = { "appsecret.dev/owner": "handed-over" };
  await env.putSecret("handed-over", { old: "x" }, { metadata: { name: "handed-over", annotations } });
  await prepareRestart(env);
  const { metadata } = await env.apply("web-login", login({ authentication: { enabled: false } }));
  const owner = { apiVersion: "appsecret.dev/v1", kind: "AppSecret", name: "web-login", uid: metadata.uid };
  await api.create(env.paths.secrets, {
    metadata: {
      name: "web-login",
      annotations: { "appsecret.dev/owner": "web-login" },
      ownerReferences: [{ ...owner, controller: true }],
    },
    data: { AUDIENCE: base64("x") },
  });
}

/** A value that was changed by an operator which was stopped before it could restart what reads it. */
async function prepareRestart(env: Environment): Promise<void> {
  for (const kind of KINDS) await env.putWorkload("web", kind);
  await env.apply("restarting", custom({ A: "1" }, { restart: KINDS.map((kind) => ({ kind, name: "web" })) }));
  const annotations = { "appsecret.dev/owner": "restarting", "appsecret.dev/content-version": "2" };
  const { metadata } = await env.putSecret("restarting", { A: "1" }, { metadata: { name: "restarting", annotations } });
  const { name, uid, resourceVersion } = metadata;
  const secret = { name, uid, resourceVersion, generation: 1, contentVersion: 1, keys: ["A"] };
  await api.merge(`${env.paths.appSecret("restarting")}/status`, { status: { observedGeneration: 1, secret } });
}

/** Starts the operator in a namespace of its own with these rights in it and nowhere else. */
async function run(
  granted: Parameters<typeof grant>[2],
  body: (env: Environment, operator: Operator) => Promise<void>,
): Promise<void> {
  const env = await createEnvironment(api, "rights");
  const account = await createAccount(api, env.namespace, "operator");
  await prepare(env);
  await grant(api, account, granted);
  const access = await logIn(api, account);
  const operator = spawnOperator({
    kubeconfig: access.kubeconfig,
    namespaces: [env.namespace],
    flags: ["--leader-elect", `--lease-namespace=${env.namespace}`],
  });
  try {
    await body(env, operator);
  } catch (error) {
    console.error(operator.output());
    throw error;
  } finally {
    await operator.stop("SIGKILL");
    await access.remove();
    await api.remove(`/api/v1/namespaces/${env.namespace}`);
  }
}

const refusals = (operator: Operator) => operator.metric("appsecret_api_requests_total", { code: "403" });

test("with all of them, as a Role in one namespace, everything is done and nothing is refused", () =>
  run(rules, async (env, operator) => {
    const done = {
      sourced: "True/Published",
      foreign: "False/SecretNotOwned",
      "handed-over": "True/Published",
      restarting: "True/Published",
      "web-login": "True/Disabled",
    };
    for (const [name, says] of Object.entries(done)) await env.ready(name, says);
    await eventually(async () => assert.ok((await env.events("foreign")).length > 0));
    assert.is(await env.findSecret("web-login"), undefined);
    assert.equal(await Promise.all(KINDS.map((kind) => env.restarts("web", kind))), [1, 1, 1]);
    const lease = `/apis/coordination.k8s.io/v1/namespaces/${env.namespace}/leases/appsecret-operator`;
    const renewed = async () =>
      (await api.get<{ metadata: { resourceVersion: string } }>(lease)).metadata.resourceVersion;
    const first = await renewed();
    await eventually(async () => assert.is.not(await renewed(), first));
    assert.is(await refusals(operator), 0);
  }));

const name = ({ apiGroup, resource, verb }: Right) => `${verb} ${resource}${apiGroup === "" ? "" : `.${apiGroup}`}`;

/** What the 403 is an answer to, in the words of the metric. A list is a GET, like the preflight's. */
const VERB: Record<string, string> = {
  ...{ get: "GET", list: "GET", watch: "WATCH", create: "POST", update: "PUT", patch: "PATCH", delete: "DELETE" },
};

for (const right of rightsOf(rules)) {
  test(`without "${name(right)}" it is refused what it needs, says so, and does not end`, () =>
    run(without(rules, right), async (env, operator) => {
      const labels = { code: "403", verb: VERB[right.verb] ?? "" };
      await eventually(async () => assert.ok((await operator.metric("appsecret_api_requests_total", labels)) > 0));
      // An event is news and no more: to lose it is no news. All else is in the log, or on the AppSecret.
      if (right.resource !== "events") {
        await eventually(async () => {
          const told = operator.log().some(({ level }) => level === "warn");
          const states = await Promise.all(["sourced", "handed-over", "web-login"].map(env.appSecret));
          assert.ok(told || states.some((one) => state(one, "Ready") === "False/Forbidden"));
        });
      }
      assert.ok(process.kill(operator.pid, 0), "it still runs");
    }));
}

test.run();
