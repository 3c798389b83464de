import { HOLDS_LABEL } from "#api/names";
import type { AppSecret } from "#api/schema/spec";
import type { Environment } from "#support/operator/environment";
import { base64 } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { custom, database, from, login } from "#support/operator/specs";
import type { Stage } from "./stage.ts";
import { gone, holdsOnly, ready } from "#support/operator/waits";

/** A short story about the operator: every kind of write that it makes is in one of them. */
export type Scenario = {
  /** What it does, as a clause: "a Custom AppSecret is created". */
  name: string;
  /** What is there before. */
  prepare?: (env: Environment, stage: Stage) => Promise<unknown>;
  /** What people do. Each waits for what it leads to before the next. */
  act: (env: Environment, stage: Stage) => Promise<unknown>;
};

/**
 * A new operator is soon there; but kube-controller-manager looks for new kinds of owners every 30 s only, and collects
 * nothing of a CRD that was just applied.
 */
const PATIENCE_MS = 60_000;

const OLD = { target: { name: "old" } };
const NEW = { target: { name: "new" } };
const LABELLED = { target: { labels: { team: "payments" } } };
const RESTART = { restart: ["web", "api"].map((name) => ({ kind: "Deployment", name })) };

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "a Custom AppSecret with a source is created",
    prepare: (env) => env.putSecret("upstream", { token: "one" }),
    act: async (env) => {
      await env.apply("keys", custom({ TOKEN: from("upstream", "token"), PLAIN: "p" }));
      await ready(env, "keys", "True/Published", PATIENCE_MS);
    },
  },
  {
    name: "an Authentication is created",
    act: async (env) => {
      await env.apply("web-login", login());
      await ready(env, "web-login", "True/PublishedUnverified", PATIENCE_MS);
    },
  },
  {
    name: "a Database is created",
    act: async (env) => {
      await env.apply("orders-db", database());
      await ready(env, "orders-db", "True/PublishedUnverified", PATIENCE_MS);
    },
  },
  {
    name: "a value is edited, a key dropped",
    prepare: (env) => published(env, "keys", custom({ A: "1", B: "2" })),
    act: (env) => published(env, "keys", custom({ A: "3" })),
  },
  {
    name: "the target is renamed",
    prepare: (env) => published(env, "keys", custom({ A: "1" }, OLD)),
    act: async (env) => {
      await published(env, "keys", custom({ A: "1" }, NEW));
      await gone(env, "old", PATIENCE_MS);
    },
  },
  {
    name: "an Authentication is disabled and enabled again",
    prepare: (env) => published(env, "web-login", login()),
    act: async (env) => {
      await env.apply("web-login", login({ authentication: { enabled: false } }));
      await ready(env, "web-login", "True/Disabled", PATIENCE_MS);
      await gone(env, "web-login", PATIENCE_MS);
      await published(env, "web-login", login());
    },
  },
  {
    name: "a source changes",
    prepare: async (env) => {
      await env.putSecret("upstream", { token: "one" });
      await published(env, "keys", custom({ TOKEN: from("upstream", "token") }));
    },
    act: async (env) => {
      await env.putSecret("upstream", { token: "two" });
      await holdsOnly(env, "keys", { TOKEN: "two" }, PATIENCE_MS);
    },
  },
  {
    name: "values change that workloads restart for, by an edit and by a source",
    prepare: async (env) => {
      await env.putSecret("upstream", { token: "one" });
      for (const workload of ["web", "api"]) await env.putWorkload(workload);
      await published(env, "keys", custom({ A: "1", TOKEN: from("upstream", "token") }, RESTART));
    },
    act: async (env) => {
      await published(env, "keys", custom({ A: "2", TOKEN: from("upstream", "token") }, RESTART));
      await restarted(env, 1);
      await published(env, "keys", custom({ A: "2", TOKEN: from("upstream", "token") }, { ...RESTART, ...LABELLED }));
      await env.putSecret("upstream", { token: "two" });
      await restarted(env, 2);
    },
  },
  {
    name: "a value changes that workloads restart for, and the Secret's name",
    prepare: async (env) => {
      for (const workload of ["web", "api"]) await env.putWorkload(workload);
      await published(env, "keys", custom({ A: "1" }, { ...RESTART, ...OLD }));
    },
    act: async (env) => {
      await published(env, "keys", custom({ A: "2" }, { ...RESTART, ...NEW }));
      await restarted(env, 1);
      await gone(env, "old", PATIENCE_MS);
    },
  },
  {
    name: "a source goes and comes back with another value",
    prepare: async (env) => {
      await env.putSecret("upstream", { token: "one" });
      await published(env, "keys", custom({ TOKEN: from("upstream", "token") }));
    },
    act: async (env) => {
      await env.deleteSecret("upstream");
      await ready(env, "keys", "False/SourceNotFound", PATIENCE_MS);
      await env.putSecret("upstream", { token: "two" });
      await ready(env, "keys", "True/Published", PATIENCE_MS);
    },
  },
  {
    name: "a published Secret is deleted by hand",
    prepare: (env) => published(env, "keys", custom({ A: "1" })),
    act: async (env) => {
      await env.deleteSecret("keys");
      await holdsOnly(env, "keys", { A: "1" }, PATIENCE_MS);
    },
  },
  {
    name: "a published Secret is edited by hand",
    prepare: (env) => published(env, "keys", custom({ A: "1" })),
    act: async (env) => {
      await env.patchSecret("keys", { data: { A: base64("edited"), EXTRA: base64("x") } });
      await holdsOnly(env, "keys", { A: "1" }, PATIENCE_MS);
    },
  },
  {
    name: "a published Secret is emptied by hand",
    prepare: (env) => published(env, "keys", custom({ A: "1" })),
    act: async (env) => {
      await env.patchSecret("keys", { data: null });
      await holdsOnly(env, "keys", { A: "1" }, PATIENCE_MS);
    },
  },
  {
    name: "a retained Secret is renamed, and its AppSecret deleted",
    prepare: (env) => published(env, "keys", custom({ A: "1" }, { ...OLD, deletionPolicy: "Retain" })),
    act: async (env) => {
      await published(env, "keys", custom({ A: "1" }, { ...NEW, deletionPolicy: "Retain" }));
      await gone(env, "old", PATIENCE_MS);
      await env.deleteAppSecret("keys");
    },
  },
  {
    name: "the deletionPolicy becomes Retain, and Delete again",
    prepare: (env) => published(env, "keys", custom({ A: "1" })),
    act: async (env) => {
      await published(env, "keys", custom({ A: "1" }, { deletionPolicy: "Retain" }));
      await published(env, "keys", custom({ A: "1" }));
    },
  },
  {
    name: "a retained Secret is taken up again by an AppSecret of the same name",
    prepare: async (env) => {
      await published(env, "keys", custom({ A: "1" }, { deletionPolicy: "Retain" }));
      await env.deleteAppSecret("keys");
    },
    act: (env) => published(env, "keys", custom({ A: "2" })),
  },
  {
    name: "a second Authentication slips past the admission policy",
    prepare: (env) => published(env, "first", login()),
    act: async (env, stage) => {
      await slipPast(env, stage, "second", login());
      await ready(env, "second", "False/Duplicate", PATIENCE_MS);
      await eventually(async () => {
        if ((await env.appSecret("first")).metadata.labels?.[HOLDS_LABEL] === undefined) throw new Error("no label");
      });
    },
  },
  {
    name: "the holder is deleted and the duplicate is promoted",
    prepare: async (env, stage) => {
      await published(env, "first", database());
      await slipPast(env, stage, "second", database({ target: { keys: { MONGODB_URI: "URL" } } }));
      await ready(env, "second", "False/Duplicate", PATIENCE_MS);
    },
    act: async (env) => {
      await env.deleteAppSecret("first");
      await ready(env, "second", "True/PublishedUnverified", PATIENCE_MS);
      await gone(env, "first", PATIENCE_MS);
    },
  },
  {
    name: "a foreign Secret stands in the way, and goes",
    prepare: (env) => env.putSecret("keys", { A: "theirs" }),
    act: async (env) => {
      await env.apply("keys", custom({ A: "ours" }));
      await ready(env, "keys", "False/SecretNotOwned", PATIENCE_MS);
      await env.deleteSecret("keys");
      await ready(env, "keys", "True/Published", PATIENCE_MS);
    },
  },
  {
    name: "an AppSecret is suspended, edited and resumed",
    prepare: (env) => published(env, "keys", custom({ A: "1" })),
    act: async (env) => {
      await env.apply("keys", custom({ A: "1" }, { suspend: true }));
      await ready(env, "keys", "True/Suspended", PATIENCE_MS);
      await env.apply("keys", custom({ A: "2" }, { suspend: true }));
      await ready(env, "keys", "True/Suspended", PATIENCE_MS);
      await published(env, "keys", custom({ A: "2" }));
    },
  },
];

