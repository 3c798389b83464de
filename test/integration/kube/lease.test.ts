/** Leader election over a Lease of a real API server. The periods are a tenth of the defaults. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PartialObject } from "#common/object-meta";
import type { KubeClient } from "#kube/client/client";
import { createClient } from "#kube/client/client";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import type { Lease } from "#kube/lease-record";
import type { Election } from "#kube/lease";
import { startElection } from "#kube/lease";
import { silent } from "#common/log";
import { createFaultyProxy } from "#support/kube/proxy";
import { eventually } from "#support/operator/eventually";

const DURATION = 2000;
const PERIODS = { leaseDurationMs: DURATION, renewDeadlineMs: 1300, retryPeriodMs: 300 };
/** A Lease that does not end within a test, however busy the machine is: what happens, happens for another reason. */
const LONG = { leaseDurationMs: 90_000, renewDeadlineMs: 60_000, retryPeriodMs: 300 };

const client = createClient(await loadKubeConfig(), { fieldManager: "test" });
const undo: (() => unknown)[] = [];
let namespace = "";
const leases = () => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
const read = () => client.get<Lease>(`${leases()}/elected`);

test.before.each(async () => {
  namespace = `lease-${randomBytes(4).toString("hex")}`;
  await client.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
});

test.after.each(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  await client.remove(`/api/v1/namespaces/${namespace}`);
});

test.after(() => client.close());

type Contender = Election & { told: string[] };

function contend(
  identity: string,
  via: Pick<KubeClient, "get" | "create" | "update"> = client,
  periods: typeof PERIODS = PERIODS,
): Contender {
  const told: string[] = [];
  const election = startElection({
    client: via,
    ...{ namespace, name: "elected", identity, log: silent, ...periods },
    onLeading: () => told.push("leading"),
    onLost: () => told.push("lost"),
  });
  undo.push(() => election.release());
  return Object.assign(election, { told });
}

const leads = (contender: Election) => eventually(() => assert.ok(contender.isLeading()));

/** As a replica that stops renewing and tells nobody. */
async function faulty() {
  const proxy = await createFaultyProxy();
  const through = createClient(proxy.config, { fieldManager: "test" });
  undo.push(
    () => proxy.close(),
    () => through.close(),
  );
  return { proxy, through };
}

test("the first replica takes the Lease, renews it and keeps it; the Lease looks like those of client-go", async () => {
  const a = contend("a", client, LONG);
  await leads(a);
  const first = await read();
  assert.is(first.spec?.holderIdentity, "a");
  assert.is(first.spec?.leaseDurationSeconds, 90);
  assert.is(first.spec?.leaseTransitions, 0);
  for (let turn = 0; turn < 30; turn += 1) {
    await sleep(100);
    assert.ok(a.isLeading());
  }
  const later = await read();
  assert.is(later.spec?.acquireTime, first.spec?.acquireTime);
  assert.ok((later.spec?.renewTime ?? "") > (first.spec?.renewTime ?? ""));
  assert.equal(a.told, ["leading"]);
});

test("a follower waits as long as the leader renews, and knows who that is", async () => {
  const periods = { leaseDurationMs: 5000, renewDeadlineMs: 3000, retryPeriodMs: 300 };
  const a = contend("a", client, periods);
  await leads(a);
  const b = contend("b", client, periods);
  await sleep(periods.leaseDurationMs + 1000);
  assert.is(b.isLeading(), false);
  assert.is(b.holder, "a");
  assert.equal(b.told, []);
});

test("a leader that releases hands over at once", async () => {
  const a = contend("a", client, LONG);
  await leads(a);
  const b = contend("b", client, LONG);
  await eventually(() => assert.is(b.holder, "a"));
  await a.release();
  assert.is(a.isLeading(), false);
  await leads(b);
  assert.is((await read()).spec?.leaseTransitions, 1);
});

