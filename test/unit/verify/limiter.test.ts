import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { JobKind, Limits } from "#verify/schedule/limiter";
import { createLimiter, LIMITS } from "#verify/schedule/limiter";

/** Work that ends when the test says so. */
function job(): { work: () => Promise<void>; end: () => void; begun: () => boolean } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  let begun = false;
  return {
    work: () => {
      begun = true;
      return promise;
    },
    end: () => resolve(undefined),
    begun: () => begun,
  };
}

const FIRST: JobKind = { wasSilent: false, isRepeat: false };
const SILENT: JobKind = { wasSilent: true, isRepeat: true };
const REPEAT: JobKind = { wasSilent: false, isRepeat: true };

const limits: Limits = { total: 6, silent: 2, perHost: 3, burst: 100, perSecond: 100 };

test("one host has a limit at once, and the next job begins when one ends", async () => {
  const limiter = createLimiter(limits);
  const jobs = Array.from({ length: 5 }, job);
  for (const { work } of jobs) limiter.run("a", FIRST, work);
  assert.equal(
    jobs.map(({ begun }) => begun()),
    [true, true, true, false, false],
  );
  jobs[1]?.end();
  await sleep(1);
  assert.equal(
    jobs.map(({ begun }) => begun()),
    [true, true, true, true, false],
  );
});

test("a host at its limit does not delay another host", () => {
  const limiter = createLimiter(limits);
  for (let index = 0; index < 5; index += 1) limiter.run("hangs", FIRST, job().work);
  const other = job();
  limiter.run("answers", FIRST, other.work);
  assert.ok(other.begun());
});

test("jobs that were silent the last time fill only their own lane, however many hosts they have", () => {
  const limiter = createLimiter(limits);
  const silent = Array.from({ length: 50 }, job);
  silent.forEach(({ work }, index) => limiter.run(`silent-${index}`, SILENT, work));
  assert.is(silent.filter(({ begun }) => begun()).length, 2);
  const other = job();
  limiter.run("silent-7", FIRST, other.work);
  assert.ok(other.begun(), "it passes the one of its own host that waits");
});

test("no more than the total run at once", () => {
  const limiter = createLimiter(limits);
  const jobs = Array.from({ length: 20 }, job);
  jobs.forEach(({ work }, index) => limiter.run(`host-${index}`, FIRST, work));
  assert.is(jobs.filter(({ begun }) => begun()).length, 6);
});

test("a host has a burst, and then a rate per second", async () => {
  let now = 0;
  const limiter = createLimiter({ ...limits, perHost: 100, total: 100, burst: 5, perSecond: 20 }, () => now);
  const jobs = Array.from({ length: 8 }, job);
  for (const { work } of jobs) limiter.run("a", FIRST, work);
  const begun = () => jobs.filter((one) => one.begun()).length;
  assert.is(begun(), 5);
  now += 50;
  await sleep(80);
  assert.is(begun(), 6);
  now += 100;
  await sleep(80);
  assert.is(begun(), 8);
});

test("of those that wait for one host every other is a first check, in order, whatever waits before it", async () => {
  const limiter = createLimiter({ ...limits, perHost: 1 });
  const order: string[] = [];
  const run = (kind: JobKind, name: string) =>
    limiter.run("a", kind, () => {
      order.push(name);
      return Promise.resolve();
    });
  for (let index = 0; index < 6; index += 1) run(REPEAT, `again-${index}`);
  const takeBack = run(FIRST, "never");
  for (let index = 0; index < 3; index += 1) run(FIRST, `first-${index}`);
  takeBack();
  await sleep(20);
  assert.equal(order.slice(0, 7), [...["again-0", "first-0", "again-1", "first-1", "again-2", "first-2", "again-3"]]);
  assert.is(order.length, 9);
});

test("by default a hundred hosts that hang leave room for others", () => {
  const limiter = createLimiter(LIMITS);
  for (let index = 0; index < 100; index += 1) limiter.run(`hangs-${index}`, FIRST, job().work);
  const other = job();
  limiter.run("answers", FIRST, other.work);
  assert.ok(other.begun());
});

test.run();
