/**
 * What size costs: a cluster that fills with AppSecrets while one operator publishes them, then with Secrets that are none
 * of its business; and at the full size a restart.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { apiRequests, WRITES } from "./api-requests.ts";
import { allOf, AT_ONCE, requestOnly, secretsPath } from "./load.ts";
import { cpuSeconds, memory } from "./proc.ts";
import type { Row, Section } from "./rows.ts";
import { publish } from "./speed.ts";
import { slope } from "./statistics.ts";
import type { Operator, World } from "./world.ts";

/** As many AppSecrets and Secrets as are usual in one namespace; with a thousand namespaces the rest of a cluster would be measured. */
const NAMESPACES = 20;
/** After a load: what is under way ends, and the heap comes to rest. */
const SETTLE_MS = 2000;

type Step = { appSecrets: number; cpuPerThousand: number; rss: number };

export async function growth(world: World): Promise<Section[]> {
  const { appSecrets, unrelatedSecrets } = world.scale;
  for (let index = 0; index < NAMESPACES; index += 1) await world.createNamespace(namespaceOf(index));
  const operator = await world.startOperator();
  const steps = await fill(world, operator);
  const before = { cpu: cpuSeconds(operator.pid), ...memory(operator.pid) };
  await addUnrelated(world);
  await sleep(SETTLE_MS);
  const unrelatedCpu = cpuSeconds(operator.pid) - before.cpu;
  const full = memory(operator.pid);
  await operator.stop();

  const count = `${appSecrets} AppSecrets`;
  const [first, last] = [steps[0], steps.at(-1)];
  const perThousand = slope(steps.map(({ appSecrets: x, rss }) => [x / 1000, rss]));
  return [
    {
      title: `Growth: one operator that publishes from ${first?.appSecrets} to ${count}, then ${unrelatedSecrets} unrelated Secrets`,
      rows: [
        { id: "cpu-first", what: "CPU at the first step", unit: "s per 1,000", operator: first?.cpuPerThousand ?? NaN },
        {
          id: "cpu-last",
          what: "CPU at the last step, and ÷ the first",
          unit: "s per 1,000",
          operator: last?.cpuPerThousand ?? NaN,
          ratio: (last?.cpuPerThousand ?? NaN) / (first?.cpuPerThousand ?? NaN),
        },
        {
          id: "rss-growth",
          what: "RSS per 1,000 further AppSecrets",
          unit: "MiB",
          operator: perThousand,
          bar: { of: "operator", most: 4 },
        },
        {
          id: "cpu-unrelated",
          what: "CPU for Secrets of others",
          unit: "s per 1,000",
          operator: (unrelatedCpu / unrelatedSecrets) * 1000,
        },
        memoryRow("rss-full", `RSS at ${count} and ${unrelatedSecrets} Secrets`, full),
      ],
    },
    {
      title: `Restart at ${count} and ${unrelatedSecrets} unrelated Secrets, all in place`,
      rows: await restart(world),
    },
  ];
}

function namespaceOf(index: number): string {
  return `growth-${index % NAMESPACES}`;
}

async function fill(world: World, operator: Operator): Promise<Step[]> {
  const { appSecrets, steps } = world.scale;
  const each = appSecrets / steps;
  const measured: Step[] = [];
  for (let step = 0; step < steps; step += 1) {
    world.progress(0.1 + (0.45 * step) / steps, `growth: ${step * each} of ${appSecrets} AppSecrets`);
    const before = cpuSeconds(operator.pid);
    const namespace = namespaceOf(step);
    await publish(world, namespace, each, requestOnly(world.client, namespace));
    await sleep(SETTLE_MS);
    const cpuPerThousand = ((cpuSeconds(operator.pid) - before) / each) * 1000;
    measured.push({ appSecrets: (step + 1) * each, cpuPerThousand, rss: memory(operator.pid).rss });
  }
  return measured;
}

async function addUnrelated({ client, scale, progress }: World): Promise<void> {
  const count = scale.unrelatedSecrets;
  const data = { token: Buffer.alloc(200, "x").toString("base64") };
  await allOf(count, 2 * AT_ONCE, async (index) => {
    if (index % 500 === 0) progress(0.55 + (0.3 * index) / count, `growth: ${index} of ${count} unrelated Secrets`);
    const body = { apiVersion: "v1", kind: "Secret", metadata: { name: `unrelated-${index}` }, data };
    await client.create(secretsPath(namespaceOf(index)), body, {
      metadataOnly: true,
      query: { fieldManager: "somebody" },
    });
  });
}

async function restart(world: World): Promise<Row[]> {
  const { cluster, scale } = world;
  world.progress(0.88, "growth: a restart");
  const before = await apiRequests(cluster);
  const operator = await world.startOperator();
  const atReady = memory(operator.pid);
  await sleep(scale.steadySeconds * 1000);
  const after = await apiRequests(cluster);
  const later = memory(operator.pid);
  await operator.stop();
  const made = (verbs: readonly string[], ...resources: string[]) =>
    resources.reduce((sum, resource) => sum + after.count(resource, verbs) - before.count(resource, verbs), 0);
  const during = `${scale.steadySeconds} s`;
  return [
    {
      id: "ready",
      what: "from start to ready",
      unit: "s",
      operator: operator.readyMs / 1000,
      bar: { of: "time", most: 10 },
    },
    memoryRow("rss-ready", "RSS when ready", atReady),
    memoryRow("rss-restart", `RSS ${during} later`, later),
    {
      id: "writes-restart",
      what: `writes in the first ${during}`,
      unit: "requests",
      operator: made(WRITES, "secrets", "appsecrets", "events"),
      bar: { of: "operator", most: 0 },
    },
    {
      id: "reads-restart",
      what: `Secrets read in the first ${during}`,
      unit: "requests",
      operator: made(["GET"], "secrets"),
      bar: { of: "operator", most: 0 },
    },
  ];
}

function memoryRow(id: string, what: string, { rss, peak }: { rss: number; peak: number }): Row {
  const note = `at its peak ${peak.toFixed(0)} MiB`;
  return { id, what, unit: "MiB", operator: rss, bar: { of: "operator", most: 150 }, note };
}