test("a leader that is cut off stops leading before another one may start, which is soon after the Lease ends", async () => {
  const { proxy, through } = await faulty();
  const a = contend("a", through);
  await leads(a);
  const b = contend("b");
  await eventually(() => assert.is(b.holder, "a"));
  proxy.stall();
  const began = performance.now();
  // The last moment at which a led, by a clock that was read before the question: a busy machine makes neither it later nor
  // b earlier.
  let aLed = 0;
  while (!b.isLeading()) {
    const now = performance.now() - began;
    if (a.isLeading()) aLed = now;
    if (now > DURATION + 2000) break;
    await sleep(2);
  }
  const bStarted = performance.now() - began;
  assert.ok(b.isLeading(), "within the lease duration and two seconds");
  assert.not.ok(a.isLeading());
  assert.ok(aLed <= PERIODS.renewDeadlineMs, `a led for another ${aLed} ms`);
  assert.ok(bStarted - aLed > 200, `a until ${aLed} ms, b from ${bStarted} ms`);
  assert.equal(a.told, ["leading", "lost"]);
});

test("a leader that is cut off for less than its deadline keeps leading", async () => {
  const { proxy, through } = await faulty();
  const periods = { leaseDurationMs: 4000, renewDeadlineMs: 3000, retryPeriodMs: 300 };
  const a = contend("a", through, periods);
  await leads(a);
  proxy.answer = () => "reset";
  await sleep(1000);
  assert.ok(a.isLeading());
  proxy.answer = () => undefined;
  await sleep(periods.renewDeadlineMs);
  assert.ok(a.isLeading());
  assert.equal(a.told, ["leading"]);
});

test("a replica that lost the Lease follows, and leads again when the Lease is free", async () => {
  const { proxy, through } = await faulty();
  const a = contend("a", through);
  await leads(a);
  proxy.answer = () => ({ status: 503 });
  await eventually(() => assert.equal(a.told, ["leading", "lost"]));
  proxy.answer = () => undefined;
  await eventually(() => assert.equal(a.told, ["leading", "lost", "leading"]));
});

for (const [what, clock, jump, stays] of [
  ["the wall clock jumps by the deadline, as after a suspended machine", Date, PERIODS.renewDeadlineMs, false],
  ["the wall clock is set forward by an hour", Date, 3_600_000, false],
  ["the wall clock is set back by an hour", Date, -3_600_000, true],
  ["the monotonic clock jumps by the deadline, as after a SIGSTOP", performance, PERIODS.renewDeadlineMs, false],
] as const) {
  test(`${what}: ${stays ? "it goes on" : "it is no leader until it has renewed"}`, async () => {
    const a = contend("a");
    await leads(a);
    const now = clock.now.bind(clock);
    clock.now = () => now() + jump;
    undo.push(() => (clock.now = now));
    assert.is(a.isLeading(), stays);
    await leads(a);
  });
}

test("times in the Lease that are an hour off, as of a machine with another clock, decide nothing", async () => {
  for (const skew of [-3_600_000, 3_600_000]) {
    const stamp = new Date(Date.now() + skew).toISOString().replace("Z", "000Z");
    const spec = { holderIdentity: "x", leaseDurationSeconds: 2, renewTime: stamp, acquireTime: stamp };
    const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "elected" }, spec };
    await client.create(leases(), lease);
    const began = performance.now();
    const b = contend("b");
    await leads(b);
    const waited = performance.now() - began;
    assert.ok(waited >= DURATION - 50 && waited < DURATION + 2000, `${skew} ms off: took over after ${waited} ms`);
    await b.release();
    await client.remove(`${leases()}/elected`);
  }
});

test("a deleted Lease is created again", async () => {
  const a = contend("a");
  await leads(a);
  await client.remove(`${leases()}/elected`);
  await eventually(async () => assert.is((await read()).spec?.holderIdentity, "a"));
  await leads(a);
  assert.equal(a.told, ["leading"], "the operator ends when it is told that the Lease is lost");
});

