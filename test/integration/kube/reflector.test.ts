/** The client and the reflector against a real API server. */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PartialObject } from "#common/object-meta";
import { createClient } from "#kube/client/client";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import { statusOf } from "#kube/client/api-error";
import { silent } from "#common/log";
import type { Reflector } from "#kube/cache/reflector";
import { createWatchLog } from "#support/kube/watch-log";
import { startReflector } from "#kube/cache/reflector";
import { createStore } from "#kube/cache/store";

const namespace = `kube-${randomBytes(4).toString("hex")}`;
const path = `/api/v1/namespaces/${namespace}/secrets`;
const codes: string[] = [];
const client = createClient(await loadKubeConfig(), {
  fieldManager: "test",
  onRequest: (verb, code) => codes.push(`${verb} ${code}`),
});

const secret = (name: string) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name },
  stringData: { key: "canary-5c1e" },
});

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1000 && !holds(); turn += 1) await sleep(10);
}

test.before(async () => {
  await client.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
});

const running: Reflector[] = [];

test.after(async () => {
  await Promise.all(running.map((reflector) => reflector.stop()));
  await client.remove(`/api/v1/namespaces/${namespace}`);
  await client.close();
});

test("a watch of metadata fills a store, follows every change, and never holds a value", async () => {
  await client.create(path, secret("before"));
  const store = createStore<PartialObject>({ log: silent });
  const watchLog = createWatchLog();
  const reflector = startReflector({ client, path, metadataOnly: true, store, log: watchLog.log });
  running.push(reflector);
  await reflector.synced;
  assert.ok(store.get(namespace, "before"));
  await client.create(path, secret("after"));
  await until(() => store.get(namespace, "after") !== undefined);
  assert.ok(store.get(namespace, "after"));
  await client.remove(`${path}/before`);
  await until(() => store.get(namespace, "before") === undefined);
  assert.is(store.get(namespace, "before"), undefined);
  assert.not.match(JSON.stringify([...store.values()]), /canary|Y2FuYXJ5/);
  assert.is(watchLog.problem, undefined);
});

test("an object that `keep` rejects is not stored", async () => {
  const store = createStore<PartialObject>({ log: silent });
  const keep = (object: PartialObject) => (object.metadata.name === "wanted" ? object : undefined);
  const reflector = startReflector({ client, path, metadataOnly: true, store, keep, log: silent });
  running.push(reflector);
  await reflector.synced;
  await client.create(path, secret("unwanted"));
  await client.create(path, secret("wanted"));
  await until(() => store.size > 0);
  assert.equal(
    [...store.values()].map(({ metadata }) => metadata.name),
    ["wanted"],
  );
});

test("the reply to a write with metadataOnly has no value in it", async () => {
  const reply = await client.create<PartialObject>(path, secret("quiet"), { metadataOnly: true });
  assert.is(reply.kind, "PartialObjectMetadata");
  assert.is("data" in reply, false);
});

test("a refusal is typed, and does not quote the server", async () => {
  const bad = { ...secret("bad"), metadata: { name: "bad name canary-5c1e" } };
  const error: unknown = await client.create(path, bad).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.is(statusOf(error), 422);
  assert.not.match(String(error), "canary");
});

test("500 requests at once get one reply each", async () => {
  const before = codes.length;
  for (let batch = 0; batch < 50; batch += 1) {
    await Promise.all(Array.from({ length: 10 }, () => client.get(`/api/v1/namespaces/${namespace}`)));
  }
  assert.is(codes.slice(before).filter((code) => code === "GET 200").length, 500);
});

test.run();
