import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { OperatorError } from "#common/operator-error";
import type { KubeConfig } from "./access.ts";

export type { KubeConfig } from "./access.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Looks where controller-runtime looks, in the same order: $KUBECONFIG, the Pod's service account, ~/.kube/config.
 *
 * @throws OperatorError `InvalidKubeconfig`: one line that names the file and what is wrong with it, never its content
 */
export async function loadKubeConfig(
  env: NodeJS.ProcessEnv = process.env,
  serviceAccount = SERVICE_ACCOUNT,
): Promise<KubeConfig> {
  const fromFiles = async (files: string[]): Promise<KubeConfig> => {
    // In a Pod there is none, and the reader need not be in memory.
    const { readKubeconfigFiles } = await import("./kubeconfig-file.ts");
    return readKubeconfigFiles(files);
  };
  const named = (env["KUBECONFIG"] ?? "").split(delimiter).filter((file) => file !== "");
  if (named.length > 0) return fromFiles(named);
  const host = env["KUBERNETES_SERVICE_HOST"];
  if (host !== undefined && existsSync(join(serviceAccount, "token"))) {
    return fromServiceAccount(serviceAccount, host, env["KUBERNETES_SERVICE_PORT"] ?? "443");
  }
  const home = join(env["HOME"] ?? homedir(), ".kube", "config");
  if (existsSync(home)) return fromFiles([home]);
  throw new OperatorError(
    "InvalidKubeconfig",
    "no cluster is configured: set KUBECONFIG, or run in a Pod that mounts a service account token",
  );
}

async function fromServiceAccount(folder: string, host: string, port: string): Promise<KubeConfig> {
  const namespace = (await readFile(join(folder, "namespace"), "utf8").catch(() => "")).trim();
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    inCluster: true,
    ...(namespace === "" ? {} : { namespace }),
    cluster: { name: "in-cluster", caFile: join(folder, "ca.crt") },
    user: { name: "service-account", tokenFile: join(folder, "token") },
  };
}
