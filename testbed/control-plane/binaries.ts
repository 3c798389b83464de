/**
 * Where the programs of the control plane come from: KUBEBUILDER_ASSETS, then the cache, then a download, then a build.
 * Each program is looked up separately: setup-envtest makes a KUBEBUILDER_ASSETS without kube-controller-manager.
 */
import { constants } from "node:fs";
import { access, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { build, controlPlaneSource, goEnvironment, whyGoCannotBuild } from "./build.ts";
import type { Source } from "./build.ts";
import { download, release } from "./download.ts";
import { ControlPlaneError } from "./failure.ts";
import { withLock } from "./lock.ts";
import { writeModule } from "./module.ts";
import { createProgress, duration, usualBuildTime } from "./progress.ts";
import type { Progress } from "./progress.ts";
import { GO_VERSION, KUBERNETES_VERSION, PROGRAMS, cacheDirectory, kubernetesVersion } from "./versions.ts";
import type { Program } from "./versions.ts";

/** The path of each program. */
export type Binaries = Readonly<Record<Program, string>>;

export type BinariesOptions = {
  /** Instead of this process's own environment. */
  env?: NodeJS.ProcessEnv;
  /** Default: stderr. */
  progress?: Progress;
};

/** A run that was killed leaves its unfinished files in such a directory; the next one removes it. */
const PARTIAL = ".partial-";

/**
 * Gives the paths of all programs, and gets what is missing into the cache first.
 *
 * @throws {ControlPlaneError} `UnknownVersion`, `NoBinaries` or `BuildFailed`; the message says what to do.
 */
export async function ensureBinaries(options: BinariesOptions = {}): Promise<Binaries> {
  const env = options.env ?? process.env;
  const progress = options.progress ?? createProgress(process.stderr);
  const before = await findBinaries(env);
  if (env["KUBERNETES"] && env["KUBEBUILDER_ASSETS"]) {
    const message = `KUBERNETES and KUBEBUILDER_ASSETS are both set, and both choose the control plane. Unset one of them.`;
    throw new ControlPlaneError("UnknownVersion", message);
  }
  if (isComplete(before)) return before;

  const cache = cacheDirectory(env);
  await mkdir(cache, { recursive: true });
  const onWait = (pid: number) =>
    progress.note(`Waiting for another run (process ${pid}), which is building the programs of the control plane.`);
  const work = async () => {
    await removePartial(cache);
    const began = performance.now();
    const found = await getMissing(cache, env, progress);
    progress.note(
      `The programs of the control plane are in ${cache}. That took ${duration(performance.now() - began)}.`,
    );
    return found;
  };
  return withLock(join(cache, ".lock"), work, onWait).finally(() => progress.end());
}

/** What is there already. A program counts when it is executable: nothing unfinished ever is at these paths. */
async function findBinaries(env: NodeJS.ProcessEnv): Promise<Partial<Binaries>> {
  const places = [env["KUBEBUILDER_ASSETS"] ?? "", cacheDirectory(env)].filter((place) => place !== "");
  const found: Partial<Record<Program, string>> = {};
  for (const program of PROGRAMS) {
    for (const place of places) {
      if (found[program] === undefined && (await isExecutable(join(place, program)))) {
        found[program] = join(place, program);
      }
    }
  }
  return found;
}

function isComplete(found: Partial<Binaries>): found is Binaries {
  return PROGRAMS.every((program) => found[program] !== undefined);
}

async function getMissing(cache: string, env: NodeJS.ProcessEnv, progress: Progress): Promise<Binaries> {
  // Another run may have put them there while this one waited for the lock.
  const found: Partial<Record<Program, string>> = await findBinaries(env);
  const partial = await mkdtemp(join(cache, PARTIAL));
  const missing = () => PROGRAMS.filter((program) => found[program] === undefined);
  const install = async (program: Program, get: (output: string) => Promise<void>) => {
    await get(join(partial, program));
    await rename(join(partial, program), join(cache, program));
    found[program] = join(cache, program);
  };
  try {
    const whyNotDownloaded = await downloadAll(missing(), install, progress, kubernetesVersion(env));
    await buildAll(missing(), install, progress, env, whyNotDownloaded).catch(async (error: unknown) => {
      // The one program that people have anyway. Any other version of it is better than nothing.
      const kubectl = await findOnPath("kubectl", env);
      if (kubectl === undefined || missing().join() !== "kubectl") throw error;
      found.kubectl = kubectl;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return found as Binaries;
}

type Install = (program: Program, get: (output: string) => Promise<void>) => Promise<void>;

/** Resolves with why some could not be downloaded. A place that failed once is not asked again. */
async function downloadAll(
  programs: readonly Program[],
  install: Install,
  progress: Progress,
  kubernetes: string,
): Promise<string[]> {
  const failed = new Map<string, string>();
  for (const [index, program] of programs.entries()) {
    const from = release(program, kubernetes);
    const place = from === undefined ? "unreleased" : new URL(from.url).host;
    if (failed.has(place)) continue;
    const options = { program, kubernetes, position: index + 1, count: programs.length, progress };
    await install(program, (output) => download({ ...options, output })).catch((error: unknown) => {
      failed.set(place, error instanceof Error ? error.message : "failed");
    });
  }
  return [...failed.values()];
}

async function buildAll(
  programs: readonly Program[],
  install: Install,
  progress: Progress,
  env: NodeJS.ProcessEnv,
  whyNotDownloaded: readonly string[],
): Promise<void> {
  if (programs.length === 0) return;
  // etcd's module: the Go that it requires builds every version of Kubernetes that is tested.
  const { go, why } = await findGo(controlPlaneSource("etcd", env).module, env);
  if (go === undefined) throw new ControlPlaneError("NoBinaries", whatToInstall(programs, [...whyNotDownloaded, why]));
  const version = kubernetesVersion(env);
  if (version !== KUBERNETES_VERSION) {
    await writeModule(controlPlaneSource("kubectl", env).module, version, go, goEnvironment(env));
  }
  progress.note(
    `Building ${programs.join(", ")} with Go, because they cannot be downloaded (${whyNotDownloaded.join("; ")}). ` +
      `This happens once, and usually takes about ${usualBuildTime(programs)} on two cores and 5 GB in Go's caches.`,
  );
  for (const [index, program] of programs.entries()) {
    const source = controlPlaneSource(program, env);
    const options = { source, position: index + 1, count: programs.length, go, env, progress };
    await install(program, (output) => build({ ...options, output }));
  }
}

/** The Go on PATH, or why it cannot build. */
async function findGo(
  module: string,
  env: NodeJS.ProcessEnv,
): Promise<{ go: string; why?: never } | { go?: never; why: string }> {
  const go = await findOnPath("go", env);
  if (go === undefined) return { why: "there is no Go on PATH" };
  const why = await whyGoCannotBuild(go, module, env);
  return why === undefined ? { go } : { why };
}

export type ProgramOptions = {
  source: Source;
  /** The directory that keeps it: `programCache`. */
  cache: string;
  env: NodeJS.ProcessEnv;
  /** Default: stderr. */
  progress?: Progress;
};

/**
 * The path of another program that is built from source, once; the next run finds it in the cache.
 *
 * @throws {ControlPlaneError} `NoBinaries` when there is no Go that can build it, `BuildFailed`
 */
export async function ensureProgram(options: ProgramOptions): Promise<string> {
  const { source, cache, env, progress = createProgress(process.stderr) } = options;
  const { program, module, usualSeconds } = source;
  const path = join(cache, program);
  if (await isExecutable(path)) return path;
  await mkdir(cache, { recursive: true });
  const work = async () => {
    if (await isExecutable(path)) return path;
    await removePartial(cache);
    const { go, why } = await findGo(module, env);
    if (go === undefined) {
      const message = `Building ${program} needs Go, and ${why}. Install Go ${GO_VERSION} or newer (https://go.dev/dl/).`;
      throw new ControlPlaneError("NoBinaries", message);
    }
    progress.note(
      `Building ${program} with Go. This happens once and usually takes about ${duration(usualSeconds * 1000)}.`,
    );
    const partial = await mkdtemp(join(cache, PARTIAL));
    try {
      await build({ source, position: 1, count: 1, go, env, progress, output: join(partial, program) });
      await rename(join(partial, program), path);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
    return path;
  };
  const onWait = (pid: number) =>
    progress.note(`Waiting for another run (process ${pid}), which is building ${program}.`);
  return withLock(join(cache, ".lock"), work, onWait).finally(() => progress.end());
}

/** The whole message: what is missing, why it is, and the three ways out. */
function whatToInstall(missing: readonly Program[], why: readonly string[]): string {
  return [
    `The local control plane needs ${missing.join(", ")}, which can be neither downloaded nor built:`,
    ...why.map((reason) => `  - ${reason}`),
    "Do one of the following:",
    `  - Install Go ${GO_VERSION} or newer (https://go.dev/dl/) and run the command again.`,
    `  - Set KUBEBUILDER_ASSETS to a directory that has ${PROGRAMS.join(", ")}.`,
    "  - Set USE_EXISTING_CLUSTER=true, and KUBECONFIG to the kubeconfig of a test cluster.",
  ].join("\n");
}

async function removePartial(cache: string): Promise<void> {
  const names = await readdir(cache);
  const left = names.filter((name) => name.startsWith(PARTIAL));
  await Promise.all(left.map((name) => rm(join(cache, name), { recursive: true, force: true })));
}

async function isExecutable(path: string): Promise<boolean> {
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
