/** What the image runs: one file that needs Node and nothing else. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../../hack/bundle.ts";

const { version, dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
  version: string;
  dependencies: Record<string, string>;
};
const dockerfile = readFileSync("Dockerfile", "utf8");
const folder = mkdtempSync(join(tmpdir(), "appsecret-bundle-"));
let packages: string[] = [];

test.before(async () => {
  packages = await bundle(folder);
});
test.after(() => rmSync(folder, { recursive: true }));

/** As the image does: nothing of this checkout is in reach. */
function run(args: string[], env: NodeJS.ProcessEnv = {}) {
  const [, main = ""] = /^CMD \["(.+)"\]$/m.exec(dockerfile) ?? [];
  const [, options = ""] = /NODE_OPTIONS=(\S+)/.exec(dockerfile) ?? [];
  return spawnSync(process.execPath, [main, ...args], {
    cwd: folder,
    env: { NODE_OPTIONS: options, ...env },
    encoding: "utf8",
    timeout: 30_000,
  });
}

test("the bundle knows its version and its flags, and refuses a wrong one", () => {
  assert.is(run(["--version"]).stdout, `${version}\n`);
  assert.match(run(["--help"]).stdout, "--leader-elect");
  const { status, stderr } = run(["--concurrency=0"]);
  assert.is(status, 2);
  assert.match(stderr, "--concurrency must be a whole number from 1 to 256");
});

test("the bundle reads a kubeconfig in YAML, whose parser is loaded on demand", () => {
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, "current-context: elsewhere\ncontexts: []\nclusters: []\nusers: []\n");
  const { status, stderr } = run(["--metrics-address=off"], { KUBECONFIG: kubeconfig });
  assert.is(status, 1);
  assert.match(stderr, `there is no context "elsewhere"`);
});

test("the image is the same for every architecture: it contains no native program, and its last stage runs nothing", () => {
  const lastStage = dockerfile.split(/^FROM /m).at(-1)!;
  assert.match(lastStage, "COPY --from=build /app /app");
  assert.not.match(lastStage, /^RUN/m);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  assert.equal(
    files.filter((name) => /\.(node|so|wasm)$/.test(name)),
    [],
  );
});

test("the bundle is small, and has a source map and the license of everything in it", () => {
  assert.equal(readdirSync(join(folder, "operator")).sort(), ["main.js", "main.js.map"]);
  assert.ok(statSync(join(folder, "operator/main.js")).size < 6_000_000);
  const { sources } = JSON.parse(readFileSync(join(folder, "operator/main.js.map"), "utf8")) as { sources: string[] };
  assert.ok(sources.some((source) => source.endsWith("operator/plan/plan.ts")));
  const licenses = readFileSync(join(folder, "THIRD-PARTY-LICENSES.txt"), "utf8");
  for (const name of packages) assert.match(licenses, new RegExp(`^${name} \\d`, "m"));
  for (const name of packages.filter((one) => one in dependencies)) {
    const [, section = ""] = licenses.split(new RegExp(`^${name} \\d`, "m"));
    assert.match(section.split("-".repeat(80))[0] ?? "", /Permission|Apache License/);
  }
});

test.run();
