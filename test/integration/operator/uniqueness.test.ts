import * as assert from "uvu/assert";
import type { AppSecret } from "#api/schema/spec";
import type { Environment } from "#support/operator/environment";
import { condition, state } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { atlas, database, login } from "#support/operator/specs";
import type { OperatorHandle } from "#support/operator/suite";
import { operatorSuite } from "#support/operator/suite";

/** One Authentication and one Database per namespace: refused at apply, and decided by the operator. */
const { promise, run } = operatorSuite("uniqueness");

const label = ({ metadata }: AppSecret) => metadata.labels?.["appsecret.dev/holds"];

/**
 * Past the admission policy, as two creations at the same instant get: the holder's label is what the policy reads. The
 * operator is paused meanwhile, or it would put the label back before the policy has seen that it is gone.
 */
async function slipPast(env: Environment, { now }: OperatorHandle, name: string, spec: object): Promise<void> {
  process.kill(now.pid, "SIGSTOP");
  try {
    const { items } = await env.api.get<{ items: AppSecret[] }>(env.paths.appSecrets);
    for (const holder of items.filter((item) => label(item) !== undefined)) {
      await env.api.merge(env.paths.appSecret(holder.metadata.name), {
        metadata: { labels: { "appsecret.dev/holds": null } },
      });
    }
    await eventually(() => env.apply(name, spec));
  } finally {
    process.kill(now.pid, "SIGCONT");
  }
}

promise("a second one is refused at apply, and the refusal names the holder", async (env) => {
  await env.apply("web-login", login());
  await env.ready("web-login", "True/PublishedUnverified");
  const second = { apiVersion: "appsecret.dev/v1", kind: "AppSecret", metadata: { name: "other" }, spec: login() };
  // The policy acts some seconds after the API server has learned of it.
  await eventually(async () => {
    const { code, stderr } = await env.kubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(second));
    assert.is(code, 1);
    assert.match(stderr, "already has an AppSecret of type Authentication: web-login");
  }, 60_000);
  const { code, stderr } = await env.kubectl(["apply", "-f", "-"], JSON.stringify(second));
  assert.is(code, 1);
  assert.match(stderr, /: web-login\. A namespace can have only one\. Change that one, or delete it first\./);
});

promise("an Authentication and a Database live side by side", async (env) => {
  await env.apply("web-login", login());
  await env.apply("orders-db", database());
  assert.is(label(await env.ready("web-login", "True/PublishedUnverified")), "Authentication");
  assert.is(label(await env.ready("orders-db", "True/PublishedUnverified")), "Database");
});

promise(
  "the holder keeps its place, the other one names it, publishes nothing, and follows at once when it goes",
  async (env, operator) => {
    await env.apply("first", login());
    await env.ready("first", "True/PublishedUnverified");
    const secrets = await env.recordSecrets();
    await slipPast(env, operator, "second", login());
    const second = await env.ready("second", "False/Duplicate");
    assert.is(state(second, "Accepted"), "False/Duplicate");
    assert.is(state(second, "Published"), "False/NotPublished");
    assert.is(state(second, "Stalled"), "True/Duplicate");
    assert.is(state(second, "Reconciling"), "");
    assert.match(condition(second, "Ready").message, 'AppSecret "first" already holds the Authentication');
    assert.is(label(second), undefined);
    await eventually(async () => assert.is(label(await env.appSecret("first")), "Authentication"));
    assert.equal(secrets.events, []);

    await env.deleteAppSecret("first");
    const promoted = await env.ready("second", "True/PublishedUnverified");
    assert.is(label(promoted), "Authentication");
    assert.is(state(promoted, "Stalled"), "");
    assert.is((await env.values("second"))["AUDIENCE"], "orders-api");
  },
);

promise("of several that wait, one is promoted and the others name it", async (env, operator) => {
  const waiting = ["b", "c", "d"];
  await env.apply("first", database());
  await env.ready("first", "True/PublishedUnverified");
  for (const name of waiting) await slipPast(env, operator, name, database());
  for (const name of waiting) await env.ready(name, "False/Duplicate");
  await env.deleteAppSecret("first");
  // Which one: the oldest, but creation times are whole seconds and these three may have the same.
  await eventually(async () => {
    const all = await Promise.all(waiting.map((name) => env.appSecret(name)));
    const [promoted, ...more] = all.filter((one) => state(one, "Ready") === "True/PublishedUnverified");
    assert.ok(promoted && more.length === 0);
    for (const other of all) {
      if (other === promoted) continue;
      assert.is(state(other, "Ready"), "False/Duplicate");
      assert.match(
        condition(other, "Ready").message,
        `AppSecret "${promoted.metadata.name}" already holds the Database`,
      );
    }
  });
});

