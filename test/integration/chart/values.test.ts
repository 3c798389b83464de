/** The values of the chart: each has a default, a schema that refuses a wrong one with its path, and a template that reads it. */
import { readFileSync, readdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { LOG_LEVELS } from "#observe/logger";
import { CHART, helm } from "#support/chart/helm";

test("the log levels that it takes are those of the operator: any other one would end the Pod", () => {
  const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, "utf8")) as {
    properties: { log: { properties: { level: { enum: string[] } } } };
  };
  assert.equal(schema.properties.log.properties.level.enum, [...LOG_LEVELS]);
});

const REFUSED: [set: string, path: string][] = [
  ["replicas=2", "replicas"],
  ["replicaCount=two", "/replicaCount"],
  ["image.pullpolicy=Never", "pullpolicy"],
  ["image.pullPolicy=Sometimes", "/image/pullPolicy"],
  ["image.digest=sha256:abc", "/image/digest"],
  ["crds.keep=maybe", "/crds/keep"],
  ["scope.namespaces={Staging}", "/scope/namespaces/0"],
  ["log.level=verbose", "/log/level"],
  ["concurrency=0", "/concurrency"],
  ["verify.interval=soon", "/verify/interval"],
  ["verify.atlasBaseUrl=http://atlas.example.com", "/verify/atlasBaseUrl"],
  ["egress.allow={10.0.0.1}", "/egress/allow/0"],
  ["httpsProxy=proxy.example.com", "/httpsProxy"],
  ["metrics.port=80", "/metrics/port"],
  ["serviceMonitor.interval=often", "/serviceMonitor/interval"],
  ["podLabels.a=b c", "/podLabels/a"],
  ["extraArgs={debug}", "/extraArgs/0"],
];
for (const [set, path] of REFUSED) {
  test(`refused, with its path: --set ${set}`, async () => {
    const { code, stderr } = await helm(["template", "x", CHART, "--set", set]);
    assert.is.not(code, 0);
    assert.match(stderr, "values don't meet the specifications of the schema");
    assert.match(stderr, path);
  });
}

for (const [set, because] of [
  ["leaderElect=false,replicaCount=2", "leaderElect: false is for one replica only"],
  ["serviceAccount.create=false", "serviceAccount.name is needed"],
  ["serviceMonitor.enabled=true,metrics.service.enabled=false", "podMonitor works without a Service"],
] as const) {
  test(`refused, in words: --set ${set}`, async () => {
    const { code, stderr } = await helm(["template", "x", CHART, "--set", set]);
    assert.is.not(code, 0);
    assert.match(stderr, because);
  });
}

test("every value is in values.yaml, in its schema and in a template", () => {
  const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, "utf8")) as Schema;
  const values = parse(readFileSync(`${CHART}/values.yaml`, "utf8")) as Record<string, unknown>;
  // `global` is Helm's own.
  const known = leaves(schema).filter((path) => path !== "global");
  const fields = (value: object, of: string): string[] =>
    Object.entries(value).flatMap(([name, one]) => {
      const path = `${of}${name}`;
      return known.includes(path) || typeof one !== "object" ? [path] : fields(one as object, `${path}.`);
    });
  assert.equal(fields(values, "").sort(), known.sort());
  const templates = readdirSync(`${CHART}/templates`, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(yaml|tpl|txt)$/.test(name))
    .map((name) => readFileSync(`${CHART}/templates/${name}`, "utf8"))
    .join("");
  for (const path of known) assert.match(templates, new RegExp(`\\.Values\\.${path.replaceAll(".", "\\.")}\\b`), path);
  const open = [...objects(schema)].filter(
    ({ additionalProperties, properties }) => properties && additionalProperties !== false,
  );
  assert.equal(open, []);
});

type Schema = { properties?: Record<string, Schema>; additionalProperties?: unknown };

function* objects(schema: Schema): Generator<Schema> {
  yield schema;
  for (const one of Object.values(schema.properties ?? {})) yield* objects(one);
}

/** Taken as a whole, with the fields that Kubernetes gives them; not all of these have a default. */
const OF_KUBERNETES = ["resources", "livenessProbe", "readinessProbe"];

/** Paths of what has no fields of its own: image.tag */
function leaves(schema: Schema, of = ""): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, one]) =>
    one.properties === undefined || OF_KUBERNETES.includes(name) ? [`${of}${name}`] : leaves(one, `${of}${name}.`),
  );
}

test.run();