test("of two replicas that write at once one wins by its resourceVersion; the other follows", async () => {
  const a = contend("a");
  const b = contend("b");
  await eventually(() => assert.ok(a.isLeading() || b.isLeading()));
  await sleep(500);
  assert.is(Number(a.isLeading()) + Number(b.isLeading()), 1);
  const { spec } = await read();
  assert.is(spec?.holderIdentity, a.isLeading() ? "a" : "b");
});

test("a leader that finds another name in the Lease stops leading at its next renewal", async () => {
  const a = contend("a", client, LONG);
  await leads(a);
  await client.patch(`${leases()}/elected`, { spec: { holderIdentity: "x" } }, "merge");
  await eventually(() => assert.equal(a.told, ["leading", "lost"]));
  assert.is(a.holder, "x");
});

test("of three replicas behind bad connections never two lead at once, and mostly one does", async () => {
  const contenders = await Promise.all(
    ["a", "b", "c"].map(async (identity) => {
      const { proxy, through } = await faulty();
      return { election: contend(identity, through), proxy };
    }),
  );
  const end = performance.now() + 10_000;
  let none = 0;
  let samples = 0;
  let turns = 0;
  const changes = setInterval(() => {
    turns += 1;
    for (const [index, { proxy }] of contenders.entries()) {
      // One after another is cut off for longer than a lease; the others are slow, or refused now and then.
      const cut = Math.floor(turns / 10) % 4 === index;
      proxy.answer = async () => {
        await sleep(Math.random() * 100);
        return cut || Math.random() < 0.1 ? "reset" : undefined;
      };
    }
  }, 300);
  undo.push(() => clearInterval(changes));
  const leaders = new Set<number>();
  while (performance.now() < end) {
    const leading = contenders.flatMap(({ election }, index) => (election.isLeading() ? [index] : []));
    assert.ok(leading.length <= 1, `two lead: ${leading.join()}`);
    for (const index of leading) leaders.add(index);
    if (leading.length === 0) none += 1;
    samples += 1;
    await sleep(1);
  }
  assert.ok(leaders.size >= 2, "it changed hands");
  assert.ok(none / samples < 0.6, `nobody led in ${none} of ${samples} samples`);
});

test("a leader that was paused and wakes up does not write a single time", async () => {
  const writer = `/api/v1/namespaces/${namespace}/configmaps`;
  await client.create(writer, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "written" } });
  const start = (identity: string) => {
    const file = fileURLToPath(new URL("../../support/kube/elector.ts", import.meta.url));
    const args = [file, namespace, identity, ...Object.values(PERIODS).map(String)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    undo.push(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
    return { child, said: () => said, writes: () => said.split("wrote\n").length - 1 };
  };
  const writers: string[] = [];
  const ended = new AbortController();
  undo.push(() => ended.abort());
  void client
    .stream(writer, {
      query: { watch: "true", timeoutSeconds: "60" },
      idleMs: 60_000,
      signal: ended.signal,
      onValue(value) {
        const { object } = value as { object: PartialObject & { data?: { writer?: string } } };
        if (object.data?.writer) writers.push(object.data.writer);
      },
    })
    .catch(() => undefined);

  const a = start("a");
  await eventually(() => assert.ok(a.writes() > 5));
  const b = start("b");
  await eventually(() => assert.match(b.said(), "sees who leads"));
  a.child.kill("SIGSTOP");
  const began = performance.now();
  await eventually(() => assert.ok(b.writes() > 0), DURATION + 2000);
  assert.ok(performance.now() - began < DURATION + 2000);
  await sleep(200);
  // What was on its way when the process was stopped is executed before; nothing may follow the first write of the other.
  a.child.kill("SIGCONT");
  await sleep(2000);
  const before = b.writes();
  const seenOfB = () => writers.filter((name) => name === "b").length;
  await eventually(() => assert.ok(seenOfB() > before + 20, "the other one goes on"));
  assert.is(
    writers.slice(writers.indexOf("b")).includes("a"),
    false,
    "the paused one wrote after the other one had begun",
  );
});

test.run();
