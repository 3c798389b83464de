import { HOLDS_LABEL } from "../../operator/api/names.ts";
import type { AppSecret } from "../../operator/api/schema.ts";
import type { Environment } from "../integration/operator/harness/environment.ts";
import { base64, decoded } from "../integration/operator/harness/environment.ts";
import { eventually } from "../integration/operator/harness/eventually.ts";
import { custom, database, from, login } from "../integration/operator/harness/specs.ts";
import type { Stage } from "./stage.ts";

/** A short story about the operator: every kind of write that it makes is in one of them. */
export type Scenario = {
  /** What it does, as a clause: "a Custom AppSecret is created". */
  name: string;
  /** What is there before. */
  prepare?: (env: Environment, stage: Stage) => Promise<unknown>;
  /** What people do. Each waits for what it leads to before the next. */
  act: (env: Environment, stage: Stage) => Promise<unknown>;
};

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
      await env.ready("keys", "True/Published");
    },
  },
  {
    name: "an Authentication is created",
    act: async (env) => {
      await env.apply("web-login", login());
      await env.ready("web-login", "True/Published");
    },
  },
  {
    name: "a Database is created",
    act: async (env) => {
      await env.apply("orders-db", database());
      await env.ready("orders-db", "True/Published");
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
      await gone(env, "old");
    },
  },
  {
    name: "an Authentication is disabled and enabled again",
    prepare: (env) => published(env, "web-login", login()),
    act: async (env) => {
      await env.apply("web-login", login({ authentication: { enabled: false } }));
      await env.ready("web-login", "True/Disabled");
      await gone(env, "web-login");
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
      await holding(env, "keys", { TOKEN: "two" });
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
      await gone(env, "old");
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
      await env.ready("keys", "False/SourceNotFound");
      await env.putSecret("upstream", { token: "two" });
      await env.ready("keys", "True/Published");
    },
  },
  {
    name: "a published Secret is deleted by hand",
    prepare: (env) => published(env, "keys", custom({ A: "1" })),
    act: async (env) => {
      await env.deleteSecret("keys");
      await holding(env, "keys", { A: "1" });
    },
  },
  {
    name: "a published Secret is edited by hand",
    prepare: (env) => published(env, "keys", custom({ A: "1" })),
    act: async (env) => {
      await env.patchSecret("keys", { data: { A: base64("edited"), EXTRA: base64("x") } });
      await holding(env, "keys", { A: "1" });
    },
  },
  {
    name: "a published Secret is emptied by hand",
    prepare: (env) => published(env, "keys", custom({ A: "1" })),
    act: async (env) => {
      await env.patchSecret("keys", { data: null });
      await holding(env, "keys", { A: "1" });
    },
  },
  {
    name: "a retained Secret is renamed, and its AppSecret deleted",
    prepare: (env) => published(env, "keys", custom({ A: "1" }, { ...OLD, deletionPolicy: "Retain" })),
    act: async (env) => {
      await published(env, "keys", custom({ A: "1" }, { ...NEW, deletionPolicy: "Retain" }));
      await gone(env, "old");
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
      await env.ready("second", "False/Duplicate");
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
      await env.ready("second", "False/Duplicate");
    },
    act: async (env) => {
      await env.deleteAppSecret("first");
      await env.ready("second", "True/Published");
      await gone(env, "first");
    },
  },
  {
    name: "a foreign Secret stands in the way, and goes",
    prepare: (env) => env.putSecret("keys", { A: "theirs" }),
    act: async (env) => {
      await env.apply("keys", custom({ A: "ours" }));
      await env.ready("keys", "False/SecretNotOwned");
      await env.deleteSecret("keys");
      await env.ready("keys", "True/Published");
    },
  },
  {
    name: "an AppSecret is suspended, edited and resumed",
    prepare: (env) => published(env, "keys", custom({ A: "1" })),
    act: async (env) => {
      await env.apply("keys", custom({ A: "1" }, { suspend: true }));
      await env.ready("keys", "True/Suspended");
      await env.apply("keys", custom({ A: "2" }, { suspend: true }));
      await env.ready("keys", "True/Suspended");
      await published(env, "keys", custom({ A: "2" }));
    },
  },
];

async function published(env: Environment, name: string, spec: object): Promise<void> {
  await env.apply(name, spec);
  await env.ready(name, "True/Published");
}

/** kube-controller-manager looks for new kinds of owners every 30 s: it collects nothing of a CRD that was just applied. */
const COLLECTED_MS = 60_000;

async function gone(env: Environment, secret: string): Promise<void> {
  await eventually(async () => {
    if (await env.findSecret(secret)) throw new Error(`Secret ${secret} is still there`);
  }, COLLECTED_MS);
}

async function restarted(env: Environment, times: number): Promise<void> {
  for (const workload of ["web", "api"]) {
    await eventually(async () => {
      const count = await env.restarts(workload);
      if (count !== times) throw new Error(`${workload} was restarted ${count} times`);
    });
  }
  await eventually(async () => {
    if ((await env.appSecret("keys")).status?.secret?.contentVersion !== times + 1)
      throw new Error("it is not recorded");
  });
}

async function holding(env: Environment, name: string, data: Record<string, string>): Promise<void> {
  await eventually(async () => {
    const found = decoded(await env.secret(name));
    const isSame = JSON.stringify(Object.entries(found).sort()) === JSON.stringify(Object.entries(data).sort());
    if (!isSame) throw new Error(`Secret ${name} holds ${JSON.stringify(found)}`);
  });
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