promise("both modes of a Database are one type", async (env, operator) => {
  await env.apply("by-uri", database());
  await env.ready("by-uri", "True/PublishedUnverified");
  await slipPast(env, operator, "by-atlas", atlas());
  await env.ready("by-atlas", "False/Duplicate");
});

promise("a disabled or suspended holder still holds its type", async (env, operator) => {
  await env.apply("first", login({ authentication: { enabled: false } }));
  await env.ready("first", "True/Disabled");
  await slipPast(env, operator, "second", login());
  await env.ready("second", "False/Duplicate");
  await env.apply("first", login({ suspend: true }));
  await env.ready("first", "True/Suspended");
  assert.is(state(await env.appSecret("second"), "Ready"), "False/Duplicate");
});

promise(
  "the holder's label is put back when somebody removes it, and taken from whoever pretends to hold",
  async (env, operator) => {
    await env.apply("first", login());
    await env.ready("first", "True/PublishedUnverified");
    await slipPast(env, operator, "second", login());
    await env.ready("second", "False/Duplicate");
    for (const [name, holds] of [
      ["first", null],
      ["first", "Database"],
      ["second", "Authentication"],
    ] as const) {
      await env.api.merge(env.paths.appSecret(name), { metadata: { labels: { "appsecret.dev/holds": holds } } });
      await eventually(async () => {
        assert.is(label(await env.appSecret("first")), "Authentication");
        assert.is(label(await env.appSecret("second")), undefined);
      });
    }
    assert.is(state(await env.appSecret("first"), "Ready"), "True/PublishedUnverified");
  },
);

promise("the holder is the same after a restart, also when it is not the oldest", async (env, operator) => {
  await env.apply("oldest", login());
  await env.ready("oldest", "True/PublishedUnverified");
  await slipPast(env, operator, "younger", login());
  await env.deleteAppSecret("oldest");
  await env.ready("younger", "True/PublishedUnverified");
  await slipPast(env, operator, "a-third", login());
  await env.ready("a-third", "False/Duplicate");
  const { metadata } = await env.secret("younger");
  await operator.restart();
  await env.apply("a-third", login({ authentication: { audience: "changed" } }));
  await env.ready("a-third", "False/Duplicate");
  assert.is(state(await env.appSecret("younger"), "Ready"), "True/PublishedUnverified");
  assert.is((await env.secret("younger")).metadata.resourceVersion, metadata.resourceVersion);
});

const ROUNDS = 25;

for (const [what, spec, other] of [
  ["Authentications", login(), login()],
  ["Databases", database(), { ...atlas(), verify: "Off" }],
] as const) {
  promise(
    `of two ${what} created at the same instant one publishes, and no Secret of the other ever exists`,
    async (env) => {
      const secrets = await env.recordSecrets();
      const written = (name: string) => secrets.events.filter(({ object }) => object.metadata.name === name).length;
      let races = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        const names = [`left-${round}`, `right-${round}`];
        const created = await Promise.allSettled(
          names.map((name, index) => env.apply(name, index === 0 ? spec : other)),
        );
        // The policy may have seen the first one in time: then there was no race.
        if (created.every(({ status }) => status === "fulfilled")) {
          races += 1;
          const both = await Promise.all(names.map((name) => env.evaluated(name)));
          const winner = both.find((one) => state(one, "Ready").startsWith("True/Published"));
          const loser = both.find((one) => state(one, "Ready") === "False/Duplicate");
          assert.ok(winner && loser, `round ${round}: ${both.map((one) => state(one, "Ready")).join(", ")}`);
          assert.match(condition(loser, "Ready").message, `AppSecret "${winner.metadata.name}" already holds`);
          await eventually(() => assert.ok(written(winner.metadata.name) > 0));
          assert.is(written(loser.metadata.name), 0, `round ${round}: a Secret of the loser existed`);
          // The loser first: were it the winner, the loser would rightly be promoted.
          await env.deleteAppSecret(loser.metadata.name);
          assert.is(written(loser.metadata.name), 0);
        }
        for (const name of names) await env.deleteAppSecret(name);
      }
      assert.ok(races >= ROUNDS / 2, `only ${races} of ${ROUNDS} rounds were races`);
    },
  );
}

run();
