/**
 * `appsecret_status_condition`, written straight from the AppSecrets that are in memory anyway, at each scrape.
 *
 * Kept in a prom-client Gauge, four series for each of 10,000 objects would cost some 30 MiB for good, and every place that
 * removes an object would have to remove its series. This way a series cannot outlive its object.
 */

/** What is read of an AppSecret. */
export type Observed = {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly status?:
    | {
        readonly conditions?: readonly { readonly type: string; readonly status: string }[] | undefined;
      }
    | undefined;
};

const NAME = "appsecret_status_condition";
const HELP = "1 for the status (True, False, Unknown) that a condition of an AppSecret has; the others have no series.";

/** Large enough to be few, small enough to be forgotten cheaply: 10,000 AppSecrets are 4 MB of text. */
const CHUNK_LENGTH = 65_536;

/**
 * The metric in Prometheus' text format, in pieces of whole lines. Label values need no escaping: the names of Kubernetes
 * have neither quotes nor backslashes.
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
