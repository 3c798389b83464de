/** What can go wrong between the operator and the API server, and when it does. */

/** A request of the operator as the proxy sees it. `path` is without its query. */
export type Asked = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly kind: "read" | "write" | "list" | "watch";
};

export type Fault =
  /** The connection ends without a reply, before the server has seen the request or after it has executed it. */
  | { kind: "cut"; executed: boolean }
  /** Silence: no reply, and no FIN either. */
  | { kind: "stall"; executed: boolean }
  | { kind: "delay"; ms: number }
  /** The request is executed twice; the operator hears the second reply. */
  | { kind: "twice" }
  /** The proxy answers in the server's place; with a Status object unless `body` says something else. */
  | {
      kind: "answer";
      status: number;
      retryAfterSeconds?: number;
      headers?: Record<string, string>;
      body?: object | string;
    }
  /** A list as it was the last time, and what has happened since then `lagMs` later. */
  | { kind: "stale"; lagMs: number }
  /** Something happens at this very moment, and the connection ends. */
  | { kind: "happen"; executed: boolean; what: () => void }
  | { kind: "stream"; faults: StreamFaults };

/** What becomes of a watch. `After` counts events, bookmarks left out. */
export type StreamFaults = {
  /** Each event comes twice. */
  repeat?: boolean;
  /** After each event the one before it, of the same object, comes once more. */
  replay?: boolean;
  /** Each event is this late; the order stays. */
  lateMs?: number;
  /** Events of different objects overtake each other; those of one object do not. */
  shuffle?: boolean;
  /** The connection ends in the middle of a line. */
  cutAfter?: number;
  /** The connection stays and nothing comes any more. */
  silentAfter?: number;
  /** An ERROR event with 410 Expired, and the end. */
  expireAfter?: number;
};

export type Rule = {
  on: (asked: Asked) => boolean;
  fault: Fault;
  /** Which of the requests that `on` chooses: the first is 1. All unless told. */
  nth?: (n: number) => boolean;
  /** Of those, how many: 0 to 1, by the proxy's seeded dice. */
  probability?: number;
};

type Kind = Pick<Asked, "kind">;
export const isWrite = ({ kind }: Kind): boolean => kind === "write";
export const isRead = ({ kind }: Kind): boolean => kind === "read";
export const isWatch = ({ kind }: Kind): boolean => kind === "watch" || kind === "list";
/** Lists as the operator asks for them of such an API server: as a stream, which then becomes the watch. */
export const isList = ({ kind }: Kind): boolean => kind === "list";
export const isAny = (): boolean => true;

/** A streaming list is a watch to HTTP and a list to the operator. */
export function asked(method: string, url: string): Asked {
  const { pathname: path, searchParams: query } = new URL(url, "https://operator");
  return { method, path, query, kind: kindOf(method, query) };
}

function kindOf(method: string, query: URLSearchParams): Asked["kind"] {
  if (method !== "GET") return "write";
  if (query.get("watch") !== "true") return "read";
  return query.get("sendInitialEvents") === "true" ? "list" : "watch";
}

/** Deterministic dice: the same seed gives the same numbers from 0 to 1 (mulberry32). */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Chooses the fault of each request: of the rules that apply, the first. */
export function createRules(seed: number) {
  const roll = dice(seed);
  const rules = new Map<Rule, number>();
  return {
    /** Returns how to take it back. */
    add(rule: Rule): () => void {
      rules.set(rule, 0);
      return () => void rules.delete(rule);
    },
    clear: () => rules.clear(),
    faultOf(request: Asked): Fault | undefined {
      let chosen: Fault | undefined;
      for (const [rule, count] of rules) {
        if (!rule.on(request)) continue;
        rules.set(rule, count + 1);
        if (chosen !== undefined || rule.nth?.(count + 1) === false) continue;
        if (rule.probability === undefined || roll() < rule.probability) chosen = rule.fault;
      }
      return chosen;
    },
  };
}
