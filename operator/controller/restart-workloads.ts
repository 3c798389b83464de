import type { AppSecret } from "#api/schema/spec";
import type { Workload } from "#api/schema/restart";
import { ApiError } from "#kube/client/api-error";
import type { KubeClient } from "#kube/client/client";
import type { Note, RestartWorkloads } from "#plan/actions";
import { restartPatch, workloadPath } from "./bodies.ts";

/**
 * Restarts workloads, one after the other. One that is missing or refused does not keep the others.
 *
 * @returns the Events about those that do not exist, and those that the API server refused to change
 * @throws ApiError and network errors that a later try may not meet
 */
export async function restart(
  { client }: { client: Pick<KubeClient, "patch"> },
  { metadata }: AppSecret,
  { workloads, annotation, value }: RestartWorkloads,
): Promise<{ missing: Note[]; refused: Workload[] }> {
  const patch = restartPatch(annotation, value);
  const missing: Note[] = [];
  const refused: Workload[] = [];
  for (const one of workloads) {
    try {
      await client.patch(workloadPath(metadata.namespace, one.workload), patch, "merge", { metadataOnly: true });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 404) missing.push(one.missing);
      else if (REFUSALS.has(error.status)) refused.push(one.workload);
      else throw error;
    }
  }
  return { missing, refused };
}

/** RBAC or a policy; a webhook, or the validation of the workload itself. */
const REFUSALS = new Set([400, 403, 422]);
