/** Argo CD's health script, with its tests in the layout of Argo CD's own, in the Lua that Argo CD runs. */
import { readFileSync, readdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { FOLDER, health } from "#support/gitops/health-script";
import type { Health } from "#support/gitops/health-script";

const { tests } = parse(readFileSync(`${FOLDER}/health_test.yaml`, "utf8")) as {
  tests: { healthStatus: Health; inputPath: string }[];
};

for (const { healthStatus, inputPath } of tests) {
  test(`${inputPath} is ${healthStatus.status}`, async () => {
    assert.equal(await health(parse(readFileSync(`${FOLDER}/${inputPath}`, "utf8"))), healthStatus);
  });
}

test("every object of testdata is tested", () => {
  const used = tests.map(({ inputPath }) => inputPath.replace("testdata/", ""));
  assert.equal(readdirSync(`${FOLDER}/testdata`).sort(), used.sort());
});

test("the snippet for argocd-cm has the same script", () => {
  const { data } = parse(readFileSync("gitops/argocd/argocd-cm.yaml", "utf8")) as { data: Record<string, string> };
  assert.is(
    data["resource.customizations.health.appsecret.dev_AppSecret"],
    readFileSync(`${FOLDER}/health.lua`, "utf8"),
  );
});

test.run();
