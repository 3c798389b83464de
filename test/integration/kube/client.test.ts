/** The client on its way to a real API server: connections, what leaves and what does not, and what is sent again. */
import { randomBytes } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PartialObject } from "#common/object-meta";
import { createClient } from "#kube/client/client";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import { RequestAborted, RequestTimeout, statusOf, Unreachable } from "#kube/client/api-error";
import { fenced } from "#kube/client/fenced";
import type { Answer, FaultyProxy, Seen } from "#support/kube/proxy";
import { countConnections, createFaultyProxy } from "#support/kube/proxy";

const namespace = `client-${randomBytes(4).toString("hex")}`;
const path = `/api/v1/namespaces/${namespace}/secrets`;
const direct = createClient(await loadKubeConfig(), { fieldManager: "test" });
const secret = (name: string) => ({ apiVersion: "v1", kind: "Secret", metadata: { name } });
const exists = (name: string) =>
  direct.get(`${path}/${name}`).then(
    () => true,
    (error: unknown) => (statusOf(error) === 404 ? false : Promise.reject(error as Error)),
  );
const thrownBy = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

test.before(async () => {
  await direct.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
});

test.after(async () => {
  await direct.remove(`/api/v1/namespaces/${namespace}`);
  await direct.close();
});

async function behindProxy(
  body: (client: ReturnType<typeof createClient>, proxy: FaultyProxy) => Promise<void>,
  options: Partial<Parameters<typeof createClient>[1]> = {},
): Promise<void> {
  const proxy = await createFaultyProxy();
  const client = createClient(proxy.config, { fieldManager: "test", ...options });
  try {
    await body(client, proxy);
  } finally {
    await client.close();
    await proxy.close();
  }
}

/** The first requests that `matches` get these answers, the later ones pass. */
function first(answers: Answer[], matches: (request: Seen) => boolean): (request: Seen) => Answer | undefined {
  const left = [...answers];
  return (request) => (matches(request) ? left.shift() : undefined);
}

const isMethod = (method: string) => (request: Seen) => request.method === method;
const count = ({ seen }: FaultyProxy, method: string) => seen.filter(isMethod(method)).length;

for (const connections of [1, 4]) {
  test(`however many requests there are, ${connections === 1 ? "one connection is" : `${connections} connections are`} all that is opened`, async () => {
    const proxy = await countConnections();
    const client = createClient(proxy.config, { fieldManager: "test", connections });
    const get = () => client.get(`/api/v1/namespaces/${namespace}`);
    for (let turn = 0; turn < 60; turn += 1) await get();
    // Two: undici calls a connection busy for a moment after the end of its reply.
    assert.ok(proxy.accepted <= Math.min(2, connections), `${proxy.accepted} one after another`);
    await Promise.all(Array.from({ length: 60 }, get));
    assert.is(proxy.accepted, connections, "at once");
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => client.create(path, secret(`many-${connections}-${index}`))),
    );
    assert.is(proxy.accepted, connections, "writes too");
    await client.close();
    await proxy.close();
  });
}

test("a watch has a connection of its own, and leaves those of the requests free", async () => {
  const proxy = await countConnections();
  const client = createClient(proxy.config, { fieldManager: "test", connections: 1 });
  const ended = new AbortController();
  const started = Promise.withResolvers<undefined>();
  const watch = client.stream(path, {
    query: { watch: "true", timeoutSeconds: "30" },
    idleMs: 60_000,
    signal: ended.signal,
    onStart: () => started.resolve(undefined),
    onValue: () => undefined,
  });
  await started.promise;
  for (let turn = 0; turn < 5; turn += 1) await client.get(`/api/v1/namespaces/${namespace}`);
  assert.is(proxy.accepted, 2);
  ended.abort();
  assert.instance(await thrownBy(watch), RequestAborted);
  await client.close();
  await proxy.close();
});

test("a write that waited for a connection while the right to write was lost does not leave", () =>
  behindProxy(
    async (client, proxy) => {
      const lost = new Error("no longer leading");
      let mayWrite = true;
      const behindFence = fenced(client, () => {
        if (!mayWrite) throw lost;
      });
      const slow = Promise.withResolvers<undefined>();
      proxy.answer = (request) => (request.method === "GET" ? slow.promise : undefined);
      const reading = behindFence.get(`/api/v1/namespaces/${namespace}`);
      const writes = [
        behindFence.create(path, secret("waited")),
        behindFence.patch(`${path}/waited`, {}, "merge"),
        behindFence.update(`${path}/waited`, secret("waited")),
        behindFence.remove(`${path}/waited`),
      ];
      const failures = Promise.all(writes.map(thrownBy));
      mayWrite = false;
      slow.resolve(undefined);
      assert.equal(await failures, [lost, lost, lost, lost]);
      await reading;
      assert.equal(
        proxy.seen.map(({ method }) => method),
        ["GET"],
      );
      assert.is(await exists("waited"), false);
    },
    { connections: 1 },
  ));

