import * as assert from "uvu/assert";
import type { Environment } from "#support/operator/environment";
import { base64, condition } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { custom, from } from "#support/operator/specs";
import { operatorSuite } from "#support/operator/suite";

/** Workloads restart when a published value changes: once, and for nothing else. */
const { promise, run } = operatorSuite("workloads");

const RESTART = { restart: [{ kind: "Deployment", name: "web" }] };

/** Once the status counts this content, all that is to restart has been restarted. */
async function counted(env: Environment, name: string, version: number): Promise<void> {
  await eventually(async () => {
    assert.is((await env.appSecret(name)).status?.secret?.contentVersion, version);
  });
}

async function published(env: Environment, name: string, spec: object): Promise<void> {
  await env.apply(name, spec);
  await env.ready(name, "True/Published");
}

promise("not at the first publication; each changed value restarts each kind of workload once", async (env) => {
  const kinds = ["Deployment", "StatefulSet", "DaemonSet"] as const;
  for (const kind of kinds) await env.putWorkload("web", kind);
  const more = { restart: kinds.map((kind) => ({ kind, name: "web" })) };
  for (const [index, value] of ["one", "two", "three"].entries()) {
    await published(env, "keys", custom({ A: value }, more));
    await counted(env, "keys", index + 1);
    assert.equal(await Promise.all(kinds.map((kind) => env.restarts("web", kind))), [index, index, index]);
  }
  const path = `/apis/apps/v1/namespaces/${env.namespace}/deployments/web`;
  const { spec } = await env.api.get<{ spec: { template: { metadata: { annotations: object } } } }>(path);
  const { uid } = (await env.secret("keys")).metadata;
  assert.equal(spec.template.metadata.annotations, { "appsecret.dev/restarted-for-keys": `${uid}.3` });
});

promise("labels, annotations, ownership and the Secret's name are no values", async (env) => {
  await env.putWorkload("web");
  await published(env, "keys", custom({ A: "1" }, RESTART));
  for (const more of [
    { target: { labels: { team: "payments" }, annotations: { "example.com/note": "a" } } },
    { deletionPolicy: "Retain" },
    { target: { name: "renamed" } },
    { restart: [...RESTART.restart, { kind: "Deployment", name: "api" }] },
  ]) {
    await published(env, "keys", custom({ A: "1" }, { ...RESTART, ...more }));
  }
  assert.is(await env.restarts("web"), 0);
  await counted(env, "keys", 1);
});

promise("a source restarts when the value behind it changes, and not when it is only written anew", async (env) => {
  await env.putWorkload("web");
  await env.putSecret("upstream", { token: "one" });
  await published(env, "keys", custom({ TOKEN: from("upstream", "token") }, RESTART));
  const { metadata } = await env.putSecret("upstream", { token: "one", other: "x" });
  await eventually(async () => {
    const { status } = await env.appSecret("keys");
    assert.is(status?.sources?.[0]?.resourceVersion, metadata.resourceVersion);
  });
  assert.is(await env.restarts("web"), 0);
  await env.putSecret("upstream", { token: "two" });
  await counted(env, "keys", 2);
  assert.is(await env.restarts("web"), 1);
});

promise(
  "an operator that starts anew or was killed restarts nothing, and reads and writes nothing",
  async (env, operator) => {
    await env.putWorkload("web");
    await published(env, "keys", custom({ A: "1" }, RESTART));
    await published(env, "keys", custom({ A: "2" }, RESTART));
    await counted(env, "keys", 2);
    const before = await env.secret("keys");
    await operator.restart();
    await operator.crash();
    await env.apply("later", custom({ A: "1" }));
    await env.ready("later", "True/Published");
    assert.is(await env.restarts("web"), 1);
    assert.equal(await env.secret("keys"), before);
    // It counts a write when it has the reply, which may be after we have seen its effect.
    await eventually(async () => {
      const patches = await operator.now.metric("appsecret_api_requests_total", { verb: "PATCH" });
      assert.is(patches, 1, "the status of `later`");
    });
  },
);

promise("a list that is added to what is published already restarts nothing; from then on it counts", async (env) => {
  await env.putWorkload("web");
  await published(env, "keys", custom({ A: "1" }));
  await published(env, "keys", custom({ A: "1" }, RESTART));
  assert.is(await env.restarts("web"), 0);
  await published(env, "keys", custom({ A: "2" }, RESTART));
  await counted(env, "keys", 2);
  assert.is(await env.restarts("web"), 1);
});

promise("a value that somebody changed by hand is put right, and what may have read it restarts", async (env) => {
  await env.putWorkload("web");
  await published(env, "keys", custom({ A: "1" }, RESTART));
  await env.patchSecret("keys", { metadata: { labels: { theirs: "x" } } });
  await env.patchSecret("keys", { data: { A: base64("edited") } });
  await counted(env, "keys", 2);
  assert.equal(await env.values("keys"), { A: "1" });
  assert.is(await env.restarts("web"), 1);
});

promise(
  "a workload that does not exist is told in an Event, and keeps neither the others nor the AppSecret",
  async (env) => {
    await env.putWorkload("web");
    const more = { restart: [{ kind: "StatefulSet", name: "gone" }, ...RESTART.restart] };
    await published(env, "keys", custom({ A: "1" }, more));
    await published(env, "keys", custom({ A: "2" }, more));
    await counted(env, "keys", 2);
    assert.is(await env.restarts("web"), 1);
    await eventually(async () => {
      const event = (await env.events("keys")).find(({ type }) => type === "Warning");
      assert.equal([event?.type, event?.reason, event?.action], ["Warning", "RestartFailed", "Restart"]);
      assert.match(event?.note ?? "", 'StatefulSet "gone" in spec.restart does not exist');
    });
    assert.not.match(condition(await env.appSecret("keys"), "Ready").message, "gone");
  },
);

run();
