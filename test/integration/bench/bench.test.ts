/** `make bench` at a scale that measures nothing: that it works, and that every row comes out of it with its figures. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { verdict } from "../../bench/rows.ts";
import type { Row } from "../../bench/rows.ts";

/** The failover takes as long as a lease lasts; that a follower takes over, the tests of the Lease show. */
const GROUPS = "speed,growth,churn";
/** By id: has it a floor beside it, a bar? */
const ROWS: Record<string, { floor?: true; bar?: Row["bar"] }> = {
  throughput: { floor: true, bar: { of: "ratio", least: 0.85 } },
  cpu: {},
  "cpu-whole": { floor: true },
  "latency-p50": { floor: true, bar: { of: "ratio", most: 1.5 } },
  "latency-p99": { floor: true, bar: { of: "ratio", most: 1.5 } },
  "latency-reply-p99": { floor: true },
  "latency-stall": { floor: true },
  writes: { bar: { of: "operator", most: 2 } },
  "writes-holder": { bar: { of: "operator", most: 3 } },
  "cpu-first": {},
  "cpu-last": {},
  "rss-growth": { bar: { of: "operator", most: 4 } },
  "cpu-unrelated": {},
  "rss-full": { bar: { of: "operator", most: 150 } },
  ready: { bar: { of: "time", most: 10 } },
  "rss-ready": { bar: { of: "operator", most: 150 } },
  "rss-restart": { bar: { of: "operator", most: 150 } },
  "writes-restart": { bar: { of: "operator", most: 0 } },
  "reads-restart": { bar: { of: "operator", most: 0 } },
  "churn-rss-middle": {},
  "churn-rss-last": {},
};

type Result = { scale: string; seconds: number; rows: (Row & { section: string; verdict: string | null })[] };

test("the bench prints each row, writes it as JSON, and its counts are what the operator promises", async () => {
  const folder = await mkdtemp(join(tmpdir(), "appsecret-bench-"));
  const json = join(folder, "bench.json");
  try {
    const args = ["test/bench/main.ts", "--scale=small", `--only=${GROUPS}`, "--churn-minutes=0.05", `--json=${json}`];
    // It brings its own control plane, also where these tests are run against another.
    const env = { ...process.env, USE_EXISTING_CLUSTER: "" };
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    const { scale, seconds, rows } = JSON.parse(await readFile(json, "utf8")) as Result;
    assert.is(scale, "small");
    assert.ok(seconds > 0);
    assert.equal(
      rows.map(({ id }) => id),
      Object.keys(ROWS),
    );
    for (const row of rows) {
      const { floor, bar } = ROWS[row.id]!;
      assert.ok(Number.isFinite(row.operator), `${row.id}: ${row.operator}`);
      assert.is(Number.isFinite(row.floor), floor === true, `${row.id}: the floor is ${row.floor}`);
      assert.equal(row.bar, bar, row.id);
      assert.ok(bar?.of !== "ratio" || Number.isFinite(row.ratio), `${row.id}: the ratio is ${row.ratio}`);
      assert.is(row.verdict, verdict(row) ?? null, row.id);
      const line = stdout.split("\n").find((text) => text.startsWith(`  ${row.what}, ${row.unit}`));
      assert.ok(line, `no line in the table for ${row.id}:\n${stdout}`);
      assert.ok(line.length <= 100, `${line.length} columns: ${line}`);
    }
    // Counts are the same at every scale and on every machine.
    const count = (id: string) => rows.find((row) => row.id === id)?.operator;
    assert.is(count("writes"), 2);
    assert.is(count("writes-holder"), 3);
    assert.is(count("writes-restart"), 0);
    assert.is(count("reads-restart"), 0);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a wrong flag is refused in one line", async () => {
  const refused = await promisify(execFile)(process.execPath, ["test/bench/main.ts", "--only=speed,nothing"]).catch(
    (error: unknown) => error as { code: number; stderr: string },
  );
  assert.is("code" in refused ? refused.code : 0, 2);
  assert.match(refused.stderr, /^--only must be one of speed, .*, not nothing\n$/);
});

test.run();
