import { OperatorError } from "#common/operator-error";
import { GROUP, PLURAL, VERSION } from "#api/names";
import type { KubeClient } from "#kube/client/client";
import { ApiError } from "#kube/client/api-error";
import type { Log } from "#common/log";
import { sleep } from "#common/sleep";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;

/**
 * Waits until the operator can work: the API server answers, the CRD is installed, and RBAC lets it list what it watches.
 * Each obstacle is one line in the log that says what to do, repeated only when the obstacle changes. The watches would wait
 * just as long without this, but all that they can log is a path and a status code.
 *
 * @param namespaces to watch; none means all
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
        // Ended by the signal: no obstacle.
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
        return "The API server rejected the operator's credentials. Check the kubeconfig, or the ServiceAccount's token.";
      case 403:
        return `The operator is not allowed to list ${resource} ${where}. Bind its Role to the ServiceAccount or user that it runs as.`;
      case 404:
        return "The AppSecret CRD is not installed in this cluster. Install it: kubectl apply -f crds/";
      default:
        return `The API server cannot list ${resource} ${where} at the moment (${error.status} ${error.reason}).`;
    }
  }
  if (error instanceof OperatorError && error.code === "InvalidCredentials") {
    return `The operator has no credentials for the API server: ${error.message}.`;
  }
  if (error instanceof OperatorError) return `The API server does not respond (${error.message}).`;
  throw error;
}
