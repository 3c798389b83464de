/**
 * The reflector against a real API server, with everything in between that can go wrong. After each fault the store must
 * become equal to what a list of the API server says: nothing missing, nothing left over, nothing older.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PartialObject } from "#common/object-meta";
import type { KubeClient } from "#kube/client/client";
import { createClient } from "#kube/client/client";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import { silent } from "#common/log";
import type { Reflector, ReflectorTimings } from "#kube/cache/reflector";
import type { WatchLog } from "#support/kube/watch-log";
import { createWatchLog } from "#support/kube/watch-log";
import { startReflector } from "#kube/cache/reflector";
import type { Store } from "#kube/cache/store";
import { createStore } from "#kube/cache/store";
import type { Answer, FaultyProxy, Seen } from "#support/kube/proxy";
import { createFaultyProxy } from "#support/kube/proxy";
import { eventually } from "#support/operator/eventually";

const direct = createClient(await loadKubeConfig(), { fieldManager: "test" });

/** Faster than in earnest, so that a fault and what follows it are a second. */
const TIMINGS: Partial<ReflectorTimings> = { backoffBaseMs: 20, backoffMaxMs: 200, idleMs: 1000, healthyMs: 200 };

type Setting = {
  proxy: FaultyProxy;
  store: Store<PartialObject>;
  reflector: Reflector;
  watchLog: WatchLog;
  /** Names, in the order in which the store told of them: "+a", "~a", "-a". */
  changes: string[];
  create: (name: string) => Promise<unknown>;
  touch: (name: string) => Promise<unknown>;
  remove: (name: string) => Promise<void>;
  /** The store equals the API server. */
  converged: () => Promise<void>;
};

const running: (() => Promise<unknown>)[] = [];

test.after.each(async () => {
  for (const stop of running.splice(0).reverse()) await stop();
});

test.after(() => direct.close());

async function setting(
  metadataOnly: boolean,
  options: {
    timings?: Partial<ReflectorTimings>;
    keep?: (object: PartialObject) => PartialObject | undefined;
    before?: (proxy: FaultyProxy) => void;
  } = {},
): Promise<Setting> {
  const namespace = `watch-${randomBytes(4).toString("hex")}`;
  const path = `/api/v1/namespaces/${namespace}/secrets`;
  await direct.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  const body = (name: string) => ({ apiVersion: "v1", kind: "Secret", metadata: { name }, stringData: { a: "1" } });
  const create = (name: string) => direct.create(path, body(name));
  await create("first");
  await create("second");

  const proxy = await createFaultyProxy();
  options.before?.(proxy);
  const client: KubeClient = createClient(proxy.config, { fieldManager: "test" });
  const store = createStore<PartialObject>({ log: silent });
  const changes: string[] = [];
  store.onChange(({ before, after }) =>
    changes.push(`${before ? (after ? "~" : "-") : "+"}${(after ?? before)?.metadata.name}`),
  );
  const timings = { ...TIMINGS, ...options.timings };
  const keep = options.keep ?? ((object: PartialObject) => object);
  const watchLog = createWatchLog();
  const reflector = startReflector<PartialObject>({
    client,
    path,
    metadataOnly,
    store,
    keep,
    log: watchLog.log,
    timings,
  });
  running.push(
    () => direct.remove(`/api/v1/namespaces/${namespace}`),
    () => proxy.close(),
    () => client.close(),
    () => reflector.stop(),
  );
  return {
    ...{ proxy, store, reflector, watchLog, changes, create },
    touch: (name) => direct.patch(`${path}/${name}`, { metadata: { labels: { at: `${Date.now()}` } } }, "merge"),
    remove: (name) => direct.remove(`${path}/${name}`),
    converged: () =>
      eventually(async () => {
        const { items } = await direct.get<{ items: PartialObject[] }>(path);
        assert.equal(versions(store.values()), versions(items));
        assert.is(watchLog.problem, undefined);
      }),
  };
}

