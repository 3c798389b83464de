/** How a rate is kept, with a clock that the test moves. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { createTokenBucket, createTokenBuckets } from "#common/token-bucket";
import type { TokenBucket, TokenBuckets } from "#common/token-bucket";

/** Six a minute: one each ten seconds, three at once. */
const RATE = { perSecond: 0.1, burst: 3 };

function start(): { bucket: TokenBucket; buckets: TokenBuckets; clock: { now: number } } {
  const clock = { now: 5_000 };
  const monotonicMs = () => clock.now;
  return { clock, bucket: createTokenBucket(RATE, monotonicMs), buckets: createTokenBuckets(RATE, monotonicMs) };
}

test("a burst goes out at once, the rest at a steady rate", () => {
  const { bucket } = start();
  const waits = Array.from({ length: 6 }, () => bucket.reserve(60_000));
  assert.equal(waits, [0, 0, 0, 10_000, 20_000, 30_000]);
});

test("in the long run there are no more than the rate allows", () => {
  const { bucket, clock } = start();
  let sent = 0;
  for (; clock.now < 5_000 + 600_000; clock.now += 100) if (bucket.allow()) sent += 1;
  assert.is(sent, 60 + 3 - 1);
});

test("a token that comes too late is not taken", () => {
  const { bucket, clock } = start();
  for (let index = 0; index < 3; index++) bucket.reserve(0);
  for (let index = 0; index < 5; index++) assert.is(bucket.reserve(9_999), undefined);
  assert.is(bucket.waitMs(), 10_000);
  clock.now += 10_000;
  assert.is(bucket.reserve(0), 0);
});

test("after a pause there is no burst", () => {
  const { bucket, clock } = start();
  bucket.pause(55_000);
  assert.is(bucket.waitMs(), 55_000);
  clock.now += 55_000;
  assert.equal([bucket.reserve(60_000), bucket.reserve(60_000)], [0, 10_000]);
});

test("a short pause does not end a longer one", () => {
  const { bucket } = start();
  bucket.pause(55_000);
  bucket.pause(1_000);
  assert.is(bucket.waitMs(), 55_000);
});

test("a bucket tells when it is full", () => {
  const { bucket, clock } = start();
  assert.is(bucket.fullInMs(), 0);
  for (let index = 0; index < 2; index++) bucket.allow();
  assert.is(bucket.fullInMs(), 20_000);
  clock.now += 20_000;
  assert.equal(
    [bucket.fullInMs(), bucket.allow(), bucket.allow(), bucket.allow(), bucket.allow()],
    [0, true, true, true, false],
  );
});

test("a rate without a limit never waits", () => {
  const bucket = createTokenBucket({ perSecond: 1, burst: Number.MAX_SAFE_INTEGER });
  for (let index = 0; index < 100_000; index++) assert.ok(bucket.allow());
});

test("keys do not share a bucket, and each keeps its own", () => {
  const { buckets } = start();
  for (let index = 0; index < 5; index++) buckets.of("a").reserve(60_000);
  assert.is(buckets.of("b").reserve(0), 0);
  assert.is(buckets.of("a").waitMs(), 30_000);
  buckets.of("b").pause(55_000);
  assert.is(buckets.of("b").waitMs(), 55_000);
});

test("keys whose bucket is full again are forgotten", () => {
  const { buckets, clock } = start();
  for (let index = 0; index < 5_000; index++) {
    buckets.of(`key-${index}`).allow();
    clock.now += 100;
  }
  assert.ok(buckets.size <= 1_002, `${buckets.size} keys`);
});

test.run();
