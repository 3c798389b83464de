/** Workloads restart when a published value changes: each time once, whatever else happens, and for nothing else. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CONTENT_VERSION_ANNOTATION } from "#api/names";
import type { RestartWorkloads } from "#plan/actions";
import { plan } from "#plan/plan";
import type { World } from "#support/plan/world";
import { edit, NOW, observe, put, settle, UID, world } from "#support/plan/world";

const WEB = { kind: "Deployment", name: "web" };
const RESTART = { restart: [WEB] };
const custom = (data: Record<string, unknown>, rest: object = RESTART) => ({
  type: "Custom",
  custom: { data },
  ...rest,
});
const one = { A: { value: "one" } };
const two = { A: { value: "two" } };
const fromSource = { A: { valueFrom: { secretKeyRef: { name: "upstream", key: "a" } } } };

/** A world with a workload in it. */
function withWorkload(spec: unknown): World {
  const w = world(spec);
  w.workloads.set("web", { annotations: {}, rolls: 0 });
  return w;
}

const rolls = (in_: World) => in_.workloads.get("web")?.rolls;
const kinds = (actions: readonly { kind: string }[]) => actions.map(({ kind }) => kind);
const counts = (in_: World, name = "orders") => [
  in_.secrets.get(name)?.metadata.annotations?.[CONTENT_VERSION_ANNOTATION],
  in_.appSecret.status?.secret?.contentVersion,
];

test("the first publication counts as 1, reads nothing and restarts nothing", () => {
  const w = withWorkload(custom(one));
  assert.equal(kinds(settle(w)), ["CreateSecret", "WriteStatus"]);
  assert.equal(counts(w), ["1", 1]);
  assert.equal(settle(w), []);
});

test("a changed value: one read, the Secret, the restart, and the status last", () => {
  const w = withWorkload(custom(one));
  settle(w);
  edit(w, custom(two));
  assert.equal(kinds(settle(w)), ["ReadPublished", "UpdateSecret", "RestartWorkloads", "WriteStatus"]);
  assert.equal(counts(w), ["2", 2]);
  assert.is(rolls(w), 1);
  assert.equal(settle(w), []);
});

for (const [what, change] of [
  ["labels", (w: World) => edit(w, custom(one, { ...RESTART, target: { labels: { team: "a" } } }))],
  ["annotations", (w: World) => edit(w, custom(one, { ...RESTART, target: { annotations: { note: "a" } } }))],
  ["ownership", (w: World) => edit(w, custom(one, { ...RESTART, deletionPolicy: "Retain" }))],
  ["another list of workloads", (w: World) => edit(w, custom(one, { restart: [WEB, { ...WEB, name: "api" }] }))],
  ["the name of the Secret", (w: World) => edit(w, custom(one, { ...RESTART, target: { name: "renamed" } }))],
  [
    "the version of the Secret, for somebody has put a label on it",
    (w: World) => {
      const secret = w.secrets.get("orders")!;
      w.secrets.set("orders", { ...secret, metadata: { ...secret.metadata, resourceVersion: "later" } });
    },
  ],
  ["nothing but that the Secret was deleted", (w: World) => w.secrets.delete("orders")],
] as const) {
  test(`no value changes, only ${what}: nothing restarts`, () => {
    const w = withWorkload(custom(one));
    settle(w);
    change(w);
    assert.not.equal(settle(w), [], "there is something to do");
    assert.is(rolls(w), 0);
    assert.is(w.appSecret.status?.secret?.contentVersion, 1);
    assert.equal(settle(w), []);
  });
}

for (const [what, change] of [
  ["a literal", (w: World) => edit(w, custom(two))],
  ["a source", (w: World) => put(w, "upstream", { a: "two" })],
  ["a key is added", (w: World) => edit(w, custom({ ...fromSource, B: { value: "b" } }))],
  ["a key is renamed", (w: World) => edit(w, custom(fromSource, { ...RESTART, target: { keys: { A: "B" } } }))],
  [
    "the value and the Secret's name",
    (w: World) => edit(w, custom(two, { ...RESTART, target: { name: "renamed", immutable: true } })),
  ],
  [
    "the value, while the Secret was deleted",
    (w: World) => {
      w.secrets.delete("orders");
      edit(w, custom(two));
    },
  ],
  ["somebody else's hand, and it is put right", (w: World) => write(w, "orders", { A: "ZWRpdGVk" })],
] as const) {
  test(`a value changes (${what}): one restart`, () => {
    const w = withWorkload(custom(fromSource));
    put(w, "upstream", { a: "one" });
    settle(w);
    change(w);
    settle(w);
    assert.is(rolls(w), 1);
    settle(w);
    assert.is(rolls(w), 1);
  });
}