function versions(objects: Iterable<PartialObject>): string[] {
  return [...objects].map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`).sort();
}

const watches = ({ seen }: FaultyProxy) => seen.filter(({ query }) => query.get("watch") === "true");
const resumed = ({ query }: Seen) => query.has("resourceVersion");
/** A server that does not stream lists refuses the first request for one; the list is the request for pages after it. */
const isRefused = ({ query, status }: Seen) => query.has("sendInitialEvents") && (status === 400 || status === 422);
const lists = (proxy: FaultyProxy) =>
  proxy.seen.filter((request) => !resumed(request) && !request.query.has("continue") && !isRefused(request)).length;

/** Each fault is tried with whole objects and with metadata alone. */
function both(name: string, keeps: (metadataOnly: boolean) => Promise<void>): void {
  for (const metadataOnly of [false, true]) {
    test(`${name} (${metadataOnly ? "metadata only" : "whole objects"})`, () => keeps(metadataOnly));
  }
}

both("a watch that was cut resumes where it was, without a list, and misses nothing", async (metadataOnly) => {
  const { proxy, reflector, create, touch, remove, converged } = await setting(metadataOnly);
  await reflector.synced;
  for (let turn = 0; turn < 5; turn += 1) {
    proxy.cut();
    await create(`n${turn}`);
    await touch("first");
    if (turn > 0) await remove(`n${turn - 1}`);
    await converged();
  }
  assert.is(lists(proxy), 1);
});

both("a watch that went silent, without a FIN, is replaced after idleMs", async (metadataOnly) => {
  const { proxy, reflector, create, remove, converged } = await setting(metadataOnly);
  await reflector.synced;
  // A watch that was silent from its start is given up with a list; this one has been heard.
  await create("seen");
  await converged();
  proxy.stall();
  await create("unseen");
  await remove("second");
  proxy.heal();
  const began = performance.now();
  await converged();
  assert.ok(performance.now() - began < 4000, "soon after the deadline of a second");
  assert.is(lists(proxy), 1);
});

both("a server that refuses connections for a while is retried with a backoff", async (metadataOnly) => {
  const { proxy, reflector, watchLog, create, remove, converged } = await setting(metadataOnly);
  await reflector.synced;
  proxy.answer = () => "reset";
  proxy.cut();
  await create("meanwhile");
  await remove("first");
  const before = watches(proxy).length;
  const began = performance.now();
  await sleep(1000);
  assert.match(watchLog.problem ?? "", "the connection ended before the reply");
  await eventually(() => assert.ok(watches(proxy).length - before >= 4));
  const perSecond = (watches(proxy).length - before) / ((performance.now() - began) / 1000);
  assert.ok(perSecond < 60, `${perSecond} attempts a second: there is a backoff`);
  proxy.answer = () => undefined;
  await converged();
});

for (const status of [429, 500, 503, 504]) {
  test(`${status} to the watch is retried, from the version that was seen`, async () => {
    const { proxy, reflector, create, converged } = await setting(true);
    await reflector.synced;
    let refusals = 3;
    proxy.answer = () => (refusals-- > 0 ? { status, headers: { "retry-after": "0" } } : undefined);
    proxy.cut();
    await create("meanwhile");
    await converged();
    assert.is(lists(proxy), 1);
  });
}

test("Retry-After of a refused watch is respected", async () => {
  const { proxy, reflector, converged } = await setting(true);
  await reflector.synced;
  let refused: number | undefined;
  let again: number | undefined;
  proxy.answer = () => {
    if (refused !== undefined) {
      again ??= performance.now();
      return undefined;
    }
    refused = performance.now();
    return { status: 429, headers: { "retry-after": "1" } };
  };
  proxy.cut();
  await eventually(() => assert.ok(again !== undefined));
  assert.ok((again ?? 0) - (refused ?? 0) >= 950, `${(again ?? 0) - (refused ?? 0)} ms`);
  await converged();
});

test("after a server has refused several times to resume from a version, everything is listed again", async () => {
  const { proxy, reflector, create, remove, converged } = await setting(true);
  await reflector.synced;
  proxy.answer = (request) => (resumed(request) && lists(proxy) < 2 ? { status: 500 } : undefined);
  proxy.cut();
  await create("meanwhile");
  await remove("first");
  await converged();
  assert.is(lists(proxy), 2);
});

test("lists that fail late are failures like any other: after two of them the list comes in pages", async () => {
  const { proxy, watchLog, converged } = await setting(true, {
    before: (made) => {
      made.answer = async ({ query }) => {
        if (!query.has("sendInitialEvents")) return undefined;
        await sleep(2 * (TIMINGS.healthyMs ?? 0));
        return { status: 500 };
      };
    },
  });
  await eventually(() => assert.is(watchLog.problem, undefined), 5000);
  await converged();
  assert.is(proxy.seen.filter(({ query }) => query.has("sendInitialEvents")).length, 2);
});

const GONE = { kind: "Status", apiVersion: "v1", status: "Failure", reason: "Expired", code: 410 };

both("410 as a reply: a new list, which finds what was deleted and what was created again", async (metadataOnly) => {
  // The blind watch is not to be given up for its silence before all has happened.
  const timings = { idleMs: 60_000 };
  const { proxy, reflector, changes, create, remove, converged } = await setting(metadataOnly, { timings });
  await reflector.synced;
  // Where lists are not streamed, the watch begins after the list.
  await eventually(() => assert.ok(watches(proxy).some(({ status }) => status === 200)));
  changes.splice(0);
  proxy.answer = (request) => (resumed(request) && lists(proxy) < 2 ? { status: 410, body: GONE } : undefined);
  await remove("first");
  await eventually(() => assert.equal(changes, ["-first"]));
  const blind = new Set(proxy.seen);
  proxy.line = (line, request) => (blind.has(request) ? [] : [line]);
  await remove("second");
  await create("second");
  await create("third");
  proxy.cut();
  await converged();
  assert.ok(lists(proxy) >= 2);
  assert.equal([...changes].sort(), ["+third", "-first", "~second"]);
});

both("410 in the middle of a watch: the same", async (metadataOnly) => {
  const { proxy, reflector, changes, create, remove, touch, converged } = await setting(metadataOnly);
  await reflector.synced;
  changes.splice(0);
  let gone = true;
  proxy.line = (line) => {
    if (!gone) return [line];
    gone = false;
    return [JSON.stringify({ type: "ERROR", object: GONE })];
  };
  await remove("first");
  await create("third");
  await touch("second");
  await converged();
  assert.ok(changes.includes("-first") && changes.includes("+third"));
  assert.is(lists(proxy), 2);
});

test("an object that a new list shows but nothing needs is watched again as soon as it is needed", async () => {
  let isNeeded = true;
  const keep = (object: PartialObject) => (isNeeded || object.metadata.name !== "first" ? object : undefined);
  const { proxy, store, reflector, touch, converged } = await setting(true, { keep });
  await reflector.synced;
  isNeeded = false;
  proxy.answer = (request) => (resumed(request) ? { status: 410, body: GONE } : undefined);
  proxy.cut();
  await eventually(() => assert.is(store.size, 1));
  proxy.answer = () => undefined;
  isNeeded = true;
  await touch("first");
  await converged();
});

for (const [what, line] of [
  ["half a line", '{"type":"ADDED","object":{"metad'],
  ["a page of HTML", "<html>canary-1b2c</html>"],
  ["an event of no known type", '{"type":"RENAMED","object":{"metadata":{"name":"x","resourceVersion":"5"}}}'],
  ["an event without an object", '{"type":"MODIFIED"}'],
  ["JSON that is no event", "[1,2,3]"],
  ["null", "null"],
] as const) {
  test(`${what} in a watch ends it; the next one misses nothing`, async () => {
    const { proxy, reflector, create, converged } = await setting(true);
    await reflector.synced;
    let broken = false;
    proxy.line = (passed) => {
      if (broken) return [passed];
      broken = true;
      return [line];
    };
    await create("third");
    await converged();
    assert.ok(broken);
    assert.is(lists(proxy), 1);
  });
}

both("events that come twice, or again much later, change nothing", async (metadataOnly) => {
  const { proxy, reflector, changes, create, remove, touch, converged } = await setting(metadataOnly);
  await reflector.synced;
  changes.splice(0);
  const old: string[] = [];
  proxy.line = (line) => {
    old.push(line);
    return [line, line];
  };
  await create("third");
  await touch("third");
  await remove("first");
  await converged();
  proxy.line = (line) => [...old, line];
  await create("fourth");
  await converged();
  assert.equal(changes, ["+third", "~third", "-first", "+fourth"]);
});

both("late events arrive, and do not undo what overtook them on another way", async (metadataOnly) => {
  const { proxy, store, reflector, changes, create, remove, converged } = await setting(metadataOnly);
  await reflector.synced;
  const late = Promise.withResolvers<undefined>();
  proxy.line = async (line) => {
    await late.promise;
    return [line];
  };
  await create("third");
  const [held] = [...store.values()].filter(({ metadata }) => metadata.name === "first");
  await remove("first");
  // As after our own delete: known at once, while the watch is behind.
  if (held) store.remove(held);
  assert.is(store.size, 1);
  await sleep(100);
  assert.is(store.size, 1);
  changes.splice(0);
  late.resolve(undefined);
  await converged();
  assert.equal(changes, ["+third"]);
});

both("a list from a server that cannot stream lists comes in pages", async (metadataOnly) => {
  const { proxy, reflector, create, remove, converged } = await setting(metadataOnly, {
    before: (made) => {
      made.answer = ({ query }) => (query.has("sendInitialEvents") ? { status: 422, body: { code: 422 } } : undefined);
    },
  });
  await reflector.synced;
  await converged();
  await create("third");
  await remove("first");
  await converged();
  assert.is(proxy.seen.filter(({ query }) => query.has("limit")).length, 1);
});

test("a list of many pages is complete, and starts over when the server has forgotten its version", async () => {
  let refusals = 1;
  const ready = Promise.withResolvers<undefined>();
  const { proxy, store, create, reflector, converged } = await setting(true, {
    before: (made) => {
      made.answer = async ({ query }): Promise<Answer | undefined> => {
        if (query.has("sendInitialEvents")) return { status: 400, body: { code: 400 } };
        if (query.has("continue") && refusals-- > 0) return { status: 410, body: GONE };
        if (query.has("limit")) await ready.promise;
        return undefined;
      };
    },
  });
  for (let index = 0; index < 560; index += 20) {
    await Promise.all(Array.from({ length: 20 }, (_, offset) => create(`many-${index + offset}`)));
  }
  ready.resolve(undefined);
  await reflector.synced;
  await converged();
  assert.is(store.size, 562);
  assert.is(proxy.seen.filter(({ query }) => query.has("continue")).length, 2);
});

test("a list that ends before it is complete removes nothing", async () => {
  const { proxy, reflector, changes, converged } = await setting(true);
  await reflector.synced;
  changes.splice(0);
  let cuts = 0;
  const firstPage = { kind: "SecretList", metadata: { resourceVersion: "1", continue: "more" }, items: [] };
  proxy.answer = (request) => {
    if (resumed(request)) return { status: 410, body: GONE };
    // Where lists are not streamed: the connection ends between two pages.
    if (cuts >= 3 || !request.query.has("limit")) return undefined;
    if (!request.query.has("continue")) return { status: 200, body: firstPage };
    cuts += 1;
    return "reset";
  };
  proxy.line = (line) => {
    if (cuts >= 3) return [line];
    cuts += 1;
    proxy.cut();
    return [];
  };
  proxy.cut();
  await eventually(() => assert.is(cuts, 3));
  proxy.answer = () => undefined;
  await converged();
  assert.equal(changes, []);
});

test("a list older than what was seen is refused; if the lists stay older, the server is believed", async () => {
  const { proxy, store, reflector, create, converged } = await setting(true, { timings: { restoredAfterMs: 1500 } });
  await reflector.synced;
  await create("third");
  await converged();
  let stale = true;
  let staleSince: number | undefined;
  const removed: number[] = [];
  store.onChange(({ after }) => after ?? removed.push(performance.now()));
  proxy.answer = (request) => {
    if (!stale) return undefined;
    if (resumed(request)) return { status: 410, body: GONE };
    staleSince ??= performance.now();
    const isPaged = request.query.has("limit");
    if (isPaged) return { status: 200, body: { kind: "SecretList", metadata: { resourceVersion: "1" }, items: [] } };
    const bookmark = { annotations: { "k8s.io/initial-events-end": "true" }, resourceVersion: "1" };
    return {
      status: 200,
      body: `${JSON.stringify({ type: "BOOKMARK", object: { metadata: bookmark } })}\n`,
    };
  };
  proxy.cut();
  await eventually(() => assert.is(store.size, 0));
  const afterMs = Math.min(...removed) - (staleSince ?? Infinity);
  assert.ok(afterMs >= 1490, `an API server that lags behind removes nothing: ${afterMs} ms`);
  stale = false;
  await converged();
});

test("a server that went back in time, and so is silent on a watch from a later version, is listed and believed", async () => {
  const { proxy, reflector, create, remove, converged } = await setting(true, { timings: { restoredAfterMs: 1500 } });
  await reflector.synced;
  await create("third");
  await converged();
  // As if all that had been before a backup was put back: what we have seen is far ahead of the server.
  let ahead: string | undefined;
  proxy.line = (line) => {
    if (ahead !== undefined) return [line];
    const { object } = JSON.parse(line) as { object: PartialObject };
    ahead = `${Number(object.metadata.resourceVersion) + 100_000}`;
    return [line, JSON.stringify({ type: "BOOKMARK", object: { metadata: { resourceVersion: ahead } } })];
  };
  await create("fourth");
  await eventually(() => assert.ok(ahead !== undefined));
  await sleep(300);
  proxy.cut();
  await eventually(() => assert.ok(watches(proxy).some(({ query }) => query.get("resourceVersion") === ahead)));
  await create("fifth");
  await remove("first");
  await converged();
});

test("a bookmark moves the version to resume from", async () => {
  const { proxy, reflector, create, converged } = await setting(true);
  await reflector.synced;
  proxy.cut();
  await converged();
  await eventually(() => assert.ok(watches(proxy).some(resumed)));
  const from = () => Number(watches(proxy).at(-1)?.query.get("resourceVersion"));
  const first = from();
  let told = false;
  proxy.line = (line) => {
    if (told) return [line];
    told = true;
    const { object } = JSON.parse(line) as { object: PartialObject };
    // In place of the event: what it says has been seen, then.
    return [
      JSON.stringify({ type: "BOOKMARK", object: { metadata: { resourceVersion: object.metadata.resourceVersion } } }),
    ];
  };
  await create("skipped");
  await eventually(() => assert.ok(told));
  // Until it has been read: what is still on its way is lost with the connection.
  await sleep(300);
  proxy.cut();
  await eventually(() => assert.ok(from() > first));
});

test("stop ends a silent watch, and one that waits for its next attempt", async () => {
  for (const fault of ["hang", "reset"] as const) {
    const { proxy, reflector } = await setting(true, {
      timings: { backoffBaseMs: 60_000, backoffMaxMs: 60_000, idleMs: 60_000 },
      before: (made) => (made.answer = () => fault),
    });
    await eventually(() => assert.ok(proxy.seen.length > 0));
    const began = performance.now();
    await reflector.stop();
    assert.ok(performance.now() - began < 10_000, "long before the minutes of its timings");
  }
});

test.run();
