/** The Applications of Argo CD and the Kustomizations of Flux keep the environments that are there, and look at all of each. */
import { existsSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse, parseAllDocuments } from "yaml";
import { runKubectl } from "#testbed/control-plane/kubectl";

type Reference = { kind: string; name: string; namespace: string };
type Application = { spec: { source: { path: string }; destination: { namespace: string } } };
type Kustomization = {
  spec: { path: string; prune: boolean; sourceRef: Reference; healthChecks: Reference[]; healthCheckExprs: object[] };
};

const read = (path: string): unknown => parse(readFileSync(`examples/gitops/${path}`, "utf8"));

for (const environment of ["staging", "production"]) {
  const folder = `examples/gitops/${environment}`;

  test(`Argo CD keeps ${environment}`, () => {
    const { spec } = read(`argocd/${environment}.yaml`) as Application;
    assert.ok(existsSync(`${folder}/kustomization.yaml`));
    assert.is(spec.source.path, folder);
    assert.is(spec.destination.namespace, environment);
  });

  test(`Flux keeps ${environment}, and waits for each AppSecret of it`, async () => {
    const { spec } = read(`flux/${environment}.yaml`) as Kustomization;
    const source = read("flux/source.yaml") as { kind: string; metadata: { name: string } };
    assert.is(spec.path, `./${folder}`);
    // Those of staging are evaluated in gitops.test.ts.
    assert.equal(spec.healthCheckExprs, (read("flux/staging.yaml") as Kustomization).spec.healthCheckExprs);
    assert.equal(spec.sourceRef, { kind: source.kind, name: source.metadata.name });
    const { code, stdout, stderr } = await runKubectl("kubectl", ["kustomize", folder], { env: process.env });
    assert.is(code, 0, stderr);
    const appSecrets = parseAllDocuments(stdout)
      .map((one) => one.toJS() as { kind: string; metadata: { name: string; namespace: string } })
      .filter(({ kind }) => kind === "AppSecret")
      .map(({ metadata: { name, namespace } }) => `${namespace}/${name}`);
    assert.equal(spec.healthChecks.map(({ name, namespace }) => `${namespace}/${name}`).sort(), appSecrets.sort());
  });
}

test.run();
