import { test } from "uvu";
import * as assert from "uvu/assert";
import { createMetrics } from "#observe/metrics";

const page = async (metrics: ReturnType<typeof createMetrics>) => [...(await metrics.page()).text].join("");

test("every metric is on the page before anything has happened", async () => {
  const text = await page(createMetrics());
  for (const name of [
    ...["appsecret_status_condition", "appsecret_reconcile_total", "appsecret_reconcile_duration_seconds"],
    ...["appsecret_publish_latency_seconds", "appsecret_api_requests_total", "workqueue_depth", "workqueue_adds_total"],
    ...["workqueue_queue_duration_seconds", "workqueue_work_duration_seconds", "workqueue_retries_total"],
    ...["workqueue_unfinished_work_seconds", "workqueue_longest_running_processor_seconds"],
    ...["process_cpu_seconds_total", "process_resident_memory_bytes", "nodejs_eventloop_lag_seconds"],
  ]) {
    assert.match(text, `# TYPE ${name} `);
  }
});

test("reconciles, publications and requests are counted under their labels", async () => {
  const metrics = createMetrics({ processMetrics: false });
  metrics.reconciled("written", 0.02);
  metrics.reconciled("written", 0.2);
  metrics.reconciled("error", 2);
  metrics.published(0.03);
  metrics.apiRequest("POST", "201");
  const text = await page(metrics);
  assert.match(text, 'appsecret_reconcile_total{result="written"} 2\n');
  assert.match(text, 'appsecret_reconcile_total{result="error"} 1\n');
  assert.match(text, "appsecret_reconcile_duration_seconds_count 3\n");
  assert.match(text, 'appsecret_reconcile_duration_seconds_bucket{le="0.025"} 1\n');
  assert.match(text, "appsecret_publish_latency_seconds_count 1\n");
  assert.match(text, 'appsecret_api_requests_total{verb="POST",code="201"} 1\n');
});

test("a queue has client-go's metrics", async () => {
  const metrics = createMetrics({ processMetrics: false });
  const hooks = metrics.queue("appsecret");
  hooks.added();
  hooks.depth(3);
  hooks.retried();
  hooks.queued(0.005);
  hooks.worked(0.5);
  const state = { unfinishedSeconds: 4, longestRunningSeconds: 3 };
  metrics.watchQueue("appsecret", state);
  const text = await page(metrics);
  assert.match(text, 'workqueue_adds_total{name="appsecret"} 1\n');
  assert.match(text, 'workqueue_depth{name="appsecret"} 3\n');
  assert.match(text, 'workqueue_retries_total{name="appsecret"} 1\n');
  assert.match(text, 'workqueue_queue_duration_seconds_bucket{le="0.01",name="appsecret"} 1\n');
  assert.match(text, 'workqueue_work_duration_seconds_sum{name="appsecret"} 0.5\n');
  assert.match(text, 'workqueue_unfinished_work_seconds{name="appsecret"} 4\n');

  state.longestRunningSeconds = 7;
  assert.match(await page(metrics), 'workqueue_longest_running_processor_seconds{name="appsecret"} 7\n');
});

test("a condition is a series, changes with its object, and goes with it", async () => {
  const metrics = createMetrics({ processMetrics: false });
  const of = (name: string, status: string) => ({
    metadata: { namespace: "staging", name },
    status: { conditions: [{ type: "Ready", status }] },
  });
  const objects = new Map([
    ["a", of("a", "True")],
    ["b", of("b", "Unknown")],
  ]);
  metrics.watchConditions(() => objects.values());
  const series = async () =>
    (await page(metrics)).split("\n").filter((line) => line.startsWith("appsecret_status_cond"));
  assert.equal(await series(), [
    'appsecret_status_condition{namespace="staging",name="a",condition="Ready",status="True"} 1',
    'appsecret_status_condition{namespace="staging",name="b",condition="Ready",status="Unknown"} 1',
  ]);
  objects.set("a", of("a", "False"));
  objects.delete("b");
  assert.equal(await series(), [
    'appsecret_status_condition{namespace="staging",name="a",condition="Ready",status="False"} 1',
  ]);
});

test("an AppSecret without a status has no series", async () => {
  const metrics = createMetrics({ processMetrics: false });
  metrics.watchConditions(() => [{ metadata: { namespace: "a", name: "b" } }]);
  assert.not.match(await page(metrics), "appsecret_status_condition{");
});

test("a large page comes in pieces of whole lines", async () => {
  const metrics = createMetrics({ processMetrics: false });
  const one = { metadata: { namespace: "a", name: "b" }, status: { conditions: [{ type: "Ready", status: "True" }] } };
  metrics.watchConditions(() => Array.from({ length: 5_000 }, () => one));
  const pieces = [...(await metrics.page()).text];
  assert.ok(pieces.length > 4);
  for (const piece of pieces) assert.match(piece, /\n$/);
  assert.is(pieces.join("").match(/^appsecret_status_condition\{/gm)?.length, 5_000);
});

test("two registries know nothing of each other", async () => {
  const [one, two] = [createMetrics(), createMetrics()];
  one.reconciled("gone", 1);
  assert.not.match(await page(two), 'result="gone"');
});

test.run();
