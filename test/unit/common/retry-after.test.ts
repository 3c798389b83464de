import { test } from "uvu";
import * as assert from "uvu/assert";

import { retryAfterMs } from "#common/retry-after";

const NOW = Date.parse("2026-01-01T00:00:00Z");
const at = (seconds: number): string => new Date(NOW + seconds * 1_000).toUTCString();

const RETRY: [value: string | string[] | undefined, ms: number | undefined][] = [
  [undefined, undefined],
  ["", undefined],
  ["soon", undefined],
  ["1.5 apples", undefined],
  [[], undefined],
  [["3", "9"], 3_000],
  ["0", 0],
  [" 30 ", 30_000],
  ["86400", 3_600_000],
  ["9999999999", 3_600_000],
  [at(120), 120_000],
  [at(-120), 0],
  [at(86_400), 3_600_000],
];
for (const [value, ms] of RETRY) {
  test(`Retry-After ${JSON.stringify(value) ?? "not given"}: ${ms ?? "no"} ms`, () =>
    assert.is(retryAfterMs(value, NOW), ms));
}

test.run();
