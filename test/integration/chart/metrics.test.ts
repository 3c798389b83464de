/** Every query of the dashboard and of the alert rules names metrics and labels that the operator's own page has. */
import { readFileSync } from "node:fs";
import { parser } from "@prometheus-io/lezer-promql";
import type { SyntaxNode } from "@lezer/common";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { state } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { operatorSuite } from "#support/operator/suite";
import { custom, database, from, login } from "#support/operator/specs";

type Panel = { title: string; targets: { expr: string; legendFormat: string }[] };
type Dashboard = { panels: Panel[]; templating: { list: { query: string | { query: string } }[] } };
type Alerts = {
  groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[];
};
type Query = { where: string; text: string; shown: string };

const FILES = "charts/appsecret-operator/files";
/** What Prometheus adds to every series, from where it scraped it. */
const OF_TARGETS = ["job", "instance", "pod"];

const dashboard = JSON.parse(readFileSync(`${FILES}/dashboard.json`, "utf8")) as Dashboard;
const alerts = parse(readFileSync(`${FILES}/alerts.yaml`, "utf8")) as Alerts;
const queries: Query[] = [
  ...dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr, legendFormat }) => ({ where: `panel "${title}"`, text: expr, shown: legendFormat })),
  ),
  ...alerts.groups
    .flatMap(({ rules }) => rules)
    .map(({ alert, expr, annotations }) => ({
      where: `alert ${alert}`,
      text: expr,
      shown: Object.values(annotations).join(" "),
    })),
  ...dashboard.templating.list.flatMap(({ query }) => {
    const [, text] = /^label_values\((.*)\)$/.exec(typeof query === "string" ? query : query.query) ?? [];
    if (text === undefined) return [];
    // label_values is Grafana's own: label_values(metric, label)
    const [metric = "", label = ""] = text.split(/, (?=\w+$)/);
    return { where: "a variable", text: `count by (${label}) (${metric})`, shown: "" };
  }),
];

/** `$__rate_interval` and the like are put in by Grafana. */
const filledIn = (text: string) => text.replaceAll("$__rate_interval", "5m");

type Selector = { metric: string; labels: Map<string, string> };

/** The selectors of a query, and the labels that it groups by. Throws where Prometheus would not parse it. */
function analyse(text: string): { selectors: Selector[]; groups: string[] } {
  const selectors: Selector[] = [];
  const groups: string[] = [];
  const at = (node: SyntaxNode) => text.slice(node.from, node.to);
  parser.parse(text).iterate({
    enter({ node, name }) {
      if (node.type.isError) throw new Error(`syntax error at ${node.from} of: ${text}`);
      if (name === "VectorSelector") {
        const labels = node
          .getChildren("LabelMatchers")
          .flatMap((all) => all.getChildren("UnquotedLabelMatcher"))
          .map((one) => [at(one.getChild("LabelName")!), at(one.getChild("StringLiteral")!).slice(1, -1)] as const);
        selectors.push({ metric: at(node.getChild("Identifier")!), labels: new Map(labels) });
      }
      if (name === "GroupingLabels") groups.push(...node.getChildren("LabelName").map(at));
    },
  });
  return { selectors, groups };
}

/** Metric → label → values, as on the page. */
function read(page: string): Map<string, Map<string, Set<string>>> {
  const series = new Map<string, Map<string, Set<string>>>();
  for (const line of page.split("\n")) {
    const [, metric, labels = ""] = /^([a-z0-9_]+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
    if (metric === undefined) continue;
    const known = series.get(metric) ?? new Map<string, Set<string>>();
    series.set(metric, known);
    for (const [, label = "", value = ""] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
      known.set(label, (known.get(label) ?? new Set()).add(value));
    }
  }
  return series;
}

const { promise, run } = operatorSuite("metrics", ["--no-offline"]);

promise("every query can be parsed, and asks for what is on the page", async (env, operator) => {
  await env.apply("published", custom({ A: "1" }));
  await env.apply("waiting", custom({ A: from("nowhere", "a") }));
  // The rules of egress say no to it, without a connection.
  await env.apply("refused", login({ authentication: { jwksUri: "https://169.254.169.254/jwks" } }));
  // Loopback is the workload's own, so it is published without a check.
  await env.apply("unchecked", database({}, { value: "mongodb://127.0.0.1:1/orders" }));
  await env.ready("published", "True/Published");
  await env.ready("waiting", "False/SourceNotFound");
  await env.ready("unchecked", "True/PublishedUnverified");
  await eventually(async () => assert.is(state(await env.appSecret("refused"), "Verified"), "False/RejectedAddress"));
  const page = read(await operator.now.metrics());

  assert.ok(queries.length > 25);
  for (const { where, text, shown } of queries) {
    const { selectors, groups } = analyse(filledIn(text));
    assert.ok(selectors.length > 0, where);
    for (const { metric, labels } of selectors) {
      const series = page.get(metric);
      assert.ok(series, `${where}: there is no metric ${metric}`);
      for (const [label, value] of labels) {
        assert.ok(series.has(label) || OF_TARGETS.includes(label), `${where}: ${metric} has no label ${label}`);
        if (label === "condition") assertConditions(value, where);
      }
    }
    const known = selectors.flatMap(({ metric }) => [...(page.get(metric)?.keys() ?? [])]);
    const named = [...shown.matchAll(/\{\{ ?(?:\$labels\.)?(\w+) ?\}\}/g)].map(([, label]) => label!);
    for (const label of [...groups, ...named]) {
      assert.ok(known.includes(label) || OF_TARGETS.includes(label), `${where}: nothing has a label ${label}`);
    }
  }

  function assertConditions(pattern: string, where: string): void {
    const found = [...(page.get("appsecret_status_condition")?.get("condition") ?? [])];
    for (const one of pattern.split("|")) assert.ok(found.includes(one), `${where}: no condition is called ${one}`);
  }
});

promise("a query that asks for something else is found out", async () => {
  assert.throws(() => analyse("sum(rate(a[5m])"), /syntax error/);
  assert.equal(analyse(`sum by (le) (rate(a_bucket{x=~"1|2"}[5m])) or vector(0)`), {
    selectors: [{ metric: "a_bucket", labels: new Map([["x", "1|2"]]) }],
    groups: ["le"],
  });
});

run();
