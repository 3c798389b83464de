import * as assert from "uvu/assert";
import type { AppSecret } from "#api/schema/spec";
import { condition, createEnvironment, state } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { atlas, custom, database, from, login } from "#support/operator/specs";
import { operatorSuite } from "#support/operator/suite";

/** What people, kubectl, Argo CD, Flux and Helm read: docs/status.md says what. */
const { promise, run } = operatorSuite("status");

promise("the whole status of a published AppSecret", async (env) => {
  await env.putSecret("upstream", { token: "t0ken" });
  await env.apply("keys", custom({ B: "1", A: from("upstream", "token") }, { target: { name: "app-keys" } }));
  const { status } = await env.ready("keys", "True/Published");
  const [secret, source] = await Promise.all([env.secret("app-keys"), env.secret("upstream")]);
  const { lastTransitionTime } = status?.conditions?.[0] ?? { lastTransitionTime: "" };
  assert.match(lastTransitionTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const said = { observedGeneration: 1, lastTransitionTime };
  assert.equal(status, {
    observedGeneration: 1,
    secret: {
      name: "app-keys",
      uid: secret.metadata.uid,
      resourceVersion: secret.metadata.resourceVersion,
      generation: 1,
      keys: ["A", "B"],
    },
    sources: [{ name: "upstream", uid: source.metadata.uid, resourceVersion: source.metadata.resourceVersion }],
    binding: { name: "app-keys" },
    conditions: [
      { type: "Ready", status: "True", reason: "Published", message: 'Secret "app-keys" holds generation 1.', ...said },
      {
        type: "Accepted",
        status: "True",
        reason: "Accepted",
        message: "The spec is valid and everything it refers to exists.",
        ...said,
      },
      {
        type: "Verified",
        status: "True",
        reason: "NotRequired",
        message: "This AppSecret needs no live check.",
        ...said,
      },
      {
        type: "Published",
        status: "True",
        reason: "Published",
        message: 'Secret "app-keys" holds generation 1.',
        ...said,
      },
    ],
  });
});

for (const [what, spec, ready, verified] of [
  ["Custom", custom({ A: "1" }), "True/Published", "True/NotRequired"],
  ["Database, verify Off", database({ verify: "Off" }), "True/Published", "True/NotRequired"],
  ["Database, verify BestEffort", database(), "True/PublishedUnverified", "Unknown/Unreachable"],
  ["Authentication, verify Strict", login({ verify: "Strict" }), "False/Unreachable", "Unknown/Unreachable"],
  ["Database of Atlas", atlas(), "False/Unreachable", "Unknown/Unreachable"],
] as const) {
  promise(`under --offline a ${what} is Ready=${ready}, Verified=${verified}`, async (env) => {
    await env.apply("orders", spec);
    const found = await env.ready("orders", ready);
    assert.is(state(found, "Verified"), verified);
  });
}

promise("an AppSecret that no operator has looked at is neither ready nor failed", async ({ api }) => {
  const unwatched = await createEnvironment(api, "status-unwatched");
  await unwatched.apply("orders", custom({ A: "1" }));
  const created = await unwatched.appSecret("orders");
  assert.equal(created.status, { observedGeneration: -1 });
  assert.is(kstatus(created), "InProgress");
  const { stdout } = await unwatched.kubectl(["get", "appsecret", "orders"]);
  assert.match(stdout, /orders +Custom +\d+s/);
  await api.remove(`/api/v1/namespaces/${unwatched.namespace}`);
});

/** As kstatus reads it, that is Flux and helm --wait: sigs.k8s.io/cli-utils, its generic rules. */
function kstatus(of: AppSecret): "InProgress" | "Failed" | "Current" {
  if (of.status?.observedGeneration !== of.metadata.generation) return "InProgress";
  if (condition(of, "Reconciling").status === "True") return "InProgress";
  if (condition(of, "Stalled").status === "True") return "Failed";
  return condition(of, "Ready").status === "True" ? "Current" : "InProgress";
}

promise(
  "Flux and Helm wait for what may come, fail at what only a person can change, and are content with the rest",
  async (env) => {
    await env.putSecret("theirs", { A: "1" });
    const expected = [
      ["published", custom({ A: "1" }), "Current"],
      ["unverified", database(), "Current"],
      ["suspended", custom({ A: "1" }, { suspend: true }), "Current"],
      ["disabled", login({ authentication: { enabled: false } }), "Current"],
      ["source", custom({ A: from("nowhere", "a") }), "InProgress"],
      ["key", custom({ A: from("theirs", "nothing") }), "InProgress"],
      ["itself", custom({ A: from("itself", "a") }), "Failed"],
      ["theirs", custom({ A: "1" }), "Failed"],
    ] as const;
    for (const [name, spec, wanted] of expected) {
      await env.apply(name, spec);
      assert.is(kstatus(await env.evaluated(name)), wanted, name);
    }
  },
);

/** What must hold of an AppSecret at every moment, whatever happens to it. */
function assertConsistent(now: AppSecret, before: AppSecret | undefined): void {
  const { observedGeneration = -1, conditions = [] } = now.status ?? {};
  assert.ok(observedGeneration <= (now.metadata.generation ?? 0));
  if (observedGeneration < 0) return assert.equal(conditions, []);
  const types = conditions.map(({ type }) => type);
  assert.equal(types.slice(0, 4), ["Ready", "Accepted", "Verified", "Published"]);
  assert.not.ok(types.includes("Reconciling") && types.includes("Stalled"), "both Reconciling and Stalled");
  assert.is(state(now, "Ready").startsWith("True/"), types.length === 4, `Ready, but ${types.join(", ")}`);
  for (const { type, status, reason, message, observedGeneration: own, lastTransitionTime } of conditions) {
    assert.is(own, observedGeneration, `${type} speaks of another generation`);
    assert.match(reason, /^[A-Z][A-Za-z]+$/);
    assert.match(message, /^\S.*\.$/);
    if (type === "Reconciling" || type === "Stalled") assert.is(status, "True");
    const was = before?.status?.conditions?.find((candidate) => candidate.type === type);
    if (was?.status === status) assert.is(lastTransitionTime, was.lastTransitionTime, `${type} did not change`);
  }
}

promise(
  "at every moment of an eventful life the status is consistent, and Ready is never False before it is known",
  async (env) => {
    const history = await env.recordAppSecrets();
    await env.putSecret("taken", { THEIRS: "1" });
    const life: [spec: object, becomes: string][] = [
      [custom({ A: "1" }), "True/Published"],
      [custom({ A: from("upstream", "a") }), "False/SourceNotFound"],
      [custom({ A: from("taken", "a") }), "False/SourceKeyNotFound"],
      [custom({ A: "2" }), "True/Published"],
      [custom({ A: "2" }, { target: { name: "taken" } }), "False/SecretNotOwned"],
      [custom({ A: "2" }, { suspend: true }), "True/Suspended"],
      [custom({ A: "3" }, { target: { immutable: true } }), "True/Published"],
      [custom({ A: "4" }, { target: { immutable: true } }), "False/KeptLastGood"],
      [custom({ A: from("orders", "A") }), "False/InvalidSpec"],
      [custom({ A: "4" }, { target: { name: "other" } }), "True/Published"],
    ];
    for (const [spec, becomes] of life) {
      await env.apply("orders", spec);
      await env.ready("orders", becomes);
    }
    await eventually(() => assert.ok(history.events.length >= 2 * life.length));
    const seen = history.events.map(({ object }) => object);
    seen.forEach((object, index) => assertConsistent(object, seen[index - 1]));
    assert.is(seen.find(({ status }) => status?.conditions)?.status?.conditions?.[0]?.status, "True");
    // One write of the AppSecret by us for one by the person: nothing in between.
    assert.is(seen.length, 2 * life.length);
  },
);

promise("kubectl wait ends when the AppSecret is ready, and not for an older generation", async (env) => {
  const wait = (condition_: string) =>
    env.kubectl(["wait", `--for=condition=${condition_}`, "asec/orders", "--timeout=60s"]);
  await env.apply("orders", custom({ A: from("upstream", "a") }));
  const waiting = wait("Ready");
  assert.is((await wait("Ready=False")).code, 0);
  await env.putSecret("upstream", { a: "1" });
  const { code, stdout } = await waiting;
  assert.is(code, 0);
  assert.is(stdout, "appsecret.appsecret.dev/orders condition met\n");
});

/** The columns of a table of kubectl, which are separated by two blanks at least. */
const rows = (table: string) =>
  table
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {2,}/));

