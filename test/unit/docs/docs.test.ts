/** The pages under docs/ lead to what is there. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const pages = readdirSync("docs").filter((name) => name.endsWith(".md"));
const makefile = readFileSync("Makefile", "utf8");

assert.ok(pages.length > 0);
for (const page of pages) {
  const text = readFileSync(join("docs", page), "utf8");

  test(`${page}: every link, path and make target exists`, () => {
    const links = [...text.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path]) => join("docs", path ?? ""));
    const paths = [...text.matchAll(/(?:^|[\s`(])((?:charts|examples|gitops|test)\/[\w./-]*\w)/g)].map(
      ([, path]) => path!,
    );
    assert.ok(links.length > 0);
    for (const path of [...links, ...paths]) assert.ok(existsSync(path), path);
    for (const [, target] of text.matchAll(/`make ([a-z0-9-]+)/g)) assert.match(makefile, `\n${target}:`);
  });
}

test.run();
