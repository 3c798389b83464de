/** The README is read more often than the code: what it says has to be true. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { API_VERSION, KIND } from "#api/names";
import { parseSpec } from "#api/schema/spec";
import { Reason } from "#api/status";
import { manifests, PAGES, read } from "./pages.ts";

const README = read("README.md");

/** The kinds of AppSecrets in a page, each of them valid. */
function appSecrets(page: string): string[] {
  return manifests(page)
    .filter(({ kind }) => kind === KIND)
    .map(({ apiVersion, spec }) => {
      assert.is(apiVersion, API_VERSION);
      const parsed = parseSpec(spec);
      assert.ok(parsed.ok, JSON.stringify(parsed));
      return parsed.spec.type === "Database" ? parsed.spec.database.mode : parsed.spec.type;
    });
}

test("each AppSecret in it is valid, and there is one of each type and mode", () => {
  assert.equal([...new Set(appSecrets("README.md"))], ["Authentication", "Database", "MongoDBAtlas", "Custom"]);
});

for (const page of PAGES.filter((name) => name !== "README.md")) {
  if (appSecrets(page).length > 0) test(`${page}: each AppSecret in it is valid`, () => void appSecrets(page));
}

test("docs/status.md and docs/live-checks.md explain every reason that a condition can have", () => {
  const explained = read("docs/status.md") + read("docs/live-checks.md");
  for (const reason of Object.values(Reason)) assert.match(explained, `\`${reason}\``);
});

test("the first screen says what it is and what it does not do, and what verify does comes before the first AppSecret", () => {
  const first = README.split("\n").slice(0, 40).join("\n");
  for (const word of ["plain Secret", "External Secrets", "Sealed Secrets", "does **not** do"]) {
    assert.match(first, word);
  }
  assert.match(README, "plain text, not base64");
  assert.ok(README.indexOf("| `Strict`") < README.indexOf("## Write an AppSecret"));
});

test("README, docs/install.md and the chart name the same versions of Kubernetes", () => {
  const { kubeVersion } = {
    kubeVersion: /^kubeVersion: "(.*)"$/m.exec(read("charts/appsecret-operator/Chart.yaml"))?.[1],
  };
  const [, oldest] = /^>=(\d+\.\d+)/.exec(kubeVersion ?? "") ?? [];
  assert.ok(oldest);
  for (const page of ["README.md", "docs/install.md"]) assert.match(read(page), `Kubernetes ${oldest} to 1.`);
});

test("`make` alone lists every target, as CONTRIBUTING.md says", () => {
  const [, phony = ""] = /^\.PHONY: (.*)$/m.exec(readFileSync("Makefile", "utf8")) ?? [];
  const { stdout } = spawnSync("make", { encoding: "utf8" });
  const listed = [...stdout.matchAll(/^ {2}make (\S+)/gm)].map(([, target]) => target ?? "");
  assert.equal(listed.sort(), phony.split(" ").sort());
});

test.run();
