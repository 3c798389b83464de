/**
 * `appsecret_status_condition` and `appsecret_published_unverified`, written at each scrape straight from the AppSecrets, which
 * are in memory anyway.
 *
 * In a prom-client Gauge, four series for each of 10,000 objects would take some 30 MiB for good, and all code that removes
 * an object would have to remove its series. This way a series cannot outlive its object.
 */

import { Reason } from "#api/status";

/** The part of an AppSecret that the metrics need. */
export type Observed = {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly status?:
    | {
        readonly conditions?:
          readonly { readonly type: string; readonly status: string; readonly reason?: string }[] | undefined;
      }
    | undefined;
};

const NAME = "appsecret_status_condition";
const HELP =
  "1 for the current status (True, False, Unknown) of a condition of an AppSecret; the other statuses have no series.";
const UNVERIFIED = "appsecret_published_unverified";
const UNVERIFIED_HELP =
  "1 for an AppSecret whose Secret was published without a live check having confirmed it; the others have no series.";

/** Large enough that there are few chunks, small enough to be cheap garbage: 10,000 AppSecrets are 4 MB of text. */
const CHUNK_LENGTH = 65_536;

/**
 * The metrics in Prometheus' text format, in pieces of whole lines. Label values need no escaping: names in Kubernetes have
 * neither quotes nor backslashes.
 *
 * @param appSecrets gives them once for each metric, because the format wants the series of one metric together
 */
export function* conditionLines(appSecrets: () => Iterable<Observed>): Generator<string> {
  yield* lines(`# HELP ${NAME} ${HELP}\n# TYPE ${NAME} gauge\n`, appSecrets(), statusLines);
  yield* lines(`# HELP ${UNVERIFIED} ${UNVERIFIED_HELP}\n# TYPE ${UNVERIFIED} gauge\n`, appSecrets(), unverifiedLine);
}

function* lines(
  head: string,
  appSecrets: Iterable<Observed>,
  linesOf: (appSecret: Observed) => string,
): Generator<string> {
  let chunk = head;
  for (const appSecret of appSecrets) {
    chunk += linesOf(appSecret);
    if (chunk.length >= CHUNK_LENGTH) {
      yield chunk;
      chunk = "";
    }
  }
  if (chunk !== "") yield chunk;
}

function statusLines({ metadata, status }: Observed): string {
  let text = "";
  for (const { type, status: is } of status?.conditions ?? []) {
    text += `${NAME}{${labelsOf(metadata)},condition="${type}",status="${is}"} 1\n`;
  }
  return text;
}

/** By the condition Published: Ready says something else where a later check said no. */
function unverifiedLine({ metadata, status }: Observed): string {
  const published = status?.conditions?.find(({ type }) => type === "Published");
  return published?.reason === Reason.PublishedUnverified ? `${UNVERIFIED}{${labelsOf(metadata)}} 1\n` : "";
}

function labelsOf({ namespace, name }: Observed["metadata"]): string {
  return `namespace="${namespace}",name="${name}"`;
}
