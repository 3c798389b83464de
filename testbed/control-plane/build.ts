/**
 * Builds the programs from source, through the Go module proxy. The versions are those of kubernetes/go.mod and
 * etcd/go.mod next to this file, whose go.sum makes sure that everyone builds the same; for another version of Kubernetes
 * see module.ts.
 */
import { join } from "node:path";
import { ControlPlaneError } from "./failure.ts";
import { spawnKept } from "./lifeline.ts";
import { USUAL_BUILD_SECONDS, describeBuild, describeSources } from "./progress.ts";
import type { Progress } from "./progress.ts";
import { GO_VERSION, KUBERNETES_VERSION, cacheDirectory, kubernetesVersion } from "./versions.ts";
import type { Program } from "./versions.ts";

/** A program, and how Go builds it. */
export type Source = {
  program: string;
  /** The directory of the go.mod. */
  module: string;
  package: string;
  ldflags: string;
  /** Build tags, with commas. */
  tags?: string;
  /** Go's own flags: GOFLAGS. */
  goflags?: string;
  /** How long a cold build took on two cores. */
  usualSeconds: number;
};

/** Kubernetes learns its version from the linker; without it, it says v0.0.0, and feature gates follow that. */
function versionFlags(version: string): string {
  const [major, minor] = version.split(".");
  return [
    `-X k8s.io/component-base/version.gitVersion=v${version}`,
    `-X k8s.io/component-base/version.gitMajor=${major}`,
    `-X k8s.io/component-base/version.gitMinor=${minor}`,
    `-X k8s.io/client-go/pkg/version.gitVersion=v${version}`,
  ].join(" ");
}

/** @throws {ControlPlaneError} `UnknownVersion` */
export function controlPlaneSource(program: Program, env: NodeJS.ProcessEnv): Source {
  const usualSeconds = USUAL_BUILD_SECONDS[program];
  if (program === "etcd") {
    const module = join(import.meta.dirname, "etcd");
    return { program, module, package: "go.etcd.io/etcd/server/v3", ldflags: "-s -w", usualSeconds };
  }
  const version = kubernetesVersion(env);
  const source = { program, usualSeconds, package: `k8s.io/kubernetes/cmd/${program}` };
  const ldflags = `-s -w ${versionFlags(version)}`;
  if (version === KUBERNETES_VERSION) return { ...source, ldflags, module: join(import.meta.dirname, "kubernetes") };
  // -mod=mod: Go completes the module that was made.
  return { ...source, ldflags, module: join(cacheDirectory(env), "module"), goflags: "-mod=mod" };
}

export function goEnvironment(env: NodeJS.ProcessEnv, goflags = ""): NodeJS.ProcessEnv {
  return {
    ...env,
    // A person's own settings (-mod=vendor, a workspace) are for their code and would break this.
    GOFLAGS: goflags,
    GOWORK: "off",
    // As Kubernetes releases are built; also, a machine may have a C compiler without the headers that it needs.
    CGO_ENABLED: env["CGO_ENABLED"] ?? "0",
  };
}

/** `undefined` when this Go can build; else why not, as the rest of a sentence. Go may download a newer Go for that. */
export async function whyGoCannotBuild(
  go: string,
  module: string,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const lines: string[] = [];
  const add = (line: string) => void lines.push(line);
  const run = await spawnKept(go, ["version"], {
    cwd: module,
    env: goEnvironment(env),
    output: { stdout: add, stderr: add },
  });
  const code = await run.done();
  const version = /\bgo version go(\d+)\.(\d+)/.exec(lines.join("\n"));
  if (code !== 0 || version === null) return `\`go version\` fails: ${lines.at(-1) ?? `exit code ${code}`}`;
  const [major, minor] = GO_VERSION.split(".").map(Number);
  const isEnough = Number(version[1]) > Number(major) || Number(version[2]) >= Number(minor);
  return isEnough ? undefined : `the Go on PATH is ${version[1]}.${version[2]}, and ${GO_VERSION} is needed`;
}

/**
 * Builds one program into the file `output`.
 *
 * @throws {ControlPlaneError} `BuildFailed`, with the last lines that Go wrote.
 */
export async function build(options: {
  source: Source;
  position: number;
  count: number;
  go: string;
  output: string;
  env: NodeJS.ProcessEnv;
  progress: Progress;
}): Promise<void> {
  const { position, count, go, output, progress } = options;
  const { program, module, package: path, ldflags, tags = "", usualSeconds, goflags } = options.source;
  const env = goEnvironment(options.env, goflags);
  const began = performance.now();
  const step = () => ({ program, usualSeconds, position, count, elapsedMs: performance.now() - began });
  const messages: string[] = [];

  async function run(args: string[], onStdout: (line: string) => void, onStderr: (line: string) => boolean) {
    const stderr = (line: string) => {
      if (!onStderr(line)) messages.push(line);
    };
    const child = await spawnKept(go, args, { cwd: module, env, output: { stdout: onStdout, stderr } });
    const code = await child.done();
    if (code === 0) return;
    const said = messages.slice(-8).join("\n");
    throw new ControlPlaneError("BuildFailed", `Building ${program} failed (go ${args[0]}, code ${code}):\n${said}`);
  }

  let modules = 0;
  let total = 0;
  progress.show(() => describeSources({ ...step(), modules }));
  const isDownload = (line: string) => line.startsWith("go: downloading");
  await run(
    ["list", "-tags", tags, "-deps", path],
    () => (total += 1),
    (line) => isDownload(line) && (modules += 1) > 0,
  );

  let built = 0;
  progress.show(() => describeBuild({ ...step(), built, total }));
  // With -v Go names each package when it begins to compile it: one path, no space.
  const isPackage = (line: string) => /^[\w.~-]+(\/[\w.~-]+)*$/.test(line);
  await run(
    ["build", "-v", "-trimpath", "-tags", tags, "-ldflags", ldflags, "-o", output, path],
    () => undefined,
    (line) => isPackage(line) && (built += 1) > 0,
  );
}
