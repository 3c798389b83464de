import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Outcome } from "#kube/client/send";
import { shouldRetry } from "#kube/client/retry";

/** The largest wait of each range, so that a number says which range it was. */
const LONGEST = () => 1;

const reply = (status: number, retryAfter?: string): Outcome => ({
  kind: "reply",
  status,
  headers: retryAfter === undefined ? {} : { "retry-after": retryAfter },
  body: Buffer.alloc(0),
});
const unreachable = (sent: boolean): Outcome => ({ kind: "unreachable", sent, networkCode: "ECONNRESET" });
const timeout = (sent: boolean): Outcome => ({ kind: "timeout", sent });

/** What is expected of an idempotent request, and of another one: the longest wait in ms, or no retry. */
type Row = [what: string, outcome: Outcome, attempt: number, idempotent: number | "no", otherwise: number | "no"];

const table: Row[] = [
  ["429", reply(429), 1, 100, 100],
  ["429, for the second time", reply(429), 2, 200, 200],
  ["429, for the fourth time", reply(429), 4, "no", "no"],
  ["429 that asks for 3 s", reply(429, "3"), 1, 3600, 3600],
  ["429 that asks for nothing", reply(429, "0"), 1, 0, 0],
  ["429 that asks for 10 s", reply(429, "10"), 1, 12_000, 12_000],
  ["429 that asks for 11 s: the caller is told", reply(429, "11"), 1, "no", "no"],
  ["429 with a Retry-After that says nothing", reply(429, "soon"), 1, 100, 100],
  ["500", reply(500), 1, 100, "no"],
  ["502", reply(502), 1, 100, "no"],
  ["503", reply(503), 1, 100, "no"],
  ["503 that asks for 1 s", reply(503, "1"), 1, 1200, "no"],
  ["504", reply(504), 3, 400, "no"],
  ["501", reply(501), 1, "no", "no"],
  ["400", reply(400), 1, "no", "no"],
  ["401", reply(401), 1, 0, 0],
  ["401, again", reply(401), 2, "no", "no"],
  ["403", reply(403), 1, "no", "no"],
  ["404", reply(404), 1, "no", "no"],
  ["409", reply(409), 1, "no", "no"],
  ["410", reply(410), 1, "no", "no"],
  ["422", reply(422), 1, "no", "no"],
  ["no connection", unreachable(false), 1, 100, 100],
  ["no connection, for the fourth time", unreachable(false), 4, "no", "no"],
  ["a connection that ended before the reply", unreachable(true), 1, 100, "no"],
  ["no answer in time", timeout(true), 1, 100, "no"],
  ["no answer in time, twice", timeout(true), 2, "no", "no"],
  ["no connection in time", timeout(false), 1, 100, 100],
  ["no connection in time, twice", timeout(false), 2, "no", "no"],
  ["aborted by the caller", { kind: "aborted" }, 1, "no", "no"],
  ["withheld by the fence", { kind: "withheld", error: new Error("no") }, 1, "no", "no"],
];

for (const [what, outcome, attempt, idempotent, otherwise] of table) {
  test(`${what}: ${idempotent === "no" ? "not again" : `again within ${idempotent} ms`}${otherwise === idempotent ? "" : ", unless it may have been executed and twice is not once"}`, () => {
    const wait = (safe: boolean) => Math.round(shouldRetry(outcome, attempt, safe, LONGEST)?.waitMs ?? -1);
    assert.is(wait(true), idempotent === "no" ? -1 : idempotent);
    assert.is(wait(false), otherwise === "no" ? -1 : otherwise);
  });
}

test("waits have jitter, but are never shorter than Retry-After", () => {
  assert.equal(
    shouldRetry(reply(503), 1, true, () => 0),
    { waitMs: 0 },
  );
  assert.equal(
    shouldRetry(reply(429, "2"), 1, true, () => 0),
    { waitMs: 2000 },
  );
});

test.run();
