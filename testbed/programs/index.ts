/**
 * The programs that tests of the chart and of GitOps need beside kubectl: helm, kubeconform, and glua, the Lua that Argo CD
 * runs its health scripts in. One on PATH is used as it is; else it is built with Go from the version in its go.mod next to
 * this file, once, and kept beside the control plane's programs.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureProgram, findOnPath } from "../control-plane/binaries.ts";
import { programCache } from "../control-plane/versions.ts";

const PACKAGES = {
  helm: { package: "helm.sh/helm/v4/cmd/helm", usualSeconds: 105 },
  kubeconform: { package: "github.com/yannh/kubeconform/cmd/kubeconform", usualSeconds: 10 },
  glua: { package: "github.com/yuin/gopher-lua/cmd/glua", usualSeconds: 10 },
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
  const module = join(import.meta.dirname, tool);
  return ensureProgram({
    source: { program: tool, module, ldflags: "-s -w", ...PACKAGES[tool] },
    cache: programCache(env, `${tool}-${version(tool)}`),
    env,
  });
}

/** Of the module that has the program, from its go.mod: v4.3.1 */
function version(tool: Tool): string {
  const text = readFileSync(join(import.meta.dirname, tool, "go.mod"), "utf8");
  const [, module, found] =
    [...text.matchAll(/^(?:require |\t)(\S+) (v\S+)/gm)].find(([, name]) =>
      PACKAGES[tool].package.startsWith(`${name}/`),
    ) ?? [];
  if (module === undefined || found === undefined) throw new Error(`testbed/programs/${tool}/go.mod has no version`);
  return found;
}
