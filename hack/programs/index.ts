/**
 * The programs that tests of the chart and of GitOps need beside kubectl: helm, kubeconform, and glua, the Lua that Argo CD
 * runs its health scripts in. One on PATH is used as it is; else it is built with Go from the version in its go.mod next to
 * this file, once, and kept beside the control plane's programs.
 */
import { readFileSync } from "node:fs";
import { access, constants, mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findOnPath } from "../control-plane/binaries.ts";
import { ControlPlaneError } from "../control-plane/failure.ts";
import { spawnKept } from "../control-plane/lifeline.ts";
import { withLock } from "../control-plane/lock.ts";
import { cacheDirectory } from "../control-plane/versions.ts";

const PACKAGES = {
  helm: { package: "helm.sh/helm/v4/cmd/helm", minutes: 3 },
  kubeconform: { package: "github.com/yannh/kubeconform/cmd/kubeconform", minutes: 1 },
  glua: { package: "github.com/yuin/gopher-lua/cmd/glua", minutes: 1 },
} as const;
export type Tool = keyof typeof PACKAGES;

/**
 * Gives the path of the program; a first build is announced on stderr.
 *
 * @throws {ControlPlaneError} `NoBinaries` when there is no Go, `BuildFailed` with the last lines that Go wrote
 */
export async function ensureTool(tool: Tool, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const installed = await findOnPath(tool, env);
  if (installed !== undefined) return installed;
  const path = join(dirname(cacheDirectory(env)), `${tool}-${version(tool)}-${process.platform}-${process.arch}`);
  if (await isExecutable(path)) return path;
  await mkdir(dirname(path), { recursive: true });
  const build = async () => {
    if (!(await isExecutable(path))) await buildInto(path, tool, env);
  };
  await withLock(`${path}.lock`, build, (pid) =>
    say(`Another run (process ${pid}) is building ${tool}; waiting for it.`),
  );
  return path;
}

/** Of the module that has the program, from its go.mod: v4.3.1 */
function version(tool: Tool): string {
  const text = readFileSync(join(import.meta.dirname, tool, "go.mod"), "utf8");
  const [, module, found] =
    [...text.matchAll(/^(?:require |\t)(\S+) (v\S+)/gm)].find(([, name]) =>
      PACKAGES[tool].package.startsWith(`${name}/`),
    ) ?? [];
  if (module === undefined || found === undefined) throw new Error(`hack/programs/${tool}/go.mod has no version`);
  return found;
}

async function buildInto(path: string, tool: Tool, env: NodeJS.ProcessEnv): Promise<void> {
  const go = await findOnPath("go", env);
  if (go === undefined) {
    throw new ControlPlaneError("NoBinaries", `${tool} is needed: install it, or Go to build it (https://go.dev/dl/).`);
  }
  const { package: source, minutes } = PACKAGES[tool];
  say(`Building ${tool} ${version(tool)} with Go, once: about ${minutes} min on two cores.`);
  const partial = `${path}.${process.pid}.partial`;
  const said: string[] = [];
  const hear = (line: string) => void said.push(line);
  const child = await spawnKept(go, ["build", "-trimpath", "-ldflags", "-s -w", "-o", partial, source], {
    cwd: join(import.meta.dirname, tool),
    // A person's own settings (-mod=vendor, a workspace) are for their code and would break this.
    env: { ...env, GOFLAGS: "", GOWORK: "off", CGO_ENABLED: "0" },
    output: { stdout: hear, stderr: hear },
  });
  const code = await child.done();
  if (code !== 0) throw new ControlPlaneError("BuildFailed", `building ${tool} failed:\n${said.slice(-8).join("\n")}`);
  await rename(partial, path);
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