/** Nobody answers a live check here, so what has one is published without a yes. */
async function published(env: Environment, name: string, spec: object): Promise<void> {
  const { spec: applied } = await env.apply(name, spec);
  await ready(env, name, applied.type === "Custom" ? "True/Published" : "True/PublishedUnverified", PATIENCE_MS);
}

async function restarted(env: Environment, times: number): Promise<void> {
  await eventually(async () => {
    for (const workload of ["web", "api"]) {
      const count = await env.restarts(workload);
      if (count !== times) throw new Error(`${workload} was restarted ${count} times`);
    }
    const { status } = await env.appSecret("keys");
    if (status?.secret?.contentVersion !== times + 1) throw new Error("the status does not tell of it");
  }, PATIENCE_MS);
}

/**
 * Past the admission policy, as two creations at the same instant get: the holder's label is what the policy reads. The
 * operator is paused meanwhile, or it would put the label back before the policy has seen that it is gone.
 */
async function slipPast(env: Environment, { operator }: Stage, name: string, spec: object): Promise<void> {
  process.kill(operator.pid, "SIGSTOP");
  try {
    const { items } = await env.api.get<{ items: AppSecret[] }>(env.paths.appSecrets);
    for (const { metadata } of items.filter((item) => item.metadata.labels?.[HOLDS_LABEL] !== undefined)) {
      await env.api.merge(env.paths.appSecret(metadata.name), { metadata: { labels: { [HOLDS_LABEL]: null } } });
    }
    await eventually(() => env.apply(name, spec));
  } finally {
    process.kill(operator.pid, "SIGCONT");
  }
}