/** As a person would, with kubectl edit. */
function write(on: World, name: string, data: Record<string, string>): void {
  const secret = on.secrets.get(name)!;
  on.version += 1;
  on.secrets.set(name, { data, metadata: { ...secret.metadata, resourceVersion: `${on.version}` } });
}

test("a source that is written anew with the same value restarts nothing", () => {
  const w = withWorkload(custom(fromSource));
  put(w, "upstream", { a: "one" });
  settle(w);
  put(w, "upstream", { a: "one", b: "other" });
  assert.equal(kinds(settle(w)).includes("UpdateSecret"), true);
  assert.is(rolls(w), 0);
});

test("killed after any of its actions, it restarts once all the same", () => {
  for (let actions = 0; actions <= 4; actions += 1) {
    const w = withWorkload(custom(one));
    settle(w);
    edit(w, custom(two));
    settle(w, NOW, actions);
    settle(w);
    assert.is(rolls(w), 1, `killed after ${actions} actions`);
    assert.equal(counts(w), ["2", 2]);
  }
});

test("a list that is added, goes and comes back restarts nothing by that, and does not count anew", () => {
  const w = withWorkload(custom(one, {}));
  settle(w);
  assert.equal(counts(w), [undefined, undefined]);
  edit(w, custom(one));
  settle(w);
  assert.is(rolls(w), 0);
  edit(w, custom(two));
  settle(w);
  assert.is(rolls(w), 1);
  edit(w, custom(one, {}));
  settle(w);
  assert.equal(counts(w), [undefined, 2]);
  edit(w, custom(one));
  settle(w);
  assert.is(rolls(w), 1);
  edit(w, custom(two));
  settle(w);
  assert.is(rolls(w), 2);
  assert.equal(counts(w), ["3", 3]);
});

test("a Secret that was withdrawn and is published again is another one: a later change restarts again", () => {
  const login = (audience: string, enabled = true) => ({
    type: "Authentication",
    authentication: { enabled, audience, jwksUri: "https://id.example.com/jwks" },
    verify: "Off",
    ...RESTART,
  });
  const w = withWorkload(login("a"));
  w.holder = { name: "orders", uid: UID };
  settle(w);
  for (const audience of ["b", "c"]) {
    edit(w, login(audience));
    settle(w);
    edit(w, login("a", false));
    settle(w);
    edit(w, login("a"));
    settle(w);
  }
  assert.is(rolls(w), 2);
});

test("what may not be restarted is said, takes no readiness away, and is tried again", () => {
  const w = withWorkload(custom(one));
  settle(w);
  edit(w, custom(two));
  settle(w, NOW, 2);
  const refusal = { kind: "NotRestarted" as const, workloads: [{ kind: "Deployment" as const, name: "web" }] };
  const read = w.secrets.get("orders")!;
  const { uid, resourceVersion } = read.metadata;
  const published = { uid, resourceVersion, data: read.data };
  const { actions, retry } = plan({ ...observe(w, undefined, published), refusal }, NOW);
  assert.equal(kinds(actions), ["UpdateSecret", "WriteStatus", "RecordEvent"]);
  assert.is(retry, true);
  const [, written, event] = actions;
  assert.ok(written?.kind === "WriteStatus" && event?.kind === "RecordEvent");
  const ready = written.status.conditions?.find(({ type }) => type === "Ready");
  assert.is(ready?.status, "True");
  assert.match(ready?.message ?? "", 'holds generation 2. The operator may not restart Deployment "web"');
  assert.is(written.status.secret?.contentVersion, 1);
  assert.is(event.note.reason, "RestartFailed");

  // As the next reconcile finds it: nothing but the restart is left.
  w.appSecret = {
    ...w.appSecret,
    status: { ...written.status, secret: { ...written.status.secret!, uid, resourceVersion } },
  };
  assert.equal(kinds(plan(observe(w), NOW).actions), ["RestartWorkloads", "WriteStatus"]);
  const refused = plan({ ...observe(w), refusal }, NOW);
  assert.equal(refused.actions, [], "the same is not said twice");
  assert.is(refused.retry, true);
  settle(w);
  assert.is(rolls(w), 1);
  assert.equal(settle(w), []);
});

