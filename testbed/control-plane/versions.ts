/** Which programs make up the control plane, of which version, and where they are kept. */
import { homedir } from "node:os";
import { join } from "node:path";

/** The same as in kubernetes/go.mod and etcd/go.mod; a unit test holds them together. */
export const KUBERNETES_VERSION = "1.37.2";
export const ETCD_VERSION = "3.7.3";
/** What both go.mod files ask for. */
export const GO_VERSION = "1.26";

/** In the order in which they are got: the quick one first. */
export const PROGRAMS = ["etcd", "kube-apiserver", "kube-controller-manager", "kubectl"] as const;
export type Program = (typeof PROGRAMS)[number];

/** Go's names for this machine, as the release files have them. */
export function platform(): { os: string; arch: string } {
  const arch = process.arch === "x64" ? "amd64" : process.arch;
  return { os: process.platform, arch };
}

/** Where the programs of the control plane are kept. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  return programCache(env, `control-plane-${KUBERNETES_VERSION}-etcd-${ETCD_VERSION}`);
}

/**
 * Where built or downloaded programs are kept, outside the checkout, so that every clone shares them.
 * `name` must have everything in it that makes a program another one; the machine's kind is added.
 */
export function programCache(env: NodeJS.ProcessEnv, name: string): string {
  const home = env["XDG_CACHE_HOME"] || join(env["HOME"] || homedir(), ".cache");
  const { os, arch } = platform();
  return join(home, "appsecret-operator", `${name}-${os}-${arch}`);
}
