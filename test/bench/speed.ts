/**
 * How fast: the floor and the operator in turns, in pairs of both orders, because a machine is never twice the same. Each
 * ratio is of two neighbours in time; the median of them is the row's. Only the latencies of all rounds are taken together, for
 * a p99 needs many.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { AppSecret } from "#api/schema/spec";
import { apiRequests, WRITES } from "./api-requests.ts";
import {
  allOf,
  appSecretsPath,
  AT_ONCE,
  createAppSecret,
  floor,
  paced,
  requestOnly,
  secretsPath,
  templateOf,
} from "./load.ts";
import type { Maker, Template } from "./load.ts";
import { observe } from "./observer.ts";
import { cpuSeconds } from "./proc.ts";
import type { Section } from "./rows.ts";
import { watchStalls } from "./stalls.ts";
import { median, quantile } from "./statistics.ts";
import type { Operator, World } from "./world.ts";

const PER_SECOND = 20;
const SLOW_MS = 100;

/** CPU in seconds per 1,000 objects: of the operator, and of every process that takes part. */
type Round = { perSecond: number; operatorCpu: number; wholeCpu: number; latency: Latency };
/** `toSecret` and `toReply`: of each AppSecret. `stall`: how late a thread was that did nothing (stalls.ts). All in ms. */
type Latency = { toSecret: number[]; toReply: number[]; stall: number };
type Kind = "floor" | "operator";

export async function speed(world: World): Promise<Section[]> {
  const { client, scale } = world;
  const template = await learnTemplate(world);
  const rounds: Record<Kind, Round[]> = { floor: [], operator: [] };
  const order = Array.from({ length: scale.pairs }, (_, pair): Kind[] =>
    pair % 2 === 0 ? ["floor", "operator"] : ["operator", "floor"],
  ).flat();
  for (const [index, kind] of order.entries()) {
    const name = `round-${index}`;
    world.progress(0.05 + (0.9 * index) / order.length, `speed, round ${index + 1} of ${order.length}: ${kind}`);
    await world.createNamespace(name);
    if (kind === "floor") {
      rounds.floor.push(await measure(world, name, floor(client, name, template)));
    } else {
      const operator = await startWarm(world, `warm-${index}`);
      rounds.operator.push(await measure(world, name, requestOnly(client, name), operator));
      await operator.stop();
    }
  }
  world.progress(0.95, "speed: counting writes");
  return [throughput(rounds, scale.objects), latency(rounds), await writes(world)];
}

/** An operator whose code has been compiled by use, as it is after its first seconds in a cluster. */
export async function startWarm(world: World, namespace: string): Promise<Operator> {
  const { client, scale } = world;
  await world.createNamespace(namespace);
  const operator = await world.startOperator();
  await publish(world, namespace, scale.warmUp, requestOnly(client, namespace));
  return operator;
}

/** Makes `count` AppSecrets as fast as it goes. Resolves when each has its status; gives how many seconds it took. */
export async function publish({ client }: World, namespace: string, count: number, make: Maker): Promise<number> {
  const statuses = await observe(client, appSecretsPath(namespace), "MODIFIED");
  const before = statuses.seen.size;
  const began = performance.now();
  const prefix = `app-${Math.round(began)}`;
  try {
    await allOf(count, AT_ONCE, (index) => make(`${prefix}-${index}`));
    return ((await statuses.until(before + count)) - began) / 1000;
  } finally {
    statuses.stop();
  }
}

async function measure(world: World, namespace: string, make: Maker, operator?: Operator): Promise<Round> {
  const { objects, latencySeconds } = world.scale;
  const cpuOf = (pids: readonly number[]) => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const own = operator ? [operator.pid] : [];
  const whole = [process.pid, ...Object.values(world.cluster.pids), ...own];
  const [ownBefore, wholeBefore] = [cpuOf(own), cpuOf(whole)];
  const seconds = await publish(world, namespace, objects, make);
  const operatorCpu = ((cpuOf(own) - ownBefore) / objects) * 1000;
  const wholeCpu = ((cpuOf(whole) - wholeBefore) / objects) * 1000;
  const perSecond = objects / seconds;
  return {
    ...{ perSecond, operatorCpu, wholeCpu },
    latency: await latencies(world, namespace, latencySeconds * PER_SECOND, make),
  };
}

/** From the beginning of the create to the moment when a watch shows the Secret; and to the reply to the create. */
async function latencies({ client }: World, namespace: string, count: number, make: Maker): Promise<Latency> {
  const secrets = await observe(client, secretsPath(namespace), "ADDED");
  const before = secrets.seen.size;
  const begun = new Map<string, number>();
  const toReply: number[] = [];
  const stalls = watchStalls();
  try {
    await stalls.longest();
    await paced(count, PER_SECOND, async (index) => {
      begun.set(`paced-${index}`, performance.now());
      toReply.push(await make(`paced-${index}`));
    });
    await secrets.until(before + count);
    const toSecret = [...begun].map(([name, at]) => (secrets.seen.get(name) ?? NaN) - at);
    return { toSecret, toReply, stall: await stalls.longest() };
  } finally {
    secrets.stop();
    await stalls.stop();
  }
}

