/**
 * What live checks cost: how many are made, and whether targets that hang delay anybody else. A login provider on this
 * machine counts its requests. The operator is the same as in the other rows but that it checks.
 */
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { keepDirectory } from "#testbed/control-plane/lifeline";
import type { AppSecret } from "#api/schema/spec";
import { phaseOf } from "#plan/check-subject";
import { createCertificateAuthority } from "#testbed/servers/tls";
import type { Certificate } from "#testbed/servers/tls";
import { allOf, AT_ONCE, createAppSecret, paced } from "./load.ts";
import { observe } from "./observer.ts";
import type { Bar, Section } from "./rows.ts";
import { median, quantile, sum } from "./statistics.ts";
import type { World } from "./world.ts";

/** Less than the operator spends on one host in the long run, so that its budget is not what is measured. */
const PER_SECOND = 8;
/** Between a process and the next one. */
const PAUSE_MS = 500;

export async function verification(world: World): Promise<Section[]> {
  const directory = await keepDirectory();
  const ca = createCertificateAuthority();
  const bundle = join(directory.path, "ca.pem");
  await writeFile(bundle, ca.caPem);
  const provider = await startProvider(ca.issue({ hosts: ["127.0.0.1"] }));
  const silent = await startSilent(world.scale.hanging);
  const { verifyIntervalSeconds } = world.scale;
  const flags = [
    "--egress-allow=127.0.0.0/8",
    `--ca-bundle=${bundle}`,
    `--verify-interval=${verifyIntervalSeconds}s`,
    "--offline=false",
  ];
  try {
    const checks = await countChecks(world, provider, flags);
    // An interval so long that no check is repeated meanwhile.
    const delays = await delaysByHanging(world, provider, silent.origins, flags.with(2, "--verify-interval=1h"));
    return [checks, delays];
  } finally {
    await Promise.all([provider.close(), silent.close()]);
    await directory.remove();
  }
}

/**
 * Each target is checked at its turns, an interval apart and at known moments (`phaseOf`). So the checks of a turn are counted,
 * and not those between two moments, which a turn might lie on: a check belongs to the turn that is nearest in time.
 */
async function countChecks(world: World, provider: Provider, flags: readonly string[]): Promise<Section> {
  const { verified, targets, verifyIntervalSeconds } = world.scale;
  const intervalMs = verifyIntervalSeconds * 1000;
  const phases = new Map<string, number>();
  const secrets = await observe(world.client, "/api/v1/secrets", "ADDED");
  const operator = await world.startOperator({ flags });
  await allOf(verified, AT_ONCE, async (index) => {
    if (index % 50 === 0) world.progress((0.2 * index) / verified, `checks: ${index} of ${verified} environments`);
    const path = `/shared/${index % targets}`;
    phases.set(path, phaseOf(await signIn(world, `checked-${index}`, provider.origin + path)));
  });
  await secrets.until(verified);
  secrets.stop();
  const first = provider.checks.length;

  /** Waits until the first turn of each target after a moment has passed. Gives how many checks of each target count. */
  async function firstTurns(after: number, counts: (check: Check, nearest: number, turn: number) => boolean) {
    const turns = [...phases].map(([path, phase]) => ({ path, phase, turn: Math.ceil(after / intervalMs - phase) }));
    await sleep(Math.max(...turns.map(({ phase, turn }) => (turn + phase + 0.5) * intervalMs)) - Date.now());
    return turns.map(({ path, phase, turn }) => {
      const isCounted = (check: Check) => counts(check, Math.round(check.at / intervalMs - phase), turn);
      return provider.checks.filter((check) => check.path === path && isCounted(check)).length;
    });
  }

  world.progress(0.2, "checks: a turn of each target");
  // Not the first turn of all: an answer that is still young then is not asked again.
  const steady = await firstTurns(Date.now() + intervalMs, (_check, nearest, turn) => nearest === turn);
  world.progress(0.4, "checks: the next turn of each target after a restart");
  await operator.stop();
  // What the old process has asked arrives meanwhile; all that comes later is the new one's.
  await sleep(PAUSE_MS);
  const stopped = Date.now();
  const restarted = await world.startOperator({ flags });
  const ready = Date.now();
  const afterwards = await firstTurns(stopped, ({ at }, nearest, turn) => at >= stopped && nearest <= turn);
  await restarted.stop();

  const passed = [...phases.values()].filter(
    (phase) => (Math.ceil(stopped / intervalMs - phase) + phase) * intervalMs < ready,
  );
  const surplus = sum([...steady, ...afterwards].map((checks) => Math.max(0, checks - 1)));
  const row = (id: string, what: string, operatorChecks: number, bar: Omit<Bar, "of">) => ({
    ...{ id, what, unit: "checks", operator: operatorChecks },
    bar: { of: "operator" as const, ...bar },
  });
  return {
    title: `Live checks: ${verified} AppSecrets (an environment each) with ${targets} targets, every ${verifyIntervalSeconds} s`,
    rows: [
      row("checks-first", "until all are published", first, { least: targets, most: targets }),
      row("checks-interval", "at one turn of each target", sum(steady), { least: targets, most: targets }),
      {
        ...row("checks-restart", "after a restart, at the next turn of each", sum(afterwards), { most: targets }),
        note: `${passed.length} of the turns came while no operator was ready`,
      },
      row("checks-surplus", "of these: second ones for one turn", surplus, { most: 0 }),
    ],
  };
}

