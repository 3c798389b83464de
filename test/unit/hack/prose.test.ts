/** `npm run check:prose`: what it finds, where, and what it leaves alone. */
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EVERYWHERE, findPhrases, PHRASES } from "../../../hack/lint/prose.ts";

const found = (text: string, file = "operator/plan/plan.ts") => findPhrases(file, text).map((each) => each.found);

test("a phrase is found with its line, whatever its case, and with what to write instead", () => {
  const [finding, ...others] = findPhrases("README.md", "One.\nTwo.\nWhoever reads this.\n");
  assert.equal(others, []);
  assert.equal([finding?.file, finding?.line, finding?.found], ["README.md", 3, "Whoever"]);
  assert.match(finding?.instead ?? "", "anyone who");
});

for (const [where, text] of [
  ["two lines of a doc comment", "/**\n * It is tried again by\n * itself.\n */"],
  ["two line comments", "// It is tried again by\n// itself."],
  ["two comments of YAML", "# It is tried again by\n# itself."],
  ["two comments of Lua", "-- It is tried again by\n-- itself."],
  ["two parts of a string", "`It is tried again by ` +\n  `itself.`"],
  ["a folded text", "description: >-\n  It is tried again by\n  itself."],
] as const) {
  test(`it is found across ${where}`, () => assert.is(found(text).length, 1));
}

test("each form of a phrase with alternatives is found", () => {
  for (const text of ["it is told", "they are told", "has been told", "is to be", "are to be"]) {
    assert.is(found(text).length, 1, text);
  }
});

test("words that only begin or end like a phrase are left alone", () => {
  for (const text of ["for every key", "to bet", "the likelihood", "a newer one", "it told us", "is toggled"]) {
    assert.equal(found(text), [], text);
  }
});

test('"we" is for comments: users read "the operator" or "you"', () => {
  assert.equal(found("we wait"), []);
  assert.equal(found("we wait", "docs/status.md"), ["we"]);
  assert.equal(found("we wait", "charts/appsecret-operator/values.yaml"), ["we"]);
  assert.equal(found("a webhook uses its focus", "docs/status.md"), []);
});

test("a document that the repository does not have is not referred to; a section of an RFC may be", () => {
  assert.equal(found("the owner decides (design §4)"), ["design §"]);
  assert.equal(found("the owner decides (design §4)", "test/unit/plan/plan.test.ts"), ["design §"]);
  assert.equal(found("RFC 9110 §10.2.3"), []);
});

test("the names of tests are not judged", () => {
  assert.equal(found('test("it waits for ever", () => undefined)', "test/unit/plan/plan.test.ts"), []);
});

test("every phrase is found in a text that consists of it, and says what to write instead", () => {
  for (const { phrase, instead } of PHRASES) {
    const text = phrase.replaceAll(/\|\S+/g, "");
    assert.ok(found(text, "README.md").length > 0, phrase);
    assert.ok(instead.length > 0);
  }
});

test("it reads every kind of text: each of its places has files", () => {
  for (const place of EVERYWHERE) assert.ok(globSync(place).length > 0, place);
});

test("it fails for a file with a phrase, with file and line, passes without, and does not pass for what is not there", () => {
  const folder = mkdtempSync(join(tmpdir(), "prose-"));
  try {
    const file = join(folder, "page.md");
    const check = (text: string) => {
      writeFileSync(file, text);
      return spawnSync("node", ["hack/lint/prose.ts", file], { encoding: "utf8" });
    };
    const bad = check("Fine.\nIt waits for ever.\n");
    assert.is(bad.status, 1);
    assert.match(bad.stderr, `${file}:2: "for ever"`);
    assert.is(check("It waits.\n").status, 0);
    assert.is(spawnSync("node", ["hack/lint/prose.ts", join(folder, "none.md")]).status, 2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
