import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Limits } from "#verify/schedule/limiter";
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

const limits: Limits = { total: 6, silent: 2, perHost: 3, burst: 100, perSecond: 100 };

test("one host has a limit at once, and the next job begins when one ends", async () => {
  const limiter = createLimiter(limits);
  const jobs = Array.from({ length: 5 }, job);
  for (const { work } of jobs) limiter.run("a", false, work);
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
  for (let index = 0; index < 5; index += 1) limiter.run("hangs", false, job().work);
  const other = job();
  limiter.run("answers", false, other.work);
  assert.ok(other.begun());
});

test("jobs that were silent the last time fill only their own lane, however many hosts they have", () => {
  const limiter = createLimiter(limits);
  const silent = Array.from({ length: 50 }, job);
  silent.forEach(({ work }, index) => limiter.run(`silent-${index}`, true, work));
  assert.is(silent.filter(({ begun }) => begun()).length, 2);
  const other = job();
  limiter.run("silent-7", false, other.work);
  assert.ok(other.begun(), "it passes the one of its own host that waits");
});

test("no more than the total run at once", () => {
  const limiter = createLimiter(limits);
  const jobs = Array.from({ length: 20 }, job);
  jobs.forEach(({ work }, index) => limiter.run(`host-${index}`, false, work));
  assert.is(jobs.filter(({ begun }) => begun()).length, 6);
});

test("a host has a burst, and then a rate per second", async () => {
  let now = 0;
  const limiter = createLimiter({ ...limits, perHost: 100, total: 100, burst: 5, perSecond: 20 }, () => now);
  const jobs = Array.from({ length: 8 }, job);
  for (const { work } of jobs) limiter.run("a", false, work);
  const begun = () => jobs.filter((one) => one.begun()).length;
  assert.is(begun(), 5);
  now += 50;
  await sleep(80);
  assert.is(begun(), 6);
  now += 100;
  await sleep(80);
  assert.is(begun(), 8);
});

test("by default a hundred hosts that hang leave room for others", () => {
  const limiter = createLimiter(LIMITS);
  for (let index = 0; index < 100; index += 1) limiter.run(`hangs-${index}`, false, job().work);
  const other = job();
  limiter.run("answers", false, other.work);
  assert.ok(other.begun());
});

test.run();
