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
import { keepDirectory } from "../../hack/control-plane/lifeline.ts";
import { createCertificateAuthority } from "../../hack/servers/tls.ts";
import type { Certificate } from "../../hack/servers/tls.ts";
import { allOf, AT_ONCE, createAppSecret, paced } from "./load.ts";
import { observe } from "./observer.ts";
import type { Section } from "./rows.ts";
import { median, quantile } from "./statistics.ts";
import type { World } from "./world.ts";

/** Less than the operator spends on one host in the long run, so that its budget is not what is measured. */
const PER_SECOND = 8;

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

async function countChecks(world: World, provider: Provider, flags: readonly string[]): Promise<Section> {
  const { verified, targets, verifyIntervalSeconds } = world.scale;
  const secrets = await observe(world.client, "/api/v1/secrets", "ADDED");
  const operator = await world.startOperator({ flags });
  await allOf(verified, AT_ONCE, async (index) => {
    if (index % 50 === 0) world.progress((0.3 * index) / verified, `checks: ${index} of ${verified} environments`);
    await signIn(world, `checked-${index}`, `${provider.origin}/shared/${index % targets}`);
  });
  await secrets.until(verified);
  secrets.stop();
  const first = provider.requests();
  const during = async (what: string) => {
    world.progress(0.4, `checks: ${what}`);
    const before = provider.requests();
    await sleep(verifyIntervalSeconds * 1000);
    return provider.requests() - before;
  };
  // An answer that is still young at its first turn is not asked again.
  await during("the first interval");
  const steady = await during("one interval");
  await operator.stop();
  const restarted = await world.startOperator({ flags });
  const afterwards = await during("one interval with a restart");
  await restarted.stop();
  const row = (id: string, what: string, count: number) => ({
    ...{ id, what, unit: "checks", operator: count },
    bar: { of: "operator" as const, most: targets },
  });
  return {
    title: `Live checks: ${verified} AppSecrets (an environment each) with ${targets} targets, every ${verifyIntervalSeconds} s`,
    rows: [
      row("checks-first", "until all are published", first),
      row("checks-interval", "in one interval", steady),
      row("checks-restart", "in one interval after a restart", afterwards),
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
async function signIn(world: World, name: string, jwksUri: string, isNew = true): Promise<void> {
  if (isNew) await world.createNamespace(name);
  const authentication = { jwksUri, audience: "orders-api" };
  await createAppSecret(world.client, name, name, { type: "Authentication", authentication });
}

type Provider = { origin: string; requests: () => number; close: () => Promise<void> };

/** Answers every path with the same good key set. */
async function startProvider({ certPem, keyPem }: Certificate): Promise<Provider> {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = { ...publicKey.export({ format: "jwk" }), kid: "one", alg: "ES256", use: "sig" };
  const body = JSON.stringify({ keys: [key] });
  let requests = 0;
  const server = createTlsServer({ cert: certPem, key: keyPem }, (_request, response) => {
    requests += 1;
    response.writeHead(200, { "content-type": "application/jwk-set+json" }).end(body);
  });
  const port = await listen(server);
  return { origin: `https://127.0.0.1:${port}`, requests: () => requests, close: () => close(server) };
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
