/**
 * The Go module that builds a Kubernetes version other than the one of kubernetes/go.mod. It is made from the go.mod that
 * Kubernetes itself publishes, and kept beside the programs. This repository has no go.sum for it: Go checks the sources
 * against its checksum database (GOSUMDB) instead.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ControlPlaneError } from "./failure.ts";
import { spawnKept } from "./lifeline.ts";

/** Staging modules that the module proxy does not have at the version of their release. */
const EXCEPTIONS: Readonly<Record<string, string>> = { "k8s.io/endpointslice v0.32.13": "v0.32.12" };

/**
 * Writes the module into `directory` unless it is there.
 *
 * @param version of Kubernetes, without "v"
 * @throws {ControlPlaneError} `UnknownVersion` when the module proxy does not have this version
 */
export async function writeModule(
  directory: string,
  version: string,
  go: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const file = join(directory, "go.mod");
  if (existsSync(file)) return;
  await mkdir(directory, { recursive: true });
  const text = goModFor(version, await upstreamGoMod(version, go, env, directory));
  await writeFile(`${file}.partial`, text);
  await rename(`${file}.partial`, file);
}

async function upstreamGoMod(version: string, go: string, env: NodeJS.ProcessEnv, cwd: string): Promise<string> {
  const lines: string[] = [];
  const errors: string[] = [];
  const child = await spawnKept(go, ["mod", "download", "-json", `k8s.io/kubernetes@v${version}`], {
    cwd,
    env,
    output: { stdout: (line) => void lines.push(line), stderr: (line) => void errors.push(line) },
  });
  const code = await child.done();
  const { GoMod, Error: error } = JSON.parse(lines.join("\n") || "{}") as { GoMod?: string; Error?: string };
  if (code === 0 && GoMod !== undefined) return readFile(GoMod, "utf8");
  throw new ControlPlaneError(
    "UnknownVersion",
    `Go cannot download Kubernetes ${version}: ${error ?? errors.at(-1) ?? `exit code ${code}`}\n` +
      `Check that this version was released, and that Go can reach its module proxy (go env GOPROXY).`,
  );
}

/**
 * What Kubernetes requires, at the versions of its release. Its own go.mod replaces its staging modules by directories of
 * its repository; the same modules are published as v0.<minor>.<patch>.
 */
export function goModFor(version: string, upstream: string): string {
  const lines = upstream.split("\n");
  const directives = lines.filter((line) => /^(go|godebug) /.test(line));
  const required = lines.flatMap((line) => /^(?:\t|require )(\S+ v\S+)$/.exec(line)?.[1] ?? []);
  const staging = lines.flatMap((line) => /^\t(\S+) => \.\/staging\//.exec(line)?.[1] ?? []);
  const published = `v0.${version.replace(/^1\./, "")}`;
  const replaced = staging.map((name) => {
    return `\t${name} => ${name} ${EXCEPTIONS[`${name} ${published}`] ?? published}`;
  });
  return [
    `module appsecret.dev/testbed/kubernetes`,
    ...directives,
    `require (\n\tk8s.io/kubernetes v${version}\n${required.map((line) => `\t${line}\n`).join("")})`,
    `replace (\n${replaced.join("\n")}\n)\n`,
  ].join("\n\n");
}
