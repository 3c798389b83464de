import { test } from "uvu";
import * as assert from "uvu/assert";
import { jitter } from "#common/jitter";

test("a time-out gets a different value each time, and never a longer one", () => {
  assert.is(
    jitter(10_000, () => 0),
    6000,
  );
  assert.is(
    jitter(10_000, () => 1),
    10_000,
  );
  assert.ok(new Set(Array.from({ length: 20 }, () => jitter(10_000))).size > 10);
});

test.run();
