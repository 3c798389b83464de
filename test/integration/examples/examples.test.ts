import { readdirSync, readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { parseAllDocuments } from "yaml";
import type { Environment } from "#support/operator/environment";
import { operatorSuite } from "#support/operator/suite";

/** The examples do what their comments say. */
const { promise, run } = operatorSuite("examples");

type Manifest = { kind: string; metadata: { name: string; namespace?: string }; [field: string]: unknown };
type Workload = {
  spec: {
    template: {
      spec: {
        containers: {
          envFrom: { secretRef: { name: string } }[];
          env?: { name: string; value: string }[];
          volumeMounts: { mountPath: string }[];
        }[];
        volumes: { secret: { secretName: string } }[];
      };
    };
  };
};

const DEPLOYMENT = "examples/workload/deployment.yaml";
const PROGRAM = "examples/workload/orders.ts";

function manifests(yaml: string): Manifest[] {
  return parseAllDocuments(yaml).map((document) => document.toJS() as Manifest);
}

/** As `# Published as Secret "orders-db", with the keys MONGODB_URI and DATABASE_NAME.` has it. */
function promised(file: string): { secret: string; keys: string[] } {
  const comment = readFileSync(file, "utf8").replaceAll("\n# ", " ");
  const [, secret = "", keys = ""] = /Published as Secret "([^"]+)", with the keys ([A-Z_, and]+)/.exec(comment) ?? [];
  return { secret, keys: (keys.match(/[A-Z_]{2,}/g) ?? []).sort() };
}

/** What kustomize makes of an environment, in the test's own namespace. */
async function gitOps(env: Environment, folder: string): Promise<Manifest[]> {
  const { code, stdout, stderr } = await env.kubectl(["kustomize", `examples/gitops/${folder}`]);
  assert.is(code, 0, stderr);
  const all = manifests(stdout);
  assert.equal(
    all.filter(({ kind }) => kind === "Namespace").map(({ metadata }) => metadata.name),
    [folder],
  );
  const rest = all.filter(({ kind }) => kind !== "Namespace");
  for (const { metadata } of rest) {
    assert.is(metadata.namespace, folder);
    metadata.namespace = env.namespace;
  }
  return rest;
}

async function apply(env: Environment, all: Manifest[]): Promise<void> {
  const { code, stderr } = await env.kubectl(
    ["apply", "-f", "-"],
    all.map((one) => JSON.stringify(one)).join("\n---\n"),
  );
  assert.is(code, 0, stderr);
}

promise("all of them together are valid in one namespace, and publish what their comments say", async (env) => {
  const { code, stderr } = await env.kubectl(["apply", "-f", "examples/", "-f", "examples/workload/"]);
  assert.is(code, 0, stderr);
  const files = readdirSync("examples").filter((name) => name.endsWith(".yaml"));
  assert.is(files.length, 3);
  const published = new Map<string, string[]>();
  for (const file of files) {
    const { secret, keys } = promised(`examples/${file}`);
    const [appSecret] = manifests(readFileSync(`examples/${file}`, "utf8")).filter(({ kind }) => kind === "AppSecret");
    // The operator of these tests is offline: what has a live check is published without one, and says so.
    const isChecked = (appSecret as unknown as { spec: { type: string } }).spec.type !== "Custom";
    const reason = isChecked ? "PublishedUnverified" : "Published";
    const { status } = await env.ready(appSecret!.metadata.name, `True/${reason}`);
    assert.is(status?.secret?.name, secret);
    assert.equal(Object.keys(await env.values(secret)), keys);
    published.set(secret, keys);
  }

  const { containers, volumes } = (manifests(readFileSync(DEPLOYMENT, "utf8"))[0] as unknown as Workload).spec.template
    .spec;
  const { envFrom, env: own = [], volumeMounts } = containers[0]!;
  const fromSecrets = envFrom.map(({ secretRef }) => secretRef.name);
  const read = [...fromSecrets, ...volumes.map(({ secret }) => secret.secretName)];
  assert.equal(read.sort(), [...published.keys()].sort());

  // The program that it runs gets every variable without which it does not start.
  const wanted = [...readFileSync(PROGRAM, "utf8").matchAll(/required\("(\w+)"\)/g)].map(([, name]) => name!);
  const given = [...fromSecrets.flatMap((name) => published.get(name) ?? []), ...own.map(({ name }) => name)];
  assert.equal(given.sort(), wanted.sort());
  assert.equal(own, [{ name: "SETTINGS_DIR", value: volumeMounts[0]?.mountPath }]);
});

for (const [environment, database, credentials] of [
  ["staging", "database.yaml", { uri: "mongodb://orders:x@db.example.com/orders" }],
  ["production", "database-atlas.yaml", { "public-key": "a", "private-key": "b", password: "c" }],
] as const) {
  promise(`${environment} has no secret value in the repository, and is ready once its own are there`, async (env) => {
    const all = await gitOps(env, environment);
    assert.equal([...new Set(all.map(({ kind }) => kind))], ["AppSecret"]);
    assert.not.match(JSON.stringify(all), '"value"');
    await apply(env, all);
    await env.ready("orders-login", "True/PublishedUnverified");
    await env.ready("orders-db", "False/SourceNotFound");

    await env.putSecret(environment === "staging" ? "mongodb-credentials" : "atlas-credentials", credentials);
    if (environment === "staging") {
      await env.ready("orders-db", "True/PublishedUnverified");
      assert.equal(Object.keys(await env.values("orders-db")), ["DATABASE_NAME", "MONGODB_URI"]);
      return;
    }
    // Nobody but Atlas knows the address of the cluster, and this operator asks nobody. The demo's does.
    await env.ready("orders-db", "False/Unreachable");
    await apply(env, all.map(withoutCheck));
    await env.ready("orders-db", "True/Published");
    const expected = promised(`examples/gitops/${environment}/${database}`).keys;
    assert.ok(expected.includes("MONGODB_URI"));
    assert.equal(
      Object.keys(await env.values("orders-db")),
      expected.filter((key) => key !== "MONGODB_URI"),
    );
  });
}

function withoutCheck(manifest: Manifest): Manifest {
  return { ...manifest, spec: { ...(manifest["spec"] as object), verify: "Off" } };
}

promise("what the server and the operator add to an AppSecret is no difference to a GitOps tool", async (env) => {
  const all = await gitOps(env, "staging");
  await apply(env, all);
  await env.ready("orders-login", "True/PublishedUnverified");
  const input = all.map((one) => JSON.stringify(one)).join("\n---\n");
  const { code, stdout } = await env.kubectl(["diff", "-f", "-"], input);
  assert.is(code, 0, stdout);
});

run();
