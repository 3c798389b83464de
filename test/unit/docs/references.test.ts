/** What the code, the forge's files and the changelog refer to exists. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { read } from "./pages.ts";

test("every test and page that a comment cites exists", () => {
  const files = globSync("{operator,testbed,demo,hack,test,examples}/**/*.{ts,sh,yaml}");
  assert.ok(files.length > 200);
  const lost = files.flatMap((file) =>
    [...read(file).matchAll(/(?<![\w/.-])((?:test|docs)\/[\w./-]+\.(?:ts|md))\b/g)]
      .filter(([, path = ""]) => !existsSync(path))
      .map(([, path = ""]) => `${file} cites ${path}`),
  );
  assert.equal(lost, []);
});

test("CI runs what developers run, on the Go version that the testbed's modules name", () => {
  const { jobs } = parse(read(".github/workflows/ci.yml")) as {
    jobs: Record<string, { steps: { run?: string; with?: Record<string, string> }[] }>;
  };
  const steps = Object.values(jobs).flatMap((job) => job.steps);
  assert.equal(
    steps.flatMap(({ run }) => run ?? []),
    ["bash .ci/run"],
  );
  const go = steps.map((step) => step.with?.["go-version"]).find((version) => version !== undefined);
  assert.match(read("testbed/control-plane/versions.ts"), `GO_VERSION = "${go ?? ""}"`);
});

test("dependency updates look at every manifest of packages in the repository", () => {
  type Update = { "package-ecosystem": string; directory?: string; directories?: string[] };
  const { updates } = parse(read(".github/dependabot.yml")) as { updates: Update[] };
  const watched = (ecosystem: string) =>
    updates
      .filter((update) => update["package-ecosystem"] === ecosystem)
      .flatMap(({ directory, directories = [] }) => [...directories, ...(directory === undefined ? [] : [directory])])
      .toSorted();
  const folders = (glob: string) => globSync(glob).map((file) => `/${file.replace(/\/?[^/]+$/, "")}`);
  assert.equal(watched("gomod"), folders("testbed/**/go.mod").toSorted());
  assert.equal(watched("docker"), [...folders("Dockerfile"), ...folders("examples/**/Dockerfile")].toSorted());
  assert.equal(watched("npm"), ["/"]);
});

test("CHANGELOG.md has the version that package.json has, and a place for what comes next", () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  const changelog = read("CHANGELOG.md");
  assert.match(changelog, `\n## [${version}]`);
  assert.match(changelog, "\n## [Unreleased]");
});

test.run();
