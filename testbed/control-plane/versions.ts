/** Which programs make up the control plane, of which version, and where they are kept. */
import { homedir } from "node:os";
import { join } from "node:path";
import { ControlPlaneError } from "./failure.ts";

/** The same as in kubernetes/go.mod and etcd/go.mod (test/unit/testbed/versions.test.ts). */
export const KUBERNETES_VERSION = "1.37.2";
export const ETCD_VERSION = "3.7.3";
/** What both go.mod files require. */
export const GO_VERSION = "1.26";

/** The newest patch of each minor version that the tests have run on. KUBERNETES names one, or any other full version. */
const PATCHES = ["1.32.13", "1.33.13", "1.34.12", "1.35.8", "1.36.5", KUBERNETES_VERSION] as const;

/** In the order in which they are built or downloaded: the quick one first. */
export const PROGRAMS = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"] as const;
export type Program = (typeof PROGRAMS)[number];

/**
 * The Kubernetes version to run: what KUBERNETES says ("1.33.13", or "1.33" for the patch that was tested), else
 * KUBERNETES_VERSION.
 *
 * @throws {ControlPlaneError} `UnknownVersion` when KUBERNETES names no version
 */
export function kubernetesVersion(env: NodeJS.ProcessEnv): string {
  const wanted = (env["KUBERNETES"] ?? "").replace(/^v/, "");
  if (wanted === "") return KUBERNETES_VERSION;
  const patch = PATCHES.find((version) => version.startsWith(`${wanted}.`));
  if (/^1\.\d+$/.test(wanted) && patch !== undefined) return patch;
  if (/^1\.\d+\.\d+$/.test(wanted)) return wanted;
  throw new ControlPlaneError(
    "UnknownVersion",
    `KUBERNETES=${env["KUBERNETES"]} is not a Kubernetes version. Set a full version such as KUBERNETES=1.33.13. ` +
      `Tested versions: ${PATCHES.join(", ")}.`,
  );
}

/** Go's names for this machine, as the release files have them. */
export function platform(): { os: string; arch: string } {
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  return { os: process.platform, arch };
}

/** Where the programs of the control plane are kept, a directory for each Kubernetes version. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  return programCache(env, `control-plane-${kubernetesVersion(env)}-etcd-${ETCD_VERSION}`);
}

/**
 * Where built or downloaded programs are kept, outside the checkout, so that every clone shares them.
 * `name` must contain everything that distinguishes the program from others; the platform is added.
 */
export function programCache(env: NodeJS.ProcessEnv, name: string): string {
  const home = env["XDG_CACHE_HOME"] || join(env["HOME"] || homedir(), ".cache");
  const { os, arch } = platform();
  return join(home, "appsecret-operator", `${name}-${os}-${arch}`);
}
