import { OperatorError } from "#common/operator-error";
import { GROUP, PLURAL, VERSION } from "#api/names";
import type { KubeClient } from "#kube/client/client";
import { ApiError } from "#kube/client/api-error";
import type { Log } from "#common/log";
import { sleep } from "#common/sleep";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;

/**
 * Waits until the cluster can be worked on: it answers, the CRD is there, and what is watched may be read. Each obstacle is
 * one line in the log with what to do about it, said again only when it becomes another one. The watches would wait just
 * as long without this, but what they can say is a path and a status code.
 *
 * @param namespaces those that are to be watched; none means all
 */
export async function waitForCluster(
  client: Pick<KubeClient, "get">,
  namespaces: readonly string[],
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  let said: string | undefined;
  for (let wait = FIRST_WAIT_MS; !signal.aborted; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    const obstacle = await findObstacle(client, namespaces, signal);
    if (obstacle === undefined) return;
    if (obstacle !== said) log.warn({ obstacle }, "waiting for the cluster");
    said = obstacle;
    await sleep(wait, signal);
  }
}

async function findObstacle(
  client: Pick<KubeClient, "get">,
  namespaces: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const scopes = namespaces.length === 0 ? [""] : namespaces.map((namespace) => `/namespaces/${namespace}`);
  for (const scope of scopes) {
    for (const { resource, path } of [
      { resource: PLURAL, path: `/apis/${GROUP}/${VERSION}${scope}/${PLURAL}` },
      { resource: "secrets", path: `/api/v1${scope}/secrets` },
    ]) {
      try {
        await client.get(path, { query: { limit: "1" }, metadataOnly: "list", retry: false, signal });
      } catch (error) {
        // A request that we ended ourselves is no obstacle.
        if (signal.aborted) return undefined;
        return explain(error, resource, scope);
      }
    }
  }
  return undefined;
}

function explain(error: unknown, resource: string, scope: string): string {
  const where = scope === "" ? "in all namespaces" : `in namespace ${scope.slice("/namespaces/".length)}`;
  if (error instanceof ApiError) {
    switch (error.status) {
      case 401:
        return "The API server does not accept our credentials. Look at the kubeconfig, or at the ServiceAccount's token.";
      case 403:
        return `We may not list ${resource} ${where}. Bind the operator's Role to the ServiceAccount or user that it runs as.`;
      case 404:
        return "This cluster does not know AppSecrets yet. Install them: kubectl apply -f crds/";
      default:
        return `The API server cannot list ${resource} ${where} for now (${error.status} ${error.reason}).`;
    }
  }
  if (error instanceof OperatorError && error.code === "InvalidCredentials") {
    return `There are no credentials for the API server: ${error.message}.`;
  }
  if (error instanceof OperatorError) return `The API server does not answer (${error.message}).`;
  throw error;
}
