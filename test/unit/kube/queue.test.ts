import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createQueue } from "#kube/queue/queue";

const BACKOFF = { baseMs: 1, maxMs: 20 };

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 400 && !holds(); turn += 1) await sleep(5);
}

test("a key that is added twice while it waits runs once", async () => {
  const ran: string[] = [];
  const handle = (key: string) => Promise.resolve(void ran.push(key));
  const queue = createQueue({ concurrency: 1, backoff: BACKOFF, handle });
  for (const key of ["first", "a", "b", "a"]) queue.add(key);
  assert.is(queue.depth, 2);
  await until(() => ran.length === 3);
  await sleep(20);
  assert.equal(ran, ["first", "a", "b"]);
});

test("a paused queue takes no keys, not even delayed ones: resuming comes with adding all keys", async () => {
  const ran: string[] = [];
  const handle = (key: string) => Promise.resolve(void ran.push(key));
  const queue = createQueue({ concurrency: 1, backoff: BACKOFF, paused: true, handle });
  queue.add("before");
  queue.addAfter("later", 1);
  await sleep(20);
  assert.is(queue.depth, 0);
  queue.resume();
  queue.add("a");
  await until(() => ran.length > 0);
  assert.equal(ran, ["a"]);
});

test("a first pass over all keys, without any request, does not block everything else", async () => {
  const keys = Array.from({ length: 5000 }, (_, index) => `${index}`);
  let handled = 0;
  const handle = () => Promise.resolve(void (handled += 1));
  const queue = createQueue({ concurrency: 32, backoff: BACKOFF, handle });
  for (const key of keys) queue.add(key);
  // What stands for all that waits for its turn: the renewal of the Lease, a probe, the watches.
  await new Promise(setImmediate);
  assert.ok(handled < keys.length / 10, `${handled} of ${keys.length} came first`);
  await until(() => handled === keys.length);
  assert.is(handled, keys.length);
});

test("no two workers have the same key, and one that is added while it runs runs once more", async () => {
  let inHand = 0;
  let most = 0;
  let runs = 0;
  const queue = createQueue({
    concurrency: 8,
    backoff: BACKOFF,
    handle: async () => {
      inHand += 1;
      most = Math.max(most, inHand);
      await sleep(10);
      inHand -= 1;
      runs += 1;
    },
  });
  for (let time = 0; time < 5; time += 1) queue.add("a");
  await sleep(5);
  for (let time = 0; time < 5; time += 1) queue.add("a");
  await until(() => runs === 2 && queue.unfinishedSeconds === 0);
  await sleep(30);
  assert.is(most, 1);
  assert.is(runs, 2);
});

test("as many keys run at once as there are workers", async () => {
  let inHand = 0;
  let most = 0;
  let done = 0;
  const queue = createQueue({
    concurrency: 3,
    backoff: BACKOFF,
    handle: async () => {
      most = Math.max(most, ++inHand);
      await sleep(5);
      inHand -= 1;
      done += 1;
    },
  });
  for (let key = 0; key < 12; key += 1) queue.add(`${key}`);
  await until(() => done === 12);
  assert.is(most, 3);
  assert.is(done, 12);
});

test("a key that fails runs again until it succeeds, and the others continue meanwhile", async () => {
  const runs: string[] = [];
  const failures: number[] = [];
  const queue = createQueue({
    concurrency: 1,
    backoff: BACKOFF,
    onError: (_key, _error, count) => failures.push(count),
    handle: (key) => {
      runs.push(key);
      if (key === "bad" && failures.length < 3) return Promise.reject(new Error("not yet"));
      return Promise.resolve();
    },
  });
  queue.add("bad");
  queue.add("good");
  await until(() => runs.filter((key) => key === "bad").length === 4);
  assert.equal(failures, [1, 2, 3]);
  assert.is(runs[1], "good");
});

test("a key whose handler returns a retry runs again after its backoff, which grows, and that is no error", async () => {
  const at: number[] = [];
  const errors: unknown[] = [];
  let retried = 0;
  const queue = createQueue({
    concurrency: 1,
    backoff: { baseMs: 10, maxMs: 1000 },
    random: () => 1,
    metrics: { retried: () => (retried += 1) },
    onError: (_, error) => void errors.push(error),
    handle: () => {
      at.push(performance.now());
      return Promise.resolve(at.length < 4 ? { retry: true } : undefined);
    },
  });
  queue.add("a");
  await until(() => at.length === 4);
  await sleep(30);
  assert.is(at.length, 4);
  assert.is(retried, 3);
  assert.equal(errors, []);
  const waits = at.slice(1).map((time, index) => time - at[index]!);
  assert.ok(waits[2]! > waits[0]!, `waited ${waits.map(Math.round).join(", ")} ms`);
});

test("lastProgress stands still while keys wait and none finishes, and is now while there is nothing to do", async () => {
  let now = 0;
  const clock = { now: () => now, after: () => () => undefined };
  let end: () => void = () => undefined;
  const handle = () => new Promise<void>((resolve) => (end = resolve));
  const queue = createQueue({ concurrency: 1, backoff: BACKOFF, clock, paused: true, handle });
  now = 1000;
  assert.is(queue.lastProgress, 1000, "idle");
  queue.add("none");
  now = 2000;
  assert.is(queue.lastProgress, 2000, "paused: a follower is never stuck");
  queue.resume();
  queue.add("stuck");
  now = 300_000;
  queue.add("waiting");
  await sleep(5);
  assert.is(queue.lastProgress, 2000, "298 s without an end");
  assert.is(queue.longestRunningSeconds, 298);
  assert.is(queue.unfinishedSeconds, 298);
  end();
  await sleep(5);
  assert.is(queue.lastProgress, 300_000, "one has ended");
  now = 301_000;
  assert.is(queue.lastProgress, 300_000, "the next one runs");
  end();
  await sleep(5);
  now = 400_000;
  assert.is(queue.lastProgress, 400_000, "idle again");
});

test("a drain finishes the running keys and starts no more", async () => {
  const finished: string[] = [];
  const queue = createQueue({
    concurrency: 1,
    backoff: BACKOFF,
    handle: async (key) => {
      await sleep(20);
      finished.push(key);
    },
  });
  queue.add("begun");
  queue.add("waiting");
  await sleep(5);
  await queue.drain();
  assert.equal(finished, ["begun"]);
  queue.add("late");
  await sleep(30);
  assert.equal(finished, ["begun"]);
});

test("a drain does not wait longer than its timeout", async () => {
  const queue = createQueue({ concurrency: 1, backoff: BACKOFF, handle: () => new Promise(() => undefined) });
  queue.add("hangs");
  await sleep(5);
  const outcome = queue.drain(30).then(() => "drained");
  assert.is(await Promise.race([outcome, sleep(1000, "it still waits")]), "drained");
});

test.run();
