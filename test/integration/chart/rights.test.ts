/** The operator needs every right that the chart gives it: each one is taken away in turn, and something no longer works. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { connect } from "../operator/harness/api.ts";
import type { Api } from "../operator/harness/api.ts";
import { createEnvironment } from "../operator/harness/environment.ts";
import type { Environment } from "../operator/harness/environment.ts";
import { eventually } from "../operator/harness/eventually.ts";
import { spawnOperator } from "../operator/harness/operator.ts";
import type { Operator } from "../operator/harness/operator.ts";
import { createAccount, logIn } from "../operator/harness/service-account.ts";
import { custom, from, login } from "../operator/harness/specs.ts";
import { render } from "./helm.ts";

type Rule = { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] };

type Lease = { spec: { holderIdentity?: string; acquireTime: string; renewTime: string } };

/** How many operators run at once on two cores. */
const AT_ONCE = 3;
const RBAC = "/apis/rbac.authorization.k8s.io/v1";
const LEASES = "/apis/coordination.k8s.io/v1";
const LEASE = "appsecret-operator";
const rules = (await render())
  .filter(
    ({ kind, metadata }) => /Role$/.test(kind) && /^(\S+:)?appsecret-operator(-leader-election)?$/.test(metadata.name),
  )
  .flatMap((role) => role["rules"] as Rule[]);

/** One for each verb of each rule: the rule's index and the verb. */
const rights = rules.flatMap(({ verbs, resources }, index) =>
  verbs.map((verb) => ({ index, verb, name: `${verb} ${resources.join()}` })),
);

function without(right?: (typeof rights)[number]): Rule[] {
  return rules
    .map((rule, index) =>
      index === right?.index ? { ...rule, verbs: rule.verbs.filter((verb) => verb !== right.verb) } : rule,
    )
    .filter(({ verbs }) => verbs.length > 0);
}

/** Everything that an operator does in its life, in one namespace. Rejects when it does not come true in time. */
async function life(env: Environment, operator: Operator, patience: number): Promise<void> {
  const says = (name: string, expected: string) =>
    eventually(async () => {
      const { status, metadata } = await env.appSecret(name);
      const ready = status?.conditions?.find(({ type }) => type === "Ready");
      assert.is(`${ready?.status}/${ready?.reason}`, expected);
      assert.is(status?.observedGeneration, metadata.generation);
    }, patience);

  await env.putSecret("upstream", { a: "1" });
  await env.apply("orders", custom({ A: from("upstream", "a") }));
  await says("orders", "True/Published");
  await env.apply("orders", custom({ A: from("upstream", "a"), B: "2" }));
  await eventually(async () => assert.equal(await env.values("orders"), { A: "1", B: "2" }), patience);
  await env.putSecret("upstream", { a: "3" });
  await eventually(async () => assert.equal(await env.values("orders"), { A: "3", B: "2" }), patience);

  await env.putWorkload("web");
  const restart = { restart: [{ kind: "Deployment", name: "web" }] };
  await env.apply("read", custom({ A: "1" }, restart));
  await says("read", "True/Published");
  await env.apply("read", custom({ A: "2" }, restart));
  await eventually(async () => assert.is(await env.restarts("web"), 1), patience);

  await env.apply("retained", custom({ A: "1" }, { deletionPolicy: "Retain" }));
  await says("retained", "True/Published");

  await env.apply("signin", login({ verify: "Off" }));
  await says("signin", "True/Published");
  await eventually(async () => {
    const { metadata } = await env.appSecret("signin");
    assert.is(metadata.labels?.["appsecret.dev/holds"], "Authentication");
  }, patience);
  await env.apply("signin", login({ verify: "Off", authentication: { enabled: false } }));
  await eventually(async () => assert.is(await env.findSecret("signin"), undefined), patience);

  await env.apply("waiting", custom({ A: from("nowhere", "a") }));
  await says("waiting", "False/SourceNotFound");
  await eventually(async () => {
    const reasons = (await env.events("waiting")).map(({ reason }) => reason);
    assert.equal(reasons, ["SourceNotFound"]);
  }, patience);

  const lease = async () => (await env.api.get<Lease>(`${LEASES}/namespaces/${env.namespace}/leases/${LEASE}`)).spec;
  await eventually(async () => {
    const { acquireTime, renewTime } = await lease();
    assert.ok(renewTime > acquireTime, "the Lease is not renewed");
  }, patience);
  assert.is((await operator.stop()).code, 0);
  assert.not.ok((await lease()).holderIdentity, "the Lease was not released");
}

/** Lives a life with these rights only, and says how it ended and whether the API server refused anything. */
async function live(api: Api, granted: Rule[], patience: number): Promise<{ error: unknown; refused: number }> {
  const env = await createEnvironment(api, "rights");
  const { namespace } = env;
  const account = await createAccount(api, namespace, "operator");
  await api.create(`${RBAC}/namespaces/${namespace}/roles`, { metadata: { name: "operator" }, rules: granted });
  await api.create(`${RBAC}/namespaces/${namespace}/rolebindings`, {
    metadata: { name: "operator" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "operator" },
    subjects: [{ kind: "ServiceAccount", name: "operator", namespace }],
  });
  const { kubeconfig, remove } = await logIn(api, account);
  const flags = ["--leader-elect", `--lease-namespace=${namespace}`, `--lease-name=${LEASE}`];
  const operator = await spawnOperator({ kubeconfig, namespaces: [namespace], flags });
  let refused = 0;
  const count = async () =>
    void (refused = Math.max(refused, await operator.metric("appsecret_api_requests_total", { code: "403" })));
  const counting = setInterval(() => void count().catch(() => undefined), 200);
  try {
    // On a busy machine a start takes long, and tells nothing of the rights.
    await eventually(() => operator.metrics(), 60_000);
    await life(env, operator, patience);
    return { error: undefined, refused };
  } catch (error) {
    return { error, refused };
  } finally {
    clearInterval(counting);
    await operator.stop("SIGKILL");
    await remove();
    env.close();
    await api.remove(`/api/v1/namespaces/${namespace}`);
  }
}

let api: Api;
test.before(async () => {
  api = await connect();
});
test.after(() => api.close());

test("with all of them nothing is refused in a whole life", async () => {
  const { error, refused } = await live(api, without(), 20_000);
  assert.is(error, undefined);
  assert.is(refused, 0);
});

for (let first = 0; first < rights.length; first += AT_ONCE) {
  const some = rights.slice(first, first + AT_ONCE);
  test(`something is refused, and fails, without the right to: ${some.map(({ name }) => name).join("; ")}`, async () => {
    const lives = await Promise.all(
      some.map(async (right) => ({ right, ...(await live(api, without(right), 8_000)) })),
    );
    for (const { right, error, refused } of lives) {
      assert.ok(refused > 0, `nobody needs: ${right.name}`);
      assert.is.not(error, undefined, `nobody misses: ${right.name}`);
    }
  });
}

test.run();
