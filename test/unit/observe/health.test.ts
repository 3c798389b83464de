import { test } from "uvu";
import * as assert from "uvu/assert";
import { OperatorError } from "#common/operator-error";
import { serveHealth, type HealthServer, type HealthSource } from "#observe/health";

const source: HealthSource = {
  isLive: () => true,
  isReady: () => true,
  metrics: async () => ({ contentType: "text/plain; version=0.0.4", text: ["up 1\n", "down 0\n"] }),
};

async function serving(
  changed: Partial<HealthSource>,
  ask: (get: (path: string, init?: RequestInit) => Promise<Response>, server: HealthServer) => Promise<void>,
): Promise<void> {
  const server = await serveHealth({ host: "127.0.0.1", port: 0 }, { ...source, ...changed });
  try {
    await ask((path, init) => fetch(`http://127.0.0.1:${server.port}${path}`, init), server);
  } finally {
    await server.close();
  }
}

test("healthy: 200 and ok", () =>
  serving({}, async (get) => {
    for (const path of ["/livez", "/readyz", "/readyz?verbose"]) {
      const response = await get(path);
      assert.is(response.status, 200);
      assert.is(await response.text(), "ok\n");
    }
  }));

test("unhealthy: 503 and why", () =>
  serving({ isLive: () => "the queue has made no progress for 61 s", isReady: () => false }, async (get) => {
    const live = await get("/livez");
    assert.is(live.status, 503);
    assert.is(await live.text(), "the queue has made no progress for 61 s\n");
    assert.is((await get("/readyz")).status, 503);
  }));

test("/metrics is served with the content type of its text", () =>
  serving({}, async (get) => {
    const response = await get("/metrics");
    assert.is(response.headers.get("content-type"), "text/plain; version=0.0.4");
    assert.is(await response.text(), "up 1\ndown 0\n");
  }));

test("another path is 404, another method 405, and HEAD has no body", () =>
  serving({}, async (get) => {
    assert.is((await get("/")).status, 404);
    assert.is((await get("/livez", { method: "POST" })).status, 405);
    const head = await get("/metrics", { method: "HEAD" });
    assert.is(head.status, 200);
    assert.is(await head.text(), "");
  }));

test("a source that throws is a 500 that says nothing about the error, and the server keeps running", () => {
  const fails = (): never => {
    throw new Error("canary");
  };
  return serving({ isLive: fails, metrics: async () => fails() }, async (get) => {
    for (const path of ["/livez", "/metrics"]) {
      const response = await get(path);
      assert.is(response.status, 500);
      assert.not.match(await response.text(), "canary");
    }
    assert.is((await get("/readyz")).status, 200);
  });
});

test("a port that is in use is a one-line error", () =>
  serving({}, async (_get, { port }) => {
    try {
      await serveHealth({ host: "127.0.0.1", port }, source);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, OperatorError);
      assert.is(
        (error as OperatorError).message,
        `cannot listen on 127.0.0.1:${port} (--metrics-address): another process uses this port`,
      );
    }
  }));

test("a client that goes away in the middle of a page does no harm", () => {
  const endless = function* () {
    for (;;) yield "x".repeat(65_536);
  };
  return serving({ metrics: async () => ({ contentType: "text/plain", text: endless() }) }, async (get) => {
    const gone = new AbortController();
    const response = await get("/metrics", { signal: gone.signal });
    await response.body?.getReader().read();
    gone.abort();
    assert.is((await get("/livez")).status, 200);
  });
});

test("close ends connections that are kept open, and frees the port", async () => {
  const server = await serveHealth({ host: "127.0.0.1", port: 0 }, source);
  await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  await server.close();
  const again = await serveHealth({ host: "127.0.0.1", port: server.port }, source);
  await again.close();
});

test.run();
