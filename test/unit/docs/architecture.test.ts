/** docs/architecture.md and CONTRIBUTING.md name what the code has: the map is right, or a test fails. */
import { existsSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Step } from "#plan/decision";
import { RULES } from "#plan/rules";
import { CHECKS } from "#verify/checks";
import * as verdicts from "#verify/verdict";
import { read } from "./pages.ts";

const ARCHITECTURE = read("docs/architecture.md");
const CONTRIBUTING = read("CONTRIBUTING.md");

/** The text from a heading to the next one of the same level. */
function section(page: string, heading: string): string {
  const [level = "##"] = heading.split(" ");
  const [, text = ""] = page.split(`\n${heading}\n`);
  return text.split(`\n${level} `)[0] ?? "";
}

function firstCells(text: string): string[] {
  return [...text.matchAll(/^ *\| `(\w+)` /gm)].map(([, name = ""]) => name);
}

test("the table of rules is the list of rules, in its order", () => {
  const rules = firstCells(section(ARCHITECTURE, "### The rules"));
  assert.equal(
    rules,
    RULES.map((rule) => rule.name),
  );
});

test("walk 1 has every kind of step", () => {
  const kinds = { ReadSources: true, ReadPublished: true, Check: true, Wait: true, Decision: true } satisfies Record<
    Step["kind"],
    true
  >;
  const walk = section(ARCHITECTURE, "## Walk 1: from a watch event to the Secret");
  for (const kind of Object.keys(kinds)) assert.match(walk, new RegExp(`│ .*\\b${kind}\\b`), kind);
});

test("walk 2 has every check, each in a folder of its own", () => {
  const walk = section(ARCHITECTURE, "## Walk 2: from a check's answer to the condition");
  const [, listed = ""] = /the check of its kind: (.*)/.exec(walk) ?? [];
  const folders = Object.keys(CHECKS).map((kind) => kind.toLowerCase());
  assert.equal(listed.split(", "), folders);
  for (const folder of folders) assert.ok(existsSync(`operator/verify/${folder}/index.ts`), folder);
});

test("every file and folder that a walk names exists", () => {
  const diagrams = [...ARCHITECTURE.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);
  const rooms = "common|api|plan|verify|kube|observe|controller|process";
  const named = diagrams.flatMap((text) => [...text.matchAll(new RegExp(`\\b(?:${rooms})/[\\w/-]+`, "g"))]).flat();
  assert.ok(named.length >= 15, named.join(" "));
  for (const path of named) {
    assert.ok(existsSync(`operator/${path}`) || existsSync(`operator/${path}.ts`), path);
  }
});

test("the recipe for a check has every function that makes a verdict", () => {
  assert.equal(firstCells(section(CONTRIBUTING, "## Add a check")).toSorted(), Object.keys(verdicts).toSorted());
});

test.run();
