/** docs/metrics.md lists what the operator and the chart have. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { createMetrics } from "#observe/metrics";
import { read } from "./pages.ts";

const PAGE = read("docs/metrics.md");
/** The first cell of each row of its tables. */
const listed = [...PAGE.matchAll(/^\| `([^`]+)` /gm)].map(([, name = ""]) => name);

test("it lists every metric", async () => {
  const page = [...(await createMetrics({ processMetrics: false }).page()).text].join("");
  const metrics = [...page.matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name);
  assert.ok(metrics.length > 10);
  assert.equal(listed.filter((name) => /^(appsecret|workqueue)_/.test(name)).toSorted(), metrics.toSorted());
});

test("it lists every alert, with its severity", () => {
  const { groups } = parse(read("charts/appsecret-operator/files/alerts.yaml")) as {
    groups: { rules: { alert: string; labels: { severity: string } }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  assert.equal(
    listed.filter((name) => name.startsWith("AppSecret")),
    rules.map(({ alert }) => alert),
  );
  for (const { alert, labels } of rules) assert.match(PAGE, new RegExp(`\`${alert}\` +\\| ${labels.severity} `));
});

test.run();
