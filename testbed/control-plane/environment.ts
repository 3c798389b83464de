import { delimiter } from "node:path";

/** The environment of `base` with `more` in it and `binDir` first on PATH. */
export function childEnvironment(
  base: NodeJS.ProcessEnv,
  binDir: string,
  more: Record<string, string>,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(base)) if (value !== undefined) env[name] = value;
  return { ...env, ...more, PATH: [binDir, base["PATH"]].filter(Boolean).join(delimiter) };
}
