/** Where the programs of the control plane come from. */
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { ControlPlaneError } from "./failure.ts";
import { PROGRAMS, cacheDirectory } from "./versions.ts";
import type { Program } from "./versions.ts";

export type Binaries = Readonly<Record<Program, string>>;

/** The paths of all programs: from KUBEBUILDER_ASSETS, else from our cache. */
export async function ensureBinaries(options: { env?: NodeJS.ProcessEnv } = {}): Promise<Binaries> {
  const env = options.env ?? process.env;
  const found: Partial<Record<Program, string>> = {};
  const places = [env["KUBEBUILDER_ASSETS"], cacheDirectory(env)].filter(
    (place) => place !== undefined && place !== "",
  );
  for (const program of PROGRAMS) {
    for (const place of places) {
      const path = join(place ?? "", program);
      if (found[program] === undefined && (await isExecutable(path))) found[program] = path;
    }
    if (found[program] === undefined) throw new ControlPlaneError("NoBinaries", `${program} not found`);
  }
  return found as Binaries;
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** The first executable of that name on PATH. */
export async function findOnPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const directory of (env["PATH"] ?? "").split(delimiter)) {
    if (directory !== "" && (await isExecutable(join(directory, name)))) return join(directory, name);
  }
  return undefined;
}
