/**
 * Writes install.yaml: what the chart renders without any value set, for those who have no Helm. A test of the chart says
 * when it is stale; check:generated, which does without Helm, when its CRD is.
 *
 *     node hack/install-manifest.ts
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runKubectl } from "#testbed/control-plane/kubectl";
import { ensureTool } from "#testbed/programs/index";

const ROOT = join(import.meta.dirname, "..");
const NAMESPACE = "appsecret-system";
const HEADER = `# Generated from charts/appsecret-operator by hack/install-manifest.ts: change it there.
#
#     kubectl apply --server-side -f install.yaml
apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
  labels:
    # Pods here have no need of more.
    pod-security.kubernetes.io/enforce: restricted
`;
/** Helm's own marks: a person who looks for the release would not find one. */
const OF_HELM = /^ *(helm\.sh\/chart|app\.kubernetes\.io\/managed-by): .*\n|^# Source: .*\n/gm;

/**
 * What install.yaml should hold. The first time on a machine Helm is built, which is announced on stderr.
 *
 * @throws Error with what Helm said
 */
export async function installManifest(): Promise<string> {
  const chart = join(ROOT, "charts/appsecret-operator");
  const args = ["template", "appsecret-operator", chart, `--namespace=${NAMESPACE}`, "--skip-tests"];
  // `keep` is Helm's word: kubectl would only carry the annotation along.
  const { code, stdout, stderr } = await runKubectl(await ensureTool("helm"), [...args, "--set=crds.keep=false"], {
    env: process.env,
  });
  if (code !== 0) throw new Error(stderr);
  return HEADER + stdout.replaceAll(OF_HELM, "");
}

export async function isInstallManifestStale(): Promise<boolean> {
  return readFileSync(join(ROOT, "install.yaml"), "utf8") !== (await installManifest());
}

if (import.meta.main) writeFileSync(join(ROOT, "install.yaml"), await installManifest());