/** The others, with and without hanging targets beside them, in turns: their targets are each checked for the first time. */
async function delaysByHanging(
  world: World,
  provider: Provider,
  hanging: readonly string[],
  flags: readonly string[],
): Promise<Section> {
  const latencies = { without: [] as number[], beside: [] as number[] };
  const ratios: number[] = [];
  for (let round = 0; round < world.scale.hangingRounds; round += 1) {
    const p99: Record<keyof typeof latencies, number> = { without: NaN, beside: NaN };
    // In turns also as to who begins.
    for (const kind of round % 2 === 0 ? (["without", "beside"] as const) : (["beside", "without"] as const)) {
      world.progress(0.5 + (0.5 * round) / world.scale.hangingRounds, `checks: others ${kind} hanging targets`);
      const operator = await world.startOperator({ flags });
      const name = `${kind}-${round}`;
      await paced(20, 20, (index) =>
        signIn(world, `${name}-warm-${index}`, `${provider.origin}/${name}/warm-${index}`),
      );
      if (kind === "beside") {
        await allOf(hanging.length, AT_ONCE, (index) => signIn(world, `${name}-h-${index}`, `${hanging[index]}/jwks`));
      }
      const measured = await others(world, provider, name);
      await operator.stop();
      latencies[kind].push(...measured);
      p99[kind] = quantile(measured, 0.99);
    }
    ratios.push(p99.beside / p99.without);
  }
  const row = (id: string, what: string, at: number, ratio: number, bar: boolean) => ({
    id,
    what,
    unit: "ms",
    floor: quantile(latencies.without, at),
    operator: quantile(latencies.beside, at),
    ratio,
    ...(bar ? { bar: { of: "ratio" as const, most: 1.5 } } : {}),
  });
  const p50 = median(latencies.beside) / median(latencies.without);
  return {
    title: `Others beside ${hanging.length} hanging targets: create to Secret at ${PER_SECOND}/s ("floor": without them)`,
    rows: [row("hanging-p50", "p50", 0.5, p50, false), row("hanging-p99", "p99", 0.99, median(ratios), true)],
  };
}

async function others(world: World, provider: Provider, name: string): Promise<number[]> {
  const count = world.scale.hangingSeconds * PER_SECOND;
  const secrets = await observe(world.client, "/api/v1/secrets", "ADDED");
  const begun = new Map<string, number>();
  try {
    const names = Array.from({ length: count }, (_, index) => `${name}-${index}`);
    for (const namespace of names) await world.createNamespace(namespace);
    await paced(count, PER_SECOND, (index) => {
      const own = names[index] ?? "";
      begun.set(own, performance.now());
      return signIn(world, own, `${provider.origin}/${name}/${index}`, false);
    });
    const deadline = performance.now() + 60_000;
    while (!names.every((own) => secrets.seen.has(own)) && performance.now() < deadline) await sleep(20);
    return names.map((own) => (secrets.seen.get(own) ?? Infinity) - (begun.get(own) ?? 0));
  } finally {
    secrets.stop();
  }
}

/** An environment with one Authentication, both of this name. */
async function signIn(world: World, name: string, jwksUri: string, isNew = true): Promise<AppSecret> {
  if (isNew) await world.createNamespace(name);
  const authentication = { jwksUri, audience: "orders-api" };
  return createAppSecret(world.client, name, name, { type: "Authentication", authentication });
}

/** `at`: in milliseconds since the epoch, from which the operator counts its turns, too. */
type Check = { path: string; at: number };
type Provider = { origin: string; readonly checks: readonly Check[]; close: () => Promise<void> };

/** Answers every path with the same good key set. */
async function startProvider({ certPem, keyPem }: Certificate): Promise<Provider> {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = { ...publicKey.export({ format: "jwk" }), kid: "one", alg: "ES256", use: "sig" };
  const body = JSON.stringify({ keys: [key] });
  const checks: Check[] = [];
  const server = createTlsServer({ cert: certPem, key: keyPem }, ({ url = "" }, response) => {
    checks.push({ path: url, at: Date.now() });
    response.writeHead(200, { "content-type": "application/jwk-set+json" }).end(body);
  });
  const port = await listen(server);
  return { origin: `https://127.0.0.1:${port}`, checks, close: () => close(server) };
}

/** So many hosts that take a connection and never say a word. */
async function startSilent(count: number): Promise<{ origins: string[]; close: () => Promise<void> }> {
  const servers = Array.from({ length: count }, () => createServer((socket) => socket.on("error", () => undefined)));
  const ports = await Promise.all(servers.map(listen));
  return {
    origins: ports.map((port) => `https://127.0.0.1:${port}`),
    close: async () => {
      await Promise.all(servers.map(close));
    },
  };
}

const sockets = new WeakMap<Server, Set<{ destroy(): unknown }>>();

async function listen(server: Server): Promise<number> {
  const open = new Set<{ destroy(): unknown }>();
  sockets.set(server, open);
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  for (const socket of sockets.get(server) ?? []) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
}
