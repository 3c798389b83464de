/** Every page leads to what exists: links, their anchors, paths, make targets and npm scripts. */
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { manifests, PAGES, prose, read } from "./pages.ts";

const makefile = readFileSync("Makefile", "utf8");
const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
/** Of npm itself. */
const OF_NPM = ["ci", "install", "version", "dedupe"];

/** The anchors that a forge gives a page's headings. */
function anchors(page: string): string[] {
  return [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

assert.ok(PAGES.length > 15);
for (const page of PAGES) {
  test(`${page}: every link leads to a file, and to a heading in it`, () => {
    for (const [, target = ""] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : normalize(join(dirname(page), path));
      assert.ok(existsSync(file), `${target}: there is no ${file}`);
      if (anchor === undefined) continue;
      assert.ok(statSync(file).isFile() && anchors(file).includes(anchor), `${target}: ${file} has no such heading`);
    }
  });

  test(`${page}: every path that it names exists`, () => {
    const rooms = "(?:operator|testbed|demo|hack|test|docs|crds|charts|examples|gitops)";
    for (const [, path = ""] of prose(page).matchAll(new RegExp(`(?:^|[\\s\`(])(${rooms}/[\\w./*-]*\\w)`, "gm"))) {
      if (path.includes("NAME")) continue;
      assert.ok(globSync(path).length > 0, path);
    }
  });

  test(`${page}: every make target and npm script that it names exists`, () => {
    for (const [, target] of read(page).matchAll(/(?:^|`)make ([a-z0-9-]+)/gm)) {
      assert.match(makefile, `\n${target ?? ""}:`);
    }
    for (const [, run, name = ""] of read(page).matchAll(/(?:^|`)npm (run )?([a-z][a-z0-9:-]*)/gm)) {
      if (run === undefined && OF_NPM.includes(name)) continue;
      assert.ok(scripts[name], `npm ${name}`);
    }
  });

  test(`${page}: every YAML snippet is a whole object, which can be applied as it is`, () => {
    for (const { apiVersion, kind, metadata } of manifests(page)) {
      assert.ok(apiVersion && kind && metadata?.name, `${page}: apiVersion, kind and metadata.name`);
    }
  });
}

test("a page that is linked from nowhere would never be found", () => {
  const linked = new Set(
    PAGES.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)#\s]+)/g)].map(([, target = ""]) => normalize(join(dirname(page), target))),
    ),
  );
  assert.equal(
    PAGES.filter((page) => page !== "README.md" && !linked.has(page)),
    [],
  );
});

test.run();
