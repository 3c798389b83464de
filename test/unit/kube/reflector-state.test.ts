/** What the end of a watch means for the next one, without a server. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ApiError, RequestTimeout, Unreachable } from "#kube/client/api-error";
import type { ReflectorState } from "#kube/cache/reflector-state";
import { afterwards, INITIAL_STATE, StaleList } from "#kube/cache/reflector-state";
import { WatchFailed } from "#kube/cache/watch-event";

const TIMINGS = { backoffBaseMs: 100, backoffMaxMs: 1000, healthyMs: 5000 };
const WATCHING: ReflectorState = { ...INITIAL_STATE, version: "7", newest: "7", listed: true };
const refused = (status: number, retryAfterSeconds?: number) =>
  new ApiError("WATCH", "/x", { status, retryAfterSeconds });

function after(state: ReflectorState, error: unknown, { livedMs = 10, heard = true } = {}) {
  return afterwards(state, { error, livedMs, heard }, TIMINGS, () => 1);
}

test("a watch that lived long enough is followed by the next one at once, and its failures are forgotten", () => {
  const { next, waitMs } = after({ ...WATCHING, failures: 4, refusals: 2 }, undefined, { livedMs: 5000 });
  assert.equal([next, waitMs], [WATCHING, 0]);
});

test("a watch that ends soon counts as a failure, also when it ends well", () => {
  const { next, waitMs } = after(WATCHING, undefined);
  assert.equal([next.failures, next.version, waitMs], [1, "7", 100]);
});

test("waits double up to their longest, and are as long as the server wants, but at most 30 s", () => {
  const waits = [0, 1, 2, 3, 4, 9].map(
    (failures) =>
      after({ ...WATCHING, failures }, new Unreachable("WATCH", "/x", { sent: true, networkCode: "X" })).waitMs,
  );
  assert.equal(waits, [100, 200, 400, 800, 1000, 1000]);
  assert.is(after(WATCHING, refused(429, 3)).waitMs, 3000);
  assert.is(after(WATCHING, refused(429, 3600)).waitMs, 30_000);
});

const resumes: [what: string, error: unknown, heard: boolean, resumes: boolean][] = [
  ["a reset", new Unreachable("WATCH", "/x", { sent: true, networkCode: "ECONNRESET" }), true, true],
  ["500", refused(500), false, true],
  ["403", refused(403), false, true],
  ["silence after events", new RequestTimeout("WATCH", "/x", 1), true, true],
  ["silence from the start", new RequestTimeout("WATCH", "/x", 1), false, false],
  ["410", refused(410), false, false],
  ["410 in the middle of the watch", new WatchFailed(410, "Expired"), true, false],
  ["400: the version is invalid", refused(400), false, false],
  ["422: the version is invalid", refused(422), false, false],
  ["a state older than what was seen", new StaleList(), true, false],
];
for (const [what, error, heard, expected] of resumes) {
  test(`after ${what} the reflector ${expected ? "resumes" : "lists again"}`, () =>
    assert.is(after(WATCHING, error, { heard }).next.version, expected ? "7" : undefined));
}

test("after five refusals in a row it lists again; what only a person can change is no refusal", () => {
  assert.is(after({ ...WATCHING, refusals: 3 }, refused(500)).next.version, "7");
  assert.is(after({ ...WATCHING, refusals: 4 }, refused(500)).next.version, undefined);
  for (const status of [401, 403, 404])
    assert.is(after({ ...WATCHING, refusals: 4 }, refused(status)).next.version, "7");
});

test("a server that refuses to stream a list gets requests for pages from then on, at once", () => {
  const { next, waitMs } = after(INITIAL_STATE, refused(422));
  assert.equal([next.canStreamLists, next.failures, waitMs], [false, 0, 0]);
  const pages = after(next, refused(422));
  assert.equal([pages.next.failures, pages.waitMs], [1, 100]);
});

test.run();
