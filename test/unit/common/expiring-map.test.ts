import { test } from "uvu";
import * as assert from "uvu/assert";

import { createExpiringMap } from "#common/expiring-map";

function start(maxEntries?: number) {
  const clock = { now: 0 };
  const map = createExpiringMap<string, number>({
    ttlMs: 100,
    monotonicMs: () => clock.now,
    ...(maxEntries === undefined ? {} : { maxEntries }),
  });
  return { clock, map };
}

test("an entry lives for its time, and reading it does not extend that", () => {
  const { clock, map } = start();
  map.set("a", 1);
  clock.now = 99;
  assert.is(map.get("a"), 1);
  clock.now = 100;
  assert.is(map.get("a"), undefined);
});

test("setting an entry begins its life again", () => {
  const { clock, map } = start();
  map.set("a", 1);
  clock.now = 99;
  map.set("a", 2);
  clock.now = 198;
  assert.is(map.get("a"), 2);
});

test("an entry may have a time of its own, and live for ever", () => {
  const { clock, map } = start();
  map.set("short", 1, 10);
  map.set("endless", 2, Infinity);
  clock.now = 1e12;
  map.sweep();
  assert.equal([map.get("short"), map.get("endless"), map.size], [undefined, 2, 1]);
});

test("beyond the bound the entry that was set the longest time ago goes", () => {
  const { map } = start(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  map.set("c", 4);
  assert.equal([map.get("a"), map.get("b"), map.get("c"), map.size], [3, undefined, 4, 2]);
});

test("what has expired does not pile up, without a bound and without a timer", () => {
  const { clock, map } = start();
  for (; clock.now < 100_000; clock.now += 1) map.set(`key-${clock.now}`, 1);
  assert.ok(map.size <= 1_001, `${map.size} entries`);
});

test("a full map of entries that all live costs no sweep at each set", () => {
  const { map } = start(50_000);
  const begun = performance.now();
  for (let index = 0; index < 300_000; index += 1) map.set(`key-${index}`, index);
  assert.ok(map.size <= 50_000 && map.size >= 43_750);
  assert.is(map.get("key-299999"), 299_999);
  assert.ok(performance.now() - begun < 5_000);
});

test("deleted and cleared entries are gone", () => {
  const { map } = start();
  map.set("a", 1);
  map.set("b", 2);
  map.delete("a");
  assert.equal([map.get("a"), map.get("b")], [undefined, 2]);
  map.clear();
  assert.equal([map.get("b"), map.size], [undefined, 0]);
});

test.run();
