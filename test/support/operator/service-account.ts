import { rmSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runKubectl } from "#testbed/control-plane/kubectl";
import { kubeconfig } from "#testbed/control-plane/credentials";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import type { Api } from "./api.ts";

/** A kubeconfig for a ServiceAccount: a file that only this user can read, until `remove` or the end of the process. */
export type Login = { kubeconfig: string; remove: () => Promise<void> };

export type Account = { namespace: string; name: string };

export const OPERATOR_ACCOUNT: Account = { namespace: "appsecret-system", name: "appsecret-operator" };

/** Applies hack/rbac.yaml, for a cluster that does not have it yet. Harmless to repeat. */
export async function installRights(env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const apply = ["apply", "--server-side", "--force-conflicts", "--filename", "hack/rbac.yaml"];
  const { code, stderr } = await runKubectl("kubectl", apply, { env });
  if (code !== 0) throw new Error(stderr);
}

/** A ServiceAccount without any right. */
export async function createAccount(api: Api, namespace: string, name: string): Promise<Account> {
  await api.create(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
  return { namespace, name };
}

/** Logs in as an existing ServiceAccount, for an hour. */
export async function logIn(api: Api, account: Account): Promise<Login> {
  const path = `/api/v1/namespaces/${account.namespace}/serviceaccounts/${account.name}/token`;
  const { status } = await api.create<{ status: { token: string } }>(path, {
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: 3600 },
  });
  const { server, cluster } = await loadKubeConfig(api.env);
  const certificateAuthority = cluster.caFile
    ? await readFile(cluster.caFile, "utf8")
    : Buffer.from(cluster.caData ?? "", "base64").toString();
  return writeKubeconfig(kubeconfig({ server, certificateAuthority, token: status.token }));
}

/** Any text as a kubeconfig, also a broken one. */
export async function writeKubeconfig(text: string): Promise<Login> {
  const directory = await mkdtemp(join(tmpdir(), "appsecret-test-"));
  directories.add(directory);
  const file = join(directory, "kubeconfig");
  await writeFile(file, text, { mode: 0o600 });
  return {
    kubeconfig: file,
    async remove() {
      directories.delete(directory);
      await rm(directory, { recursive: true });
    },
  };
}

/** Of kubeconfigs that nobody has removed yet: they hold tokens, and a test that fails may not come to it. */
const directories = new Set<string>();
process.once("exit", () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});
