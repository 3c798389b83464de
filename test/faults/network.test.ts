import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../integration/operator/harness/eventually.ts";
import { installRights } from "../integration/operator/harness/service-account.ts";
import { ahead } from "./ahead.ts";
import { DAY } from "./day.ts";
import type { Picture } from "./picture.ts";
import { atRest, picture } from "./picture.ts";
import type { Fault, Rule } from "./rules.ts";
import { isAny, isList, isRead, isWatch, isWrite } from "./rules.ts";
import type { Stage } from "./stage.ts";
import { createStage } from "./stage.ts";

/**
 * What a network, a load balancer and an overloaded API server do to requests and watches. Under each fault the same day
 * (day.ts) must come to the same end as without; no moment on the way may break a promise of history.ts, and the operator
 * may not ask without bounds.
 */

type Trouble = {
  name: string;
  rules?: readonly Rule[];
  /** Before the part of the day with this number, beginning with 0. */
  during?: (stage: Stage, part: number) => Promise<unknown>;
  /** How long one part may take, in ms. */
  patienceMs?: number;
};

const AT_ONCE = 3;
const PATIENCE_MS = 30_000;
/** Deadlines of the operator: a request gets 15 s, a silent watch is given up after 90 s. */
const REQUEST_PATIENCE_MS = 60_000;
const WATCH_PATIENCE_MS = 150_000;
/** Requests under a fault, as a multiple of those without. */
const MORE_REQUESTS = 4;

const odd = (n: number): boolean => n % 2 === 1;
const third = (n: number): boolean => n % 3 === 0;
const on = (which: Rule["on"], fault: Fault, nth: Rule["nth"] = () => true): Rule => ({ on: which, fault, nth });
const streams = (faults: Extract<Fault, { kind: "stream" }>["faults"]): Rule[] => [
  on(isWatch, { kind: "stream", faults }),
];

const TROUBLES: readonly Trouble[] = [
  // These wait for deadlines, so they begin first.
  {
    name: "a watch goes silent: no FIN, no data",
    patienceMs: WATCH_PATIENCE_MS,
    // The first two streams, of AppSecrets and of Secrets, die somewhere in the day; those after them live.
    rules: [on(isWatch, { kind: "stream", faults: { silentAfter: 9 } }, (n) => n <= 2)],
  },
  {
    name: "requests are swallowed before they arrive: no FIN, no reply",
    patienceMs: REQUEST_PATIENCE_MS,
    rules: [on(isWrite, { kind: "stall", executed: false }, (n) => n % 12 === 5)],
  },
  {
    name: "replies are swallowed: no FIN, and the write was executed",
    patienceMs: REQUEST_PATIENCE_MS,
    rules: [on(isWrite, { kind: "stall", executed: true }, (n) => n % 12 === 5)],
  },
  {
    name: "every other write is cut off before it arrives",
    rules: [on(isWrite, { kind: "cut", executed: false }, odd)],
  },
  {
    name: "every other write is cut off after it was executed",
    rules: [on(isWrite, { kind: "cut", executed: true }, odd)],
  },
  { name: "every other read is cut off", rules: [on(isRead, { kind: "cut", executed: true }, odd)] },
  { name: "every write arrives twice", rules: [on(isWrite, { kind: "twice" })] },
  { name: "every request is late", rules: [on(isAny, { kind: "delay", ms: 150 })] },
  { name: "every third request is late, and so overtaken", rules: [on(isAny, { kind: "delay", ms: 300 }, third)] },
  { name: "every other write is answered 409 Conflict", rules: [on(isWrite, { kind: "answer", status: 409 }, odd)] },
  {
    name: "every third request is answered 429 with Retry-After",
    rules: [on(isAny, { kind: "answer", status: 429, retryAfterSeconds: 1 }, third)],
  },
  { name: "every third request is answered 500", rules: [on(isAny, { kind: "answer", status: 500 }, third)] },
  { name: "every third request is answered 503", rules: [on(isAny, { kind: "answer", status: 503 }, third)] },
  {
    name: "every other watch is answered 410 Gone",
    rules: [on(isWatch, { kind: "answer", status: 410 }, (n) => n > 2 && n % 2 === 0), ...streams({ cutAfter: 6 })],
  },
  { name: "every watch event comes twice", rules: streams({ repeat: true }) },
  { name: "after each watch event the one before it comes once more", rules: streams({ replay: true }) },
  { name: "every watch event is late", rules: streams({ lateMs: 400 }) },
  { name: "watch events of different objects overtake each other", rules: streams({ shuffle: true }) },
  { name: "a watch is cut in the middle of every seventh event", rules: streams({ cutAfter: 6 }) },
  {
    name: "a watch expires (410) after every sixth event, and all is listed again",
    rules: streams({ expireAfter: 6 }),
  },
  {
    name: "after a crash the lists are old ones, and the watches late",
    async during({ proxy, crash, settled }, part) {
      // What is listed at one restart is what is served at the next.
      if (part >= 3) proxy.rule(on(isList, { kind: "stale", lagMs: 1_500 }));
      if (part < 2) return;
      crash();
      await settled();
    },
  },
  {
    name: "only the AppSecrets are old after a crash",
    async during({ proxy, crash, settled }, part) {
      if (part >= 3)
        proxy.rule(on((asked) => isList(asked) && asked.path.endsWith("/appsecrets"), { kind: "stale", lagMs: 1_500 }));
      if (part < 2) return;
      crash();
      await settled();
    },
  },
  {
    name: "only the Secrets are old after a crash",
    async during({ proxy, crash, settled }, part) {
      if (part >= 3)
        proxy.rule(on((asked) => isList(asked) && asked.path.endsWith("/secrets"), { kind: "stale", lagMs: 1_500 }));
      if (part < 2) return;
      crash();
      await settled();
    },
  },
  {
    name: "the lists after a 410 are older than what was seen",
    rules: [on(isList, { kind: "stale", lagMs: 500 }, (n) => n === 3 || n === 4), ...streams({ expireAfter: 8 })],
  },
  {
    name: "the operator crashes again and again",
    during: async ({ crash }) => crash(),
  },
  {
    name: "a little of everything",
    rules: [
      { on: isWrite, fault: { kind: "cut", executed: true }, probability: 0.1 },
      { on: isWrite, fault: { kind: "cut", executed: false }, probability: 0.1 },
      { on: isWrite, fault: { kind: "twice" }, probability: 0.1 },
      { on: isAny, fault: { kind: "delay", ms: 100 }, probability: 0.1 },
      { on: isAny, fault: { kind: "answer", status: 503 }, probability: 0.1 },
      { on: isAny, fault: { kind: "answer", status: 429, retryAfterSeconds: 1 }, probability: 0.05 },
      ...streams({ repeat: true, replay: true, shuffle: true, cutAfter: 10 }),
    ],
  },
];

