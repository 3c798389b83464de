/** Runs the health script as Argo CD does: in gopher-lua, with the object as the global `obj`. */
import { runKubectl } from "#testbed/control-plane/kubectl";
import { ensureTool } from "#testbed/programs/index";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const FOLDER = "gitops/argocd/resource_customizations/appsecret.dev/AppSecret";

export type Health = { status: string; message: string };

/** @throws with Lua's words when the script fails */
export async function health(object: unknown): Promise<Health> {
  const folder = await mkdtemp(join(tmpdir(), "appsecret-lua-"));
  try {
    const file = join(folder, "run.lua");
    await writeFile(
      file,
      // Argo CD opens these libraries and no others.
      `io, os, debug, package, require = nil, nil, nil, nil, nil
obj = ${lua(object)}
local hs = dofile("${FOLDER}/health.lua")
print(hs.status)
print(hs.message)
`,
    );
    const { code, stdout, stderr } = await runKubectl(await ensureTool("glua"), [file], { env: process.env });
    if (code !== 0) throw new Error(stderr + stdout);
    const [status = "", message = ""] = stdout.split("\n");
    return { status, message };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A value of JSON as an expression of Lua. */
function lua(value: unknown): string {
  if (value === null || value === undefined) return "nil";
  if (Array.isArray(value)) return `{${value.map(lua).join(",")}}`;
  if (typeof value === "object") {
    return `{${Object.entries(value)
      .map(([key, one]) => `[${JSON.stringify(key)}]=${lua(one)}`)
      .join(",")}}`;
  }
  return JSON.stringify(value);
}
