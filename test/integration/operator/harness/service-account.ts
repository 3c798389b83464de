import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kubeconfig } from "../../../../hack/control-plane/credentials.ts";
import { loadKubeConfig } from "../../../../operator/kube/config.ts";
import type { Api } from "./api.ts";

/** A kubeconfig for a ServiceAccount: a file that only this user can read, until `remove`. */
export type Login = { kubeconfig: string; remove(): Promise<void> };

export const OPERATOR_ACCOUNT = { namespace: "appsecret-system", name: "appsecret-operator" };

/** Logs in as an existing ServiceAccount, for an hour. */
export async function logIn(api: Api, account: { namespace: string; name: string }): Promise<Login> {
  const path = `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.name}/token`;
  const { status } = await api.create<{ status: { token: string } }>(path, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: 3600 },
  });
  const { server, cluster } = loadKubeConfig();
  const certificateAuthority = cluster.caFile
    ? await readFile(cluster.caFile, "utf8")
    : Buffer.from(cluster.caData ?? "", "base64").toString();
  return writeKubeconfig(kubeconfig({ server, certificateAuthority, token: status.token }));
}

/** Any text as a kubeconfig, also a broken one. */
export async function writeKubeconfig(text: string): Promise<Login> {
  const directory = await mkdtemp(join(tmpdir(), "appsecret-test-"));
  const file = join(directory, "kubeconfig");
  await writeFile(file, text, { mode: 0o600 });
  return { kubeconfig: file, remove: () => rm(directory, { recursive: true }) };
}
