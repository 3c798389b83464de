/** Events: what is told, once, and in which order people see it. */
import * as assert from "uvu/assert";
import type { Environment } from "#support/operator/environment";
import { condition } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { custom, from } from "#support/operator/specs";
import { operatorSuite } from "#support/operator/suite";

const { promise, run } = operatorSuite("events");

const told = async ({ events }: Environment, name: string) =>
  (await events(name)).map(({ type, reason, action }) => `${type} ${reason} ${action}`);

promise("an event tells of each transition, once, and of nothing else", async (env) => {
  await env.apply("keys", custom({ A: "1" }));
  await env.ready("keys", "True/Published");
  await env.apply("keys", custom({ A: "2", B: "1" }));
  const { metadata } = await env.ready("keys", "True/Published");
  await env.apply("keys", custom({ A: from("upstream", "a") }));
  await env.ready("keys", "False/SourceNotFound");
  await env.apply("keys", custom({ A: from("upstream", "a"), B: "1" }));
  await env.ready("keys", "False/SourceNotFound");
  await env.putSecret("upstream", { b: "1" });
  await env.ready("keys", "False/SourceKeyNotFound");
  await env.putSecret("upstream", { a: "1" });
  await env.ready("keys", "True/Published");
  await eventually(async () => {
    assert.equal(await told(env, "keys"), [
      "Normal Published Publish",
      "Normal Published Publish",
      "Warning SourceNotFound Publish",
      "Warning SourceKeyNotFound Publish",
      "Normal Published Publish",
    ]);
  });
  const first = (await env.events("keys")).find(({ type }) => type === "Warning");
  assert.is(first?.reportingController, "appsecret-operator");
  assert.is(first?.regarding.uid, metadata.uid);
  assert.match(first?.note ?? "", 'refers to Secret "upstream", which does not exist');
  const { stdout } = await env.kubectl(["describe", "asec", "keys"]);
  assert.match(
    stdout,
    /Warning +SourceNotFound +\S+ +appsecret-operator +spec\.custom\.data\[A\] refers to Secret "upstream"/,
  );
});

promise("events are in the order of time, whoever lists them, and a new message is a new one", async (env) => {
  for (const number of [1, 2, 3, 4]) {
    await env.apply("orders", custom({ [`KEY_${number}`]: "1" }));
    await eventually(async () => assert.is((await env.appSecret("orders")).status?.secret?.generation, number));
  }
  for (const missing of ["one", "two"]) {
    await env.apply("orders", custom({ A: from(missing, "a") }));
    await eventually(async () => {
      assert.match(condition(await env.appSecret("orders"), "Ready").message, `refers to Secret "${missing}"`);
    });
  }
  const inOrder = ["Published", "Published", "Published", "Published", "SourceNotFound", "SourceNotFound"];
  await eventually(async () => assert.is((await env.events("orders")).length, inOrder.length));
  const { stdout } = await env.kubectl(["describe", "asec", "orders"]);
  const lines = stdout.split("\n").filter((line) => /^ +(Normal|Warning) /.test(line));
  const numbers = lines.map((line) => /(?:generation |KEY_)(\d)\.$/.exec(line)?.[1]).slice(0, 4);
  assert.equal(numbers, ["1", "2", "3", "4"], stdout);
  assert.equal(
    lines.map((line) => line.trim().split(/ +/)[1]),
    inOrder,
  );
  for (const command of [
    ["events", "--for", "asec/orders"],
    ["get", "events"],
  ]) {
    const listed = (await env.kubectl([...command, "--no-headers"])).stdout.trim().split("\n");
    assert.equal(
      listed.map((line) => line.split(/ +/)[2]),
      inOrder,
      listed.join("\n"),
    );
  }
  const { items } = await env.api.get<{ items: { lastTimestamp: string; eventTime: string }[] }>(
    `/api/v1/namespaces/${env.namespace}/events`,
  );
  for (const { lastTimestamp, eventTime } of items) assert.is(lastTimestamp, `${eventTime.slice(0, 19)}Z`);
});

promise("an event tells when a Secret was put right, and when it was made again", async (env) => {
  await env.apply("orders", custom({ A: "1" }));
  await env.ready("orders", "True/Published");
  await env.patchSecret("orders", { data: { EXTRA: "eA==" } });
  await eventually(async () =>
    assert.equal(await told(env, "orders"), ["Normal Published Publish", "Normal Restored Publish"]),
  );
  await env.deleteSecret("orders");
  await eventually(async () => {
    const events = await env.events("orders");
    assert.equal(
      events.map(({ note }) => note),
      [
        'Secret "orders" holds generation 1.',
        'Secret "orders" was modified by somebody else and has been restored.',
        'Secret "orders" was deleted and has been recreated.',
      ],
    );
  });
});

promise("somebody's own label on the Secret is no event", async (env) => {
  await env.apply("orders", custom({ A: "1" }));
  await env.ready("orders", "True/Published");
  const { metadata } = await env.patchSecret("orders", { metadata: { labels: { backup: "daily" } } });
  await eventually(async () => {
    assert.is((await env.appSecret("orders")).status?.secret?.resourceVersion, metadata.resourceVersion);
  });
  assert.is((await env.secret("orders")).metadata.resourceVersion, metadata.resourceVersion);
  assert.equal(await told(env, "orders"), ["Normal Published Publish"]);
});

run();