test("a retry after the right to write was lost does not leave, and one before does", () =>
  behindProxy(async (client, proxy) => {
    const lost = new Error("no longer leading");
    let mayWrite = true;
    const behindFence = fenced(client, () => {
      if (!mayWrite) throw lost;
    });
    proxy.answer = (request) => {
      if (request.method !== "POST") return undefined;
      mayWrite = false;
      return { status: 429, headers: { "retry-after": "0" } };
    };
    assert.is(await thrownBy(behindFence.create(path, secret("retried"))), lost);
    assert.is(count(proxy, "POST"), 1);
    assert.is(await exists("retried"), false);

    mayWrite = true;
    proxy.answer = first([{ status: 429, headers: { "retry-after": "0" } }], isMethod("POST"));
    await behindFence.create(path, secret("retried"));
    assert.is(await exists("retried"), true);
  }));

test("what the fence withholds is counted under its own name, and the client goes on", () => {
  const codes: string[] = [];
  return behindProxy(
    async (client) => {
      let mayWrite = false;
      const behindFence = fenced(client, () => {
        if (!mayWrite) throw new Error("no");
      });
      await thrownBy(behindFence.create(path, secret("withheld")));
      mayWrite = true;
      await behindFence.create(path, secret("withheld"));
      assert.equal(codes, ["POST withheld", "POST 201"]);
    },
    { onRequest: (verb, code) => codes.push(`${verb} ${code}`) },
  );
});

test("a request that the server delays with Retry-After is repeated no sooner", () =>
  behindProxy(async (client, proxy) => {
    proxy.answer = first([{ status: 429, headers: { "retry-after": "1" } }], isMethod("POST"));
    const began = performance.now();
    await client.create(path, secret("patient"));
    assert.ok(performance.now() - began >= 1000);
    assert.is(count(proxy, "POST"), 2);
  }));

test("a write that may have been executed is repeated only if it is idempotent", () =>
  behindProxy(async (client, proxy) => {
    proxy.answer = first(["reset"], isMethod("POST"));
    const error = await thrownBy(client.create(path, secret("lost-reply")));
    assert.instance(error, Unreachable);
    assert.is((error as Unreachable).sent, true);
    assert.is(count(proxy, "POST"), 1);

    await client.create(path, secret("lost-reply"));
    proxy.answer = first(["reset", { status: 503 }, { status: 500 }], isMethod("PATCH"));
    await client.patch<PartialObject>(`${path}/lost-reply`, { metadata: { labels: { a: "b" } } }, "merge");
    assert.is(count(proxy, "PATCH"), 4);
  }));

test("a repeated delete succeeds when the object is gone", () =>
  behindProxy(async (client, proxy) => {
    await direct.create(path, secret("gone"));
    // The first DELETE has an effect, and its reply is lost: the 404 of the second one is no failure.
    proxy.answer = async (request) => {
      if (request.method !== "DELETE" || count(proxy, "DELETE") > 1) return undefined;
      await direct.remove(`${path}/gone`);
      return "reset";
    };
    await client.remove(`${path}/gone`);
    assert.is(count(proxy, "DELETE"), 2);
    assert.is(statusOf(await thrownBy(client.remove(`${path}/gone`))), 404, "but at once it is told");
  }));

test("a conflict goes to the caller and is not repeated", () =>
  behindProxy(async (client, proxy) => {
    await direct.create(path, secret("contested"));
    const stale = { metadata: { resourceVersion: "1", labels: { a: "b" } } };
    assert.is(statusOf(await thrownBy(client.patch(`${path}/contested`, stale, "merge"))), 409);
    assert.is(count(proxy, "PATCH"), 1);
  }));

test("a request without a reply fails after its timeout, and the next one takes another connection", () =>
  behindProxy(async (client, proxy) => {
    proxy.stall();
    const began = performance.now();
    const error = await thrownBy(client.create(path, secret("silent"), { timeoutMs: 300 }));
    assert.instance(error, RequestTimeout);
    assert.ok(performance.now() - began < 2000);
    proxy.heal();
    await client.create(path, secret("silent"));
  }));

test("a request on a kept connection that went silent is repeated on a new one, when that is safe", () =>
  behindProxy(async (client, proxy) => {
    await client.get(`/api/v1/namespaces/${namespace}`);
    proxy.stall();
    proxy.heal();
    await client.get(`/api/v1/namespaces/${namespace}`, { timeoutMs: 1000 });
  }));

test("a page that is not a reply of the Kubernetes API is an error that does not quote it", () =>
  behindProxy(async (client, proxy) => {
    proxy.answer = () => ({ status: 200, body: "<html>canary-77aa</html>" });
    const error = await thrownBy(client.get(`${path}/x`));
    assert.match(String(error), "not JSON");
    assert.not.match(String(error), "canary");
  }));

test.run();
