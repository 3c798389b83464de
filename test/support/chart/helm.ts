/** Helm as a person runs it, and what it renders. */
import { startControlPlane } from "#testbed/control-plane/index";
import type { ControlPlane, KubectlResult } from "#testbed/control-plane/index";
import { runKubectl } from "#testbed/control-plane/kubectl";
import { ensureTool } from "#testbed/programs/index";
import { parseAllDocuments } from "yaml";

export const CHART = "charts/appsecret-operator";

export type Manifest = {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  [field: string]: unknown;
};

/** Resolves also when Helm fails: `code` says so. */
export async function helm(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<KubectlResult> {
  return runKubectl(await ensureTool("helm"), args, { env });
}

/**
 * The manifests that the chart renders as release `appsecret-operator` in namespace `appsecret-system`.
 *
 * @param args further ones of `helm template`
 */
export async function render(...args: string[]): Promise<Manifest[]> {
  const { code, stdout, stderr } = await helm([
    "template",
    "appsecret-operator",
    CHART,
    "--namespace=appsecret-system",
    ...args,
  ]);
  if (code !== 0) throw new Error(stderr);
  return manifests(stdout);
}

export function manifests(yaml: string): Manifest[] {
  return parseAllDocuments(yaml, { uniqueKeys: true }).flatMap((document) => {
    if (document.errors.length > 0) throw document.errors[0]!;
    return (document.toJS() as Manifest | null) ?? [];
  });
}

/** A control plane of this file alone, without the CRD: installing and uninstalling would break the other tests. */
export function ownControlPlane(): Promise<ControlPlane> {
  return startControlPlane({
    env: { ...process.env, USE_EXISTING_CLUSTER: "" },
    controllers: ["deployment-controller"],
  });
}
