/** The README is read more often than the code: what it says has to be true. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { parseSpec } from "#api/schema/spec";
import { Reason } from "#api/status";

const README = readFileSync("README.md", "utf8");
const snippets = [...README.matchAll(/```yaml\n([\s\S]*?)```/g)].map(
  ([, text]) => parse(text ?? "") as { spec?: unknown },
);

test("each AppSecret in it is valid, and there is one of each type and mode", () => {
  const kinds: string[] = [];
  for (const { spec } of snippets) {
    if (spec === undefined) continue;
    const parsed = parseSpec(spec);
    assert.ok(parsed.ok, JSON.stringify(parsed));
    kinds.push(parsed.spec.type === "Database" ? parsed.spec.database.mode : parsed.spec.type);
  }
  assert.equal(kinds, ["Authentication", "Database", "MongoDBAtlas", "Custom"]);
});

test("it explains every reason that a condition can have", () => {
  for (const reason of Object.values(Reason)) assert.match(README, `\`${reason}\``);
});

test("every file and folder that it links to exists", () => {
  const links = [...README.matchAll(/\]\(([^)#]+)\)/g)].map(([, path]) => path ?? "");
  assert.ok(links.length > 3);
  for (const link of links) assert.ok(existsSync(link), link);
});

test("every make target and npm script that it names exists", () => {
  const makefile = readFileSync("Makefile", "utf8");
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
  for (const [, target] of README.matchAll(/`make ([a-z0-9-]+)`/g)) assert.match(makefile, `\n${target}:`);
  for (const [, script] of README.matchAll(/npm (?:run )?(start|demo|dev)\b/g)) assert.ok(script && scripts[script]);
});

test("`make` alone lists every target that can be asked for, as the README says", () => {
  const [, phony = ""] = /^\.PHONY: (.*)$/m.exec(readFileSync("Makefile", "utf8")) ?? [];
  const { stdout } = spawnSync("make", { encoding: "utf8" });
  const listed = [...stdout.matchAll(/^ {2}make (\S+)/gm)].map(([, target]) => target ?? "");
  assert.equal(listed.sort(), phony.split(" ").sort());
});

test.run();
