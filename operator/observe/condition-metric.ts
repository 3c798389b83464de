/**
 * `appsecret_status_condition`, written at each scrape straight from the AppSecrets, which are in memory anyway.
 *
 * In a prom-client Gauge, four series for each of 10,000 objects would take some 30 MiB for good, and all code that removes
 * an object would have to remove its series. This way a series cannot outlive its object.
 */

/** The part of an AppSecret that the metric needs. */
export type Observed = {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly status?:
    | {
        readonly conditions?: readonly { readonly type: string; readonly status: string }[] | undefined;
      }
    | undefined;
};

const NAME = "appsecret_status_condition";
const HELP =
  "1 for the current status (True, False, Unknown) of a condition of an AppSecret; the other statuses have no series.";

/** Large enough that there are few chunks, small enough to be cheap garbage: 10,000 AppSecrets are 4 MB of text. */
const CHUNK_LENGTH = 65_536;

/**
 * The metric in Prometheus' text format, in pieces of whole lines. Label values need no escaping: names in Kubernetes have
 * neither quotes nor backslashes.
 */
export function* conditionLines(appSecrets: Iterable<Observed>): Generator<string> {
  let lines = `# HELP ${NAME} ${HELP}\n# TYPE ${NAME} gauge\n`;
  for (const { metadata, status } of appSecrets) {
    const object = `namespace="${metadata.namespace}",name="${metadata.name}"`;
    for (const condition of status?.conditions ?? []) {
      lines += `${NAME}{${object},condition="${condition.type}",status="${condition.status}"} 1\n`;
    }
    if (lines.length >= CHUNK_LENGTH) {
      yield lines;
      lines = "";
    }
  }
  yield lines;
}
