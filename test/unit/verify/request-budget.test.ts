/** How the turns of a quota are given out, with a clock that the test moves. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { createRequestBudget, type RequestBudget } from "#verify/network/request-budget";

/** Six a minute: one each ten seconds, three at once. */
function start(): { budget: RequestBudget; clock: { now: number } } {
  const clock = { now: 5_000 };
  return { clock, budget: createRequestBudget({ perMinute: 6, burst: 3, now: () => clock.now }) };
}

test("a burst goes out at once, the rest at an even rate", () => {
  const { budget } = start();
  const waits = Array.from({ length: 6 }, () => budget.book("a", 60_000));
  assert.equal(waits, [0, 0, 0, 10_000, 20_000, 30_000]);
});

test("in the long run there are no more than the rate allows", () => {
  const { budget, clock } = start();
  let sent = 0;
  for (; clock.now < 5_000 + 600_000; clock.now += 100) if (budget.book("a", 0) === 0) sent += 1;
  assert.is(sent, 60 + 3 - 1);
});

test("a wait that is too long is not booked", () => {
  const { budget, clock } = start();
  for (let index = 0; index < 3; index++) budget.book("a", 0);
  for (let index = 0; index < 5; index++) assert.is(budget.book("a", 9_999), undefined);
  assert.is(budget.freeInMs("a"), 10_000);
  clock.now += 10_000;
  assert.is(budget.book("a", 0), 0);
});

test("keys do not share", () => {
  const { budget } = start();
  for (let index = 0; index < 5; index++) budget.book("a", 60_000);
  assert.is(budget.book("b", 0), 0);
});

test("after a pause there is no burst", () => {
  const { budget, clock } = start();
  budget.pause("a", 55_000);
  assert.is(budget.freeInMs("a"), 55_000);
  clock.now += 55_000;
  assert.equal([budget.book("a", 60_000), budget.book("a", 60_000)], [0, 10_000]);
});

test("a pause takes nothing of a longer one", () => {
  const { budget } = start();
  budget.pause("a", 55_000);
  budget.pause("a", 1_000);
  assert.is(budget.freeInMs("a"), 55_000);
});

test("keys that have all of their budget again are forgotten", () => {
  const { budget, clock } = start();
  for (let index = 0; index < 5_000; index++) {
    budget.book(`key-${index}`, 0);
    clock.now += 100;
  }
  assert.ok(budget.size <= 1_002, `${budget.size} keys`);
});

test.run();
