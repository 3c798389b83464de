import type { Fault, Rule } from "#support/fault-proxy/rules";
import { isAny, isList, isRead, isWatch, isWrite } from "#support/fault-proxy/rules";
import type { Stage } from "./stage.ts";

/** What a network, a load balancer and an overloaded API server do to requests and watches, each kind by its name. */
export type Trouble = {
  name: string;
  rules?: readonly Rule[];
  /** Before each part of a story, the first being 0. */
  during?: (stage: Stage, part: number) => Promise<unknown>;
  /** How long one part may take, in ms; PATIENCE_MS unless told. */
  patienceMs?: number;
};

export const PATIENCE_MS = 30_000;
/** Deadlines of the operator: a request gets 15 s, a silent watch is given up after 90 s. */
const REQUEST_PATIENCE_MS = 60_000;
const WATCH_PATIENCE_MS = 150_000;
const third = (n: number): boolean => n % 3 === 0;
/** By dice: retries in a steady rhythm must not meet a fault in the same rhythm every time. */
const often = (which: Rule["on"], fault: Fault, probability: number): Rule => ({ on: which, fault, probability });
const on = (which: Rule["on"], fault: Fault, nth: Rule["nth"] = () => true): Rule => ({ on: which, fault, nth });
const streams = (faults: Extract<Fault, { kind: "stream" }>["faults"]): Rule[] => [
  on(isWatch, { kind: "stream", faults }),
];

export const TROUBLES: readonly Trouble[] = [
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
    name: "half of the writes are cut off before they arrive",
    rules: [often(isWrite, { kind: "cut", executed: false }, 0.5)],
  },
  {
    name: "half of the writes are cut off after they were executed",
    rules: [often(isWrite, { kind: "cut", executed: true }, 0.5)],
  },
  { name: "half of the reads are cut off", rules: [often(isRead, { kind: "cut", executed: true }, 0.5)] },
  { name: "every write arrives twice", rules: [on(isWrite, { kind: "twice" })] },
  { name: "every request is late", rules: [on(isAny, { kind: "delay", ms: 150 })] },
  { name: "every third request is late, and so overtaken", rules: [on(isAny, { kind: "delay", ms: 300 }, third)] },
  {
    name: "half of the writes are answered 409 Conflict",
    rules: [often(isWrite, { kind: "answer", status: 409 }, 0.5)],
  },
  {
    // The Secret was once taken for deleted, and stayed.
    name: "every other withdrawal is answered 409 Conflict",
    rules: [
      on(
        ({ method }) => method === "DELETE",
        { kind: "answer", status: 409 },
        (n) => n % 2 === 1,
      ),
    ],
  },
  {
    name: "a third of the requests are answered 429 with Retry-After",
    rules: [often(isAny, { kind: "answer", status: 429, retryAfterSeconds: 1 }, 0.33)],
  },
  { name: "a third of the requests are answered 500", rules: [often(isAny, { kind: "answer", status: 500 }, 0.33)] },
  { name: "a third of the requests are answered 503", rules: [often(isAny, { kind: "answer", status: 503 }, 0.33)] },
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

/** Small faults, all of them at once, that nobody should notice. */
export const MILD: Trouble = {
  name: "mild faults",
  rules: [
    { on: isWrite, fault: { kind: "cut", executed: true }, probability: 0.04 },
    { on: isWrite, fault: { kind: "cut", executed: false }, probability: 0.04 },
    { on: isWrite, fault: { kind: "twice" }, probability: 0.04 },
    { on: isWrite, fault: { kind: "answer", status: 409 }, probability: 0.04 },
    { on: isAny, fault: { kind: "answer", status: 503 }, probability: 0.03 },
    { on: isAny, fault: { kind: "delay", ms: 60 }, probability: 0.1 },
    { on: isWatch, fault: { kind: "stream", faults: { repeat: true, shuffle: true, cutAfter: 15 } }, probability: 0.4 },
    { on: isWatch, fault: { kind: "stream", faults: { replay: true, expireAfter: 20 } }, probability: 0.4 },
  ],
};

export const NO_TROUBLE: Trouble = { name: "nothing", patienceMs: 15_000 };

/** @throws when there is no trouble of this name */
export function troubleOf(name: string): Trouble {
  const found = [NO_TROUBLE, MILD, ...TROUBLES].find((trouble) => trouble.name === name);
  if (found === undefined) throw new Error(`there is no trouble called "${name}"`);
  return found;
}