test("a Secret that may not be read restarts its workloads when the spec or a source has changed", () => {
  for (const [spec, restarts] of [
    [custom(two), true],
    [custom(one), false],
  ] as const) {
    const w = withWorkload(custom(one));
    settle(w);
    if (restarts) edit(w, spec);
    write(w, "orders", { A: "ZWRpdGVk" });
    const { uid, resourceVersion } = w.secrets.get("orders")!.metadata;
    const { actions } = plan(observe(w, undefined, { uid, resourceVersion }), NOW);
    assert.is(kinds(actions).includes("RestartWorkloads"), restarts);
  }
});

test("the annotation fits the longest name of an AppSecret, and two long names have two", () => {
  const annotationOf = (name: string): string => {
    const w = withWorkload(custom(one));
    w.appSecret = { ...w.appSecret, metadata: { ...w.appSecret.metadata, name } };
    settle(w);
    edit(w, custom(two));
    return settle(w).find((action): action is RestartWorkloads => action.kind === "RestartWorkloads")!.annotation;
  };
  assert.is(annotationOf("orders"), "appsecret.dev/restarted-for-orders");
  const long = ["a", "b"].map((end) => annotationOf(`${"orders.".repeat(35)}${end}`));
  for (const annotation of long) assert.match(annotation, /^appsecret\.dev\/[a-z][-.a-z0-9]{0,61}[a-z0-9]$/);
  assert.is.not(long[0], long[1]);
});

const value = fc.constantFrom({ value: "one" }, { value: "two" }, fromSource.A);
const happening = fc.oneof(
  fc.record({
    kind: fc.constant("edit" as const),
    value,
    name: fc.constantFrom("orders", "renamed"),
    label: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("source" as const), a: fc.constantFrom("one", "two", "three") }),
  fc.record({ kind: fc.constantFrom("touch" as const, "delete" as const) }),
);

/** What happened, and how many actions the operator then gets done before it is killed; null: all. */
const step = fc.record({ happening, killedAfter: fc.option(fc.nat(6), { freq: 2 }) });

test("in any story, with kills at any moment: in the end the Pods have what is published, and no restart was for nothing", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const w = withWorkload(custom(one));
      put(w, "upstream", { a: "one" });
      settle(w);
      let name = "orders";
      const content = () => w.secrets.get(name)?.data["A"];
      /** What the Pods read when they started, what was published last, and how often that has become another. */
      let started = content();
      let published = content();
      let changes = 0;
      /** A Secret that is gone is compared by generation and sources: in doubt, one restart more. */
      let doubts = 0;
      let atRest = true;
      const go = (killedAfter?: number) => {
        const before = rolls(w);
        settle(w, NOW, killedAfter);
        const now = content();
        if (now !== undefined && now !== published) {
          published = now;
          changes += 1;
        }
        if (rolls(w) !== before) started = now;
      };
      for (const { happening: what, killedAfter } of steps) {
        switch (what.kind) {
          case "edit": {
            const target = { name: what.name, ...(what.label ? { labels: { team: "a" } } : {}) };
            edit(w, custom({ A: what.value }, { ...RESTART, target }));
            name = what.name;
            break;
          }
          case "source":
            put(w, "upstream", { a: what.a });
            break;
          case "touch": {
            const secret = w.secrets.get(name);
            if (secret) write(w, name, secret.data);
            break;
          }
          case "delete":
            // Deleted by hand while the status does not tell of it yet, its count is lost.
            if (atRest) w.secrets.delete(name);
            doubts += 1;
        }
        go(killedAfter ?? undefined);
        atRest = killedAfter === null;
        if (!atRest) continue;
        assert.is(started, published);
        assert.ok(rolls(w)! <= changes + doubts, `${rolls(w)} restarts for ${changes} changes`);
        assert.equal(settle(w), []);
      }
    }),
    { numRuns: 1000 },
  );
});

test.run();
