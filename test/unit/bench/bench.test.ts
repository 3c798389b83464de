import { test } from "uvu";
import * as assert from "uvu/assert";
import { verdict } from "../../bench/rows.ts";
import type { Row } from "../../bench/rows.ts";
import { median, quantile, slope } from "../../bench/statistics.ts";

const row = (more: Partial<Row>): Row => ({ id: "a", what: "published", unit: "objects/s", operator: 90, ...more });

test("quantiles lie between the values", () => {
  assert.is(median([3, 1, 2]), 2);
  assert.is(median([4, 1, 2, 3]), 2.5);
  assert.is(quantile([1, 2, 3, 4, 5], 1), 5);
  assert.is(quantile([0, 100], 0.99), 99);
  assert.ok(Number.isNaN(median([])));
});

test("the slope of points on a line is the line's", () => {
  assert.is(
    slope([
      [1, 5],
      [2, 8],
      [3, 11],
    ]),
    3,
  );
});

test("ratios and counts are judged, times are not", () => {
  assert.is(verdict(row({})), undefined);
  assert.is(verdict(row({ ratio: 0.85, bar: { of: "ratio", least: 0.85 } })), "reached");
  assert.is(verdict(row({ ratio: 0.84, bar: { of: "ratio", least: 0.85 } })), "missed");
  assert.is(verdict(row({ operator: 0, bar: { of: "operator", most: 0 } })), "reached");
  assert.is(verdict(row({ operator: 1, bar: { of: "operator", most: 0 } })), "missed");
  assert.is(verdict(row({ operator: 99, bar: { of: "time", most: 10 } })), undefined);
});

test("a figure that could not be measured has not reached its bar", () => {
  assert.is(verdict(row({ bar: { of: "ratio", most: 1.5 } })), "missed");
  assert.is(verdict(row({ operator: NaN, bar: { of: "operator", most: 150 } })), "missed");
});

test.run();