await installRights();
const undisturbed = live({ name: "nothing" });
undisturbed.catch(() => undefined);
const disturbed = ahead(
  TROUBLES.map((trouble) => async () => ({ run: await live(trouble), without: await undisturbed })),
  AT_ONCE,
);

test("the day as it should be: without a fault", async () => {
  const { violations, faults } = await undisturbed;
  assert.equal(violations, []);
  assert.is(faults, 0);
});

for (const [index, { name, during }] of TROUBLES.entries()) {
  test(name, async () => {
    const { run, without } = await disturbed[index]!;
    assert.ok(run.faults > 0 || during !== undefined, "the fault never happened");
    assert.equal(run.end, without.end);
    assert.equal(run.violations, []);
    assert.ok(
      run.requests <= MORE_REQUESTS * without.requests,
      `${run.requests} requests, and without the fault ${without.requests}`,
    );
  });
}

test.run();

type Run = { end: Picture; violations: string[]; requests: number; faults: number };

async function live({ name, rules = [], during, patienceMs = PATIENCE_MS }: Trouble): Promise<Run> {
  const stage = await createStage({ prefix: "network" });
  const { proxy } = stage;
  const env = stage.environments[0]!;
  try {
    for (const rule of rules) proxy.rule(rule);
    await stage.start();
    const history = await stage.watch(env);
    for (const [part, { what, act }] of DAY.entries()) {
      await during?.(stage, part);
      await act(env, patienceMs).catch((error: unknown) => {
        throw new Error(`${name}: while ${what}:\n${stage.operator.output()}`, { cause: error });
      });
    }
    await stage.settled();
    const faults = proxy.requests.filter(({ fault }) => fault !== undefined).length;
    proxy.calm();
    await atRest(env, proxy);
    // A reconcile that was refused tries again after a backoff, in which nothing goes through the proxy.
    const end = name === "nothing" ? await picture(env) : await comesTo((await undisturbed).end, () => picture(env));
    return { end, violations: history.violations(), requests: proxy.requests.length, faults };
  } finally {
    await stage.close();
  }
}

/** @returns the picture that is wanted or, after a while, the one that is there instead */
async function comesTo(wanted: Picture, look: () => Promise<Picture>): Promise<Picture> {
  let last: Picture | undefined;
  await eventually(async () => assert.equal((last = await look()), wanted)).catch(() => undefined);
  return last ?? look();
}
