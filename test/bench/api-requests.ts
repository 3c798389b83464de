/** What the API server itself has counted. */
import type { ControlPlane } from "#testbed/control-plane/index";

export type ApiRequests = {
  /** Requests that these verbs made of this resource, a subresource included: POST, PATCH, GET, LIST … */
  count: (resource: string, verbs: readonly string[]) => number;
};

export const WRITES = ["POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"];

const SERIES = /^apiserver_request_total\{(?<labels>[^}]*)\} (?<count>\S+)$/;

/** As of now, since the API server was started. */
export async function apiRequests(cluster: ControlPlane): Promise<ApiRequests> {
  const { code, stdout, stderr } = await cluster.kubectl(["get", "--raw", "/metrics"]);
  if (code !== 0) throw new Error(`the API server's metrics could not be read:\n${stderr}`);
  const series = stdout.split("\n").flatMap((line) => {
    const { labels, count } = SERIES.exec(line)?.groups ?? {};
    if (labels === undefined) return [];
    const label = (name: string) => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? "";
    return [{ resource: label("resource"), verb: label("verb"), count: Number(count) }];
  });
  return {
    count: (resource, verbs) =>
      series
        .filter((one) => one.resource === resource && verbs.includes(one.verb))
        .reduce((sum, one) => sum + one.count, 0),
  };
}
