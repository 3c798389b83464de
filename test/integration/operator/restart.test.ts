import * as assert from "uvu/assert";
import { base64, decoded, state } from "#support/operator/environment";
import { COLLECTED_WITHIN_MS, eventually } from "#support/operator/eventually";
import { custom, from, login } from "#support/operator/specs";
import { operatorSuite } from "#support/operator/suite";

/** What happens while there is no operator is made up for when there is one again. */
const { promise, run } = operatorSuite("restart");

promise("what was applied, edited, deleted and renamed meanwhile is caught up with", async (env, operator) => {
  await env.putSecret("upstream", { token: "one" });
  const sourced = custom({ TOKEN: from("upstream", "token") });
  const before = {
    updated: custom({ A: "1" }),
    edited: custom({ A: "1" }),
    deleted: custom({ A: "1" }),
    renamed: custom({ A: "1" }, { target: { name: "renamed-old" } }),
    retained: custom({ A: "1" }, { deletionPolicy: "Retain", target: { name: "retained-old" } }),
    sourced: sourced,
    "web-login": login(),
  };
  for (const [name, spec] of Object.entries(before)) await env.apply(name, spec);
  for (const name of Object.keys(before)) {
    await env.ready(name, name === "web-login" ? "True/PublishedUnverified" : "True/Published");
  }

  await operator.restart(async () => {
    await env.apply("new", custom({ A: "new" }));
    await env.apply("updated", custom({ A: "2" }));
    await env.patchSecret("edited", { data: { A: base64("edited"), EXTRA: base64("x") } });
    await env.deleteSecret("deleted");
    await env.apply("renamed", custom({ A: "1" }, { target: { name: "renamed-new" } }));
    await env.apply("retained", custom({ A: "1" }, { deletionPolicy: "Retain", target: { name: "retained-new" } }));
    await env.putSecret("upstream", { token: "two" });
    await env.apply("web-login", login({ authentication: { enabled: false } }));
  });

  const expected: Record<string, Record<string, string> | undefined> = {
    new: { A: "new" },
    updated: { A: "2" },
    edited: { A: "1" },
    deleted: { A: "1" },
    "renamed-old": undefined,
    "renamed-new": { A: "1" },
    "retained-old": undefined,
    "retained-new": { A: "1" },
    sourced: { TOKEN: "two" },
    "web-login": undefined,
  };
  for (const [name, values] of Object.entries(expected)) {
    await eventually(async () => {
      const secret = await env.findSecret(name);
      assert.equal(secret && decoded(secret), values, name);
    });
  }
  await env.ready("web-login", "True/Disabled");
});

promise("an AppSecret that was deleted meanwhile leaves no Secret behind", async (env, operator) => {
  await env.apply("orders", custom({ A: "1" }));
  await env.ready("orders", "True/Published");
  await operator.restart(() => env.deleteAppSecret("orders"));
  await eventually(async () => assert.is(await env.findSecret("orders"), undefined), COLLECTED_WITHIN_MS);
});

promise(
  "an AppSecret that was replaced by one of the same name meanwhile has a Secret of its own",
  async (env, operator) => {
    await env.apply("orders", custom({ A: "1" }));
    await env.ready("orders", "True/Published");
    await operator.restart(async () => {
      await env.deleteAppSecret("orders");
      await env.apply("orders", custom({ A: "2" }));
    });
    const { metadata } = await env.ready("orders", "True/Published");
    await eventually(async () => {
      const secret = await env.secret("orders");
      assert.equal(decoded(secret), { A: "2" });
      assert.is(secret.metadata.ownerReferences?.[0]?.uid, metadata.uid);
    });
  },
);

promise("a source that went meanwhile is noticed", async (env, operator) => {
  await env.putSecret("upstream", { token: "one" });
  await env.apply("keys", custom({ TOKEN: from("upstream", "token") }));
  await env.ready("keys", "True/Published");
  await operator.restart(() => env.deleteSecret("upstream"));
  await env.ready("keys", "False/SourceNotFound");
  assert.equal(await env.values("keys"), { TOKEN: "one" });
});

promise("two that were created while there was no operator end with one holder", async (env, operator) => {
  await operator.restart(async () => {
    await env.apply("first", login());
    await env.apply("second", login());
  });
  // Of the same second, the smaller uid; else the older one.
  const states = await Promise.all(["first", "second"].map((name) => env.evaluated(name)));
  assert.equal(states.map((one) => state(one, "Ready")).sort(), ["False/Duplicate", "True/PublishedUnverified"]);
});

promise("a crash at any moment does no harm: the work is done once it runs again", async (env, operator) => {
  for (let round = 0; round < 3; round += 1) {
    const names = Array.from({ length: 10 }, (_, index) => `orders-${index}`);
    const applied = Promise.all(names.map((name) => env.apply(name, custom({ ROUND: `${round}` }))));
    await operator.crash();
    await applied;
    for (const name of names) {
      await env.ready(name, "True/Published");
      assert.equal(await env.values(name), { ROUND: `${round}` });
    }
  }
});

run();
