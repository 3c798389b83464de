import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PartialObject } from "#common/object-meta";
import { silent } from "#common/log";
import { createStore } from "#kube/cache/store";

function object(name: string, resourceVersion: number, uid = `uid-of-${name}`, namespace = "a"): PartialObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { namespace, name, uid, resourceVersion: `${resourceVersion}` },
  };
}

function storeWithLog() {
  const store = createStore<PartialObject>({ log: silent });
  const changes: string[] = [];
  store.onChange(({ before, after }) => {
    changes.push(`${before?.metadata.resourceVersion ?? "-"}>${after?.metadata.resourceVersion ?? "-"}`);
  });
  return { store, changes, version: (name: string) => store.get("a", name)?.metadata.resourceVersion };
}

test("an older version never replaces a newer one, wherever it comes from", () => {
  const { store, changes, version } = storeWithLog();
  store.put(object("x", 10));
  store.put(object("x", 9));
  store.put(object("x", 10));
  assert.is(version("x"), "10");
  assert.equal(changes, ["->10"]);
});

test("the reply to our own write counts at once, and the watch event that follows is not a change", () => {
  const { store, changes } = storeWithLog();
  store.put(object("x", 10));
  store.put(object("x", 11));
  store.put(object("x", 11));
  assert.equal(changes, ["->10", "10>11"]);
});

test("versions are compared as numbers: 9 is older than 10", () => {
  const { store, version } = storeWithLog();
  store.put(object("x", 9));
  store.put(object("x", 10));
  assert.is(version("x"), "10");
});

test("a late message does not bring back a removed object", () => {
  const { store, version } = storeWithLog();
  store.put(object("x", 10));
  store.remove(object("x", 12));
  store.put(object("x", 11));
  assert.is(version("x"), undefined);
});

test("an object that was forgotten at an older version is stored at a newer one", () => {
  const { store, version } = storeWithLog();
  store.put(object("x", 10));
  store.forget(object("x", 9));
  assert.is(version("x"), "10");
  store.forget(object("x", 11));
  assert.is(version("x"), undefined);
  store.put(object("x", 12));
  assert.is(version("x"), "12");
});

test("an object that a list forgot can be stored again, at the version of the list or a newer one", () => {
  const { store, version } = storeWithLog();
  store.put(object("x", 10));
  const listed = store.stage();
  listed.forget(object("x", 11));
  listed.commit("20");
  assert.is(version("x"), undefined);
  store.put(object("x", 10));
  assert.is(version("x"), undefined, "a late message");
  store.put(object("x", 11));
  assert.is(version("x"), "11");
});

test("another object of the same name is stored", () => {
  const { store, changes } = storeWithLog();
  store.put(object("x", 10));
  store.remove(object("x", 12));
  store.put(object("x", 13, "another-uid"));
  assert.is(store.get("a", "x")?.metadata.uid, "another-uid");
  assert.equal(changes, ["->10", "10>-", "->13"]);
});

test("a list removes what it does not contain, but nothing newer than itself", () => {
  const { store } = storeWithLog();
  store.put(object("gone", 10));
  store.put(object("new", 30));
  const list = store.stage();
  list.add(object("kept", 5));
  list.commit("20");
  assert.equal([...store.values()].map(({ metadata }) => metadata.name).sort(), ["kept", "new"]);
});

test("of two versions in one list the newer one counts, even if the store has it already", () => {
  const { store, changes, version } = storeWithLog();
  store.put(object("x", 11));
  const listed = store.stage();
  listed.add(object("x", 10));
  listed.add(object("x", 11));
  listed.commit("20");
  assert.is(version("x"), "11");
  assert.equal(changes, ["->11"]);

  const disordered = store.stage();
  disordered.add(object("x", 12));
  disordered.add(object("x", 11));
  disordered.commit("30");
  assert.is(version("x"), "12");
});

test("a listener that throws stops neither the other listeners nor the store", () => {
  const store = createStore<PartialObject>({ log: silent });
  const heard: string[] = [];
  store.onChange(() => {
    throw new Error("a bug");
  });
  store.onChange(({ after }) => heard.push(after?.metadata.name ?? ""));
  store.put(object("x", 1));
  assert.equal(heard, ["x"]);
  assert.is(store.size, 1);
});

test.run();
