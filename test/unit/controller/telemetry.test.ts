/** What is told of a change of state, and by which replica. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { AppSecret } from "#api/schema/spec";
import { createTelemetry } from "#controller/telemetry";
import { createLogger } from "#observe/logger";
import { createMetrics } from "#observe/metrics";
import { world } from "#support/plan/world";

const KEY = "staging/orders";

function appSecret(generation: number, observedGeneration: number): AppSecret {
  const { appSecret: one } = world({ type: "Custom", custom: { data: { A: { value: "1" } } } }, { generation });
  const secret = { name: "orders", uid: "u", resourceVersion: `${generation}`, generation, keys: ["A"] };
  const ready = { type: "Ready", status: "True", reason: "Published", message: "", observedGeneration } as const;
  const conditions = [{ ...ready, lastTransitionTime: "2026-11-23T12:00:00Z" }];
  return { ...one, status: { observedGeneration, ...(observedGeneration > 0 ? { secret, conditions } : {}) } };
}

function replica() {
  const lines: { level: string; msg: string }[] = [];
  const log = createLogger("debug", { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]) });
  const metrics = createMetrics({ processMetrics: false });
  const state = { leads: false, now: 0 };
  const telemetry = createTelemetry(log, metrics, { isLeading: () => state.leads, monotonicMs: () => state.now });
  const latencies = async () =>
    /publish_latency_seconds_count (\d+)/.exec([...(await metrics.page()).text].join(""))?.[1];
  const results = async (): Promise<Record<string, string>> => {
    const found = [...(await metrics.page()).text].join("").matchAll(/reconcile_total\{result="(\w+)"\} (\d+)/g);
    return Object.fromEntries([...found].map(([, result = "", count = ""]) => [result, count]));
  };
  return { ...telemetry, state, latencies, results, lines: () => lines.map(({ level, msg }) => `${level} ${msg}`) };
}

test("the replica that works logs a change of state; the one that only sees it does at debug level", () => {
  for (const [leads, level] of [
    [true, "info"],
    [false, "debug"],
  ] as const) {
    const { state, onAppSecret, lines } = replica();
    state.leads = leads;
    onAppSecret(undefined, appSecret(1, -1));
    onAppSecret(appSecret(1, -1), appSecret(1, 1));
    assert.equal(lines(), [`${level} published`]);
  }
});

test("what another replica has published does not count as waiting once this one takes over", async () => {
  const { state, onAppSecret, onReconciled, latencies } = replica();
  onAppSecret(undefined, appSecret(1, -1));
  onAppSecret(appSecret(1, -1), appSecret(1, 1));
  state.leads = true;
  state.now = 3_600_000;
  // Somebody deleted the Secret, for instance: it is made again.
  onReconciled(KEY, { result: "written", written: { name: "orders", uid: "u", resourceVersion: "2" } }, 0.01);
  assert.is(await latencies(), "0");
});

test("a change that nobody has answered yet counts from when it was seen, also before this replica took over", async () => {
  const { state, onAppSecret, onReconciled, latencies } = replica();
  onAppSecret(undefined, appSecret(1, 1));
  onAppSecret(appSecret(1, 1), appSecret(2, 1));
  state.leads = true;
  onReconciled(KEY, { result: "written", written: { name: "orders", uid: "u", resourceVersion: "2" } }, 0.01);
  assert.is(await latencies(), "1");
});

test("an expected retry is a result of its own: no warning, and what is not published yet goes on waiting", async () => {
  const { state, onAppSecret, onReconciled, latencies, results, lines } = replica();
  state.leads = true;
  onAppSecret(undefined, appSecret(1, -1));
  onReconciled(KEY, { result: "retry", cause: "Refused" }, 0.01);
  assert.equal(await results(), { error: "0", retry: "1" });
  assert.equal(lines(), ["debug reconcile will be retried"]);
  onReconciled(KEY, { result: "written", written: { name: "orders", uid: "u", resourceVersion: "2" } }, 0.01);
  assert.is(await latencies(), "1");
});

test.run();