promise(
  "kubectl get shows type, readiness, verification, reason, Secret and age, and the message with -o wide",
  async (env) => {
    await env.apply("a-login", login({ target: { name: "login-secret" } }));
    await env.apply("b-waiting", custom({ A: from("upstream", "a") }));
    await env.apply("c-suspended", custom({ A: "1" }, { suspend: true }));
    await env.ready("a-login", "True/PublishedUnverified");
    await env.ready("b-waiting", "False/SourceNotFound");
    await env.ready("c-suspended", "True/Suspended");
    const table = rows((await env.kubectl(["get", "asec"])).stdout);
    assert.equal(table[0], ["NAME", "TYPE", "READY", "VERIFIED", "REASON", "SECRET", "AGE"]);
    assert.equal(table[1]?.slice(0, 6), [
      "a-login",
      "Authentication",
      "True",
      "Unknown",
      "PublishedUnverified",
      "login-secret",
    ]);
    // There is no Secret, so kubectl leaves the column empty.
    assert.equal(table[2]?.slice(0, 5), ["b-waiting", "Custom", "False", "True", "SourceNotFound"]);
    assert.equal(table[3]?.slice(0, 5), ["c-suspended", "Custom", "True", "True", "Suspended"]);
    assert.match(table[1]?.[6] ?? "", /^\d+s$/);

    const wide = rows((await env.kubectl(["get", "appsecrets", "--output", "wide"])).stdout);
    assert.equal(wide[0]?.slice(-2), ["AGE", "MESSAGE"]);
    assert.match(
      wide[2]?.at(-1) ?? "",
      'spec.custom.data[A] refers to Secret "upstream", which does not exist in this namespace.',
    );
    const byCategory = await env.kubectl([
      "get",
      "appsecret",
      "--field-selector",
      "spec.type=Authentication",
      "--no-headers",
    ]);
    assert.is(rows(byCategory.stdout).length, 1);
  },
);

run();
