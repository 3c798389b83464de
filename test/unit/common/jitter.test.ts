import { test } from "uvu";
import * as assert from "uvu/assert";
import { spread } from "#common/jitter";

test("what is given up is given up at different moments, and never later than told", () => {
  assert.is(
    spread(10_000, () => 0),
    6000,
  );
  assert.is(
    spread(10_000, () => 1),
    10_000,
  );
  assert.ok(new Set(Array.from({ length: 20 }, () => spread(10_000))).size > 10);
});

test.run();