/** What the operator writes for an AppSecret, by having it write one. */
async function learnTemplate(world: World): Promise<Template> {
  const namespace = "template";
  const name = "the-name-in-the-template";
  world.progress(0.02, "speed: learning what the operator writes");
  await world.createNamespace(namespace);
  const operator = await world.startOperator();
  const statuses = await observe(world.client, appSecretsPath(namespace), "MODIFIED");
  await createAppSecret(world.client, namespace, name);
  await statuses.until(1);
  statuses.stop();
  await operator.stop();
  return templateOf(world.client, namespace, name);
}

function throughput(rounds: Record<Kind, Round[]>, objects: number): Section {
  const each = (kind: Kind, figure: "perSecond" | "wholeCpu") => rounds[kind].map((round) => round[figure]);
  const ratiosOf = (figure: "perSecond" | "wholeCpu") =>
    each("operator", figure).map((value, pair) => value / (each("floor", figure)[pair] ?? NaN));
  const ratios = ratiosOf("perSecond");
  return {
    title: `Throughput: ${objects} AppSecrets at once, until each has its Secret and its status; ${ratios.length} pairs`,
    rows: [
      {
        id: "throughput",
        what: "published",
        unit: "objects/s",
        floor: median(each("floor", "perSecond")),
        operator: median(each("operator", "perSecond")),
        ratio: median(ratios),
        bar: { of: "ratio", least: 0.85 },
        note: `ratios of the pairs: ${ratios.map((ratio) => ratio.toFixed(2)).join(", ")}`,
      },
      {
        id: "cpu",
        what: "the operator's CPU",
        unit: "s per 1,000 objects",
        operator: median(rounds.operator.map(({ operatorCpu }) => operatorCpu)),
      },
      {
        id: "cpu-whole",
        what: "everybody's CPU",
        unit: "s per 1,000 objects",
        floor: median(each("floor", "wholeCpu")),
        operator: median(each("operator", "wholeCpu")),
        ratio: median(ratiosOf("wholeCpu")),
        note: "bench, etcd, API server, controller manager, operator; hardly moved by what else the machine does",
      },
    ],
  };
}

function latency(rounds: Record<Kind, Round[]>): Section {
  const all = (kind: Kind, figure: "toSecret" | "toReply") => rounds[kind].flatMap((round) => round.latency[figure]);
  const row = (id: string, what: string, figure: "toSecret" | "toReply", at: number) => {
    const [ofFloor, ofOperator] = [quantile(all("floor", figure), at), quantile(all("operator", figure), at)];
    return { id, what, unit: "ms", floor: ofFloor, operator: ofOperator, ratio: ofOperator / ofFloor };
  };
  const bar = { of: "ratio" as const, most: 1.5 };
  // One stall makes many slow ones, in one round.
  const slow = (kind: Kind) =>
    rounds[kind].map((round) => round.latency.toSecret.filter((ms) => ms > SLOW_MS).length).join(", ");
  const stall = (kind: Kind) => Math.max(...rounds[kind].map((round) => round.latency.stall));
  return {
    title: `Latency: create to Secret at ${PER_SECOND}/s, ${all("operator", "toSecret").length} of each`,
    rows: [
      { ...row("latency-p50", "p50", "toSecret", 0.5), bar },
      {
        ...row("latency-p99", "p99", "toSecret", 0.99),
        bar,
        note: `over ${SLOW_MS} ms, by round: floor ${slow("floor")}; operator ${slow("operator")}`,
      },
      row("latency-reply-p99", "the reply to the create alone, p99", "toReply", 0.99),
      {
        id: "latency-stall",
        what: "a thread that does nothing, at most late",
        unit: "ms",
        floor: stall("floor"),
        operator: stall("operator"),
      },
    ],
  };
}

/** As the API server counts them; the bench's own creates taken off. Events have a budget of their own, however many are published. */
async function writes(world: World): Promise<Section> {
  const { client, cluster, scale } = world;
  const operator = await startWarm(world, "writes");
  const count = async () => {
    const requests = await apiRequests(cluster);
    return ["secrets", "appsecrets"].reduce((sum, resource) => sum + requests.count(resource, WRITES), 0);
  };
  const perObject = async (made: number, make: () => Promise<unknown>) => {
    const before = await count();
    await make();
    return ((await count()) - before - made) / made;
  };
  const custom = await perObject(scale.objects, () =>
    publish(world, "writes", scale.objects, requestOnly(client, "writes")),
  );
  const namespaces = Array.from({ length: scale.holders }, (_, index) => `holder-${index}`);
  for (const namespace of namespaces) await world.createNamespace(namespace);
  const holders = await perObject(scale.holders, () =>
    Promise.all(namespaces.map((namespace) => publishHolder(world, namespace))),
  );
  await operator.stop();
  return {
    title: `Writes per published AppSecret, counted by the API server`,
    rows: [
      {
        id: "writes",
        what: "Custom: its Secret and its status",
        unit: "writes",
        operator: custom,
        bar: { of: "operator", most: 2 },
      },
      {
        id: "writes-holder",
        what: "a type's holder: its label too",
        unit: "writes",
        operator: holders,
        bar: { of: "operator", most: 3 },
      },
    ],
  };
}

async function publishHolder({ client }: World, namespace: string): Promise<void> {
  const uri = { value: "mongodb://orders:s3cret@db.example.com:27017/" };
  const spec = { type: "Database", database: { name: "orders", mongodbUri: uri }, verify: "Off" };
  await createAppSecret(client, namespace, "orders", spec);
  const path = `${appSecretsPath(namespace)}/orders`;
  while ((await client.get<AppSecret>(path)).status?.secret === undefined) await sleep(20);
}
