/** Workloads restart when a published value changes: each time once, whatever else happens, and for nothing else. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CONTENT_VERSION_ANNOTATION } from "#api/names";
import type { World } from "#support/plan/world";
import { edit, modify, NOW, put, settle, UID, world } from "#support/plan/world";

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

test("the first publication counts as 1, reads nothing and restarts nothing", async () => {
  const w = withWorkload(custom(one));
  assert.equal(kinds(await settle(w)), ["CreateSecret", "WriteStatus", "RecordEvent"]);
  assert.equal(counts(w), ["1", 1]);
  assert.equal(await settle(w), []);
});

test("a changed value: one read, the Secret, the restart, and the status last", async () => {
  const w = withWorkload(custom(one));
  await settle(w);
  edit(w, custom(two));
  assert.equal(kinds(await settle(w)), [
    "ReadPublished",
    "UpdateSecret",
    "RestartWorkloads",
    "WriteStatus",
    "RecordEvent",
  ]);
  assert.equal(counts(w), ["2", 2]);
  assert.is(rolls(w), 1);
  assert.equal(await settle(w), []);
});

for (const [what, change] of [
  ["labels", (w: World) => edit(w, custom(one, { ...RESTART, target: { labels: { team: "a" } } }))],
  ["annotations", (w: World) => edit(w, custom(one, { ...RESTART, target: { annotations: { note: "a" } } }))],
  ["ownership", (w: World) => edit(w, custom(one, { ...RESTART, deletionPolicy: "Retain" }))],
  ["another list of workloads", (w: World) => edit(w, custom(one, { restart: [WEB, { ...WEB, name: "api" }] }))],
  ["the name of the Secret", (w: World) => edit(w, custom(one, { ...RESTART, target: { name: "renamed" } }))],
  ["the version of the Secret, for somebody has put a label on it", (w: World) => modify(w, "orders")],
  ["nothing but that the Secret was deleted", (w: World) => w.secrets.delete("orders")],
] as const) {
  test(`no value changes, only ${what}: nothing restarts`, async () => {
    const w = withWorkload(custom(one));
    await settle(w);
    change(w);
    assert.not.equal(await settle(w), [], "there is something to do");
    assert.is(rolls(w), 0);
    assert.is(w.appSecret.status?.secret?.contentVersion, 1);
    assert.equal(await settle(w), []);
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
  ["somebody else's hand, and it is put right", (w: World) => modify(w, "orders", { A: "ZWRpdGVk" })],
] as const) {
  test(`a value changes (${what}): one restart`, async () => {
    const w = withWorkload(custom(fromSource));
    put(w, "upstream", { a: "one" });
    await settle(w);
    change(w);
    await settle(w);
    assert.is(rolls(w), 1);
    await settle(w);
    assert.is(rolls(w), 1);
  });
}

test("a source that is written anew with the same value restarts nothing", async () => {
  const w = withWorkload(custom(fromSource));
  put(w, "upstream", { a: "one" });
  await settle(w);
  put(w, "upstream", { a: "one", b: "other" });
  assert.equal(kinds(await settle(w)).includes("UpdateSecret"), true);
  assert.is(rolls(w), 0);
});

test("killed after any of its actions, it restarts once all the same", async () => {
  for (let actions = 0; actions <= 4; actions += 1) {
    const w = withWorkload(custom(one));
    await settle(w);
    edit(w, custom(two));
    await settle(w, NOW, actions);
    await settle(w);
    assert.is(rolls(w), 1, `killed after ${actions} actions`);
    assert.equal(counts(w), ["2", 2]);
  }
});

test("a list that is added, goes and comes back restarts nothing by that, and does not count anew", async () => {
  const w = withWorkload(custom(one, {}));
  await settle(w);
  assert.equal(counts(w), [undefined, undefined]);
  edit(w, custom(one));
  await settle(w);
  assert.is(rolls(w), 0);
  edit(w, custom(two));
  await settle(w);
  assert.is(rolls(w), 1);
  edit(w, custom(one, {}));
  await settle(w);
  assert.equal(counts(w), [undefined, 2]);
  edit(w, custom(one));
  await settle(w);
  assert.is(rolls(w), 1);
  edit(w, custom(two));
  await settle(w);
  assert.is(rolls(w), 2);
  assert.equal(counts(w), ["3", 3]);
});

test("a Secret that was withdrawn and is published again is another one: a later change restarts again", async () => {
  const login = (audience: string, enabled = true) => ({
    type: "Authentication",
    authentication: { enabled, audience, jwksUri: "https://id.example.com/jwks" },
    verify: "Off",
    ...RESTART,
  });
  const w = withWorkload(login("a"));
  w.holder = { name: "orders", uid: UID };
  await settle(w);
  for (const audience of ["b", "c"]) {
    edit(w, login(audience));
    await settle(w);
    edit(w, login("a", false));
    await settle(w);
    edit(w, login("a"));
    await settle(w);
  }
  assert.is(rolls(w), 2);
});

test("what may not be restarted is said, takes no readiness away, and is tried again", async () => {
  const w = withWorkload(custom(one));
  await settle(w);
  edit(w, custom(two));
  w.refuses = ({ kind }) => (kind === "deployments" ? 403 : undefined);
  const told = (await settle(w)).find(({ event }) => event?.type === "Warning");
  assert.equal(w.reconciled?.cause, "Refused");
  const ready = () => w.appSecret.status?.conditions?.find(({ type }) => type === "Ready");
  assert.is(ready()?.status, "True");
  assert.match(ready()?.message ?? "", 'holds generation 2. The operator is not allowed to restart Deployment "web"');
  assert.equal(counts(w), ["2", 1]);
  assert.is(told?.event?.reason, "RestartFailed");

  // Nothing but the restart is left, and the same is not said twice.
  assert.equal(await settle(w), []);
  assert.is(w.reconciled?.result, "retry");
  w.refuses = () => undefined;
  assert.equal(kinds(await settle(w)), ["RestartWorkloads", "WriteStatus", "RecordEvent"]);
  assert.is(rolls(w), 1);
  assert.equal(await settle(w), []);
});

test("a Secret that may not be read restarts its workloads when the spec or a source has changed", async () => {
  for (const [spec, restarts] of [
    [custom(two), true],
    [custom(one), false],
  ] as const) {
    const w = withWorkload(custom(one));
    await settle(w);
    if (restarts) edit(w, spec);
    modify(w, "orders", { A: "ZWRpdGVk" });
    w.refuses = ({ verb, kind }) => (verb === "GET" && kind === "secrets" ? 403 : undefined);
    assert.is(kinds(await settle(w)).includes("RestartWorkloads"), restarts);
  }
});

test("the annotation fits the longest name of an AppSecret, and two long names have two", async () => {
  const annotationOf = async (name: string): Promise<string> => {
    const w = withWorkload(custom(one));
    w.appSecret = { ...w.appSecret, metadata: { ...w.appSecret.metadata, name } };
    await settle(w);
    edit(w, custom(two));
    await settle(w);
    return Object.keys(w.workloads.get("web")!.annotations)[0]!;
  };
  assert.is(await annotationOf("orders"), "appsecret.dev/restarted-for-orders");
  const long = await Promise.all(["a", "b"].map((end) => annotationOf(`${"orders.".repeat(35)}${end}`)));
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

test("in any story, with kills at any moment: in the end the Pods have what is published, and no restart was for nothing", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const w = withWorkload(custom(one));
      put(w, "upstream", { a: "one" });
      await settle(w);
      let name = "orders";
      const content = () => w.secrets.get(name)?.data["A"];
      /** What the Pods read when they started, what was published last, and how often that has become another. */
      let started = content();
      let published = content();
      let changes = 0;
      /** A Secret that is gone is compared by generation and sources: in doubt, one restart more. */
      let doubts = 0;
      let atRest = true;
      const go = async (killedAfter?: number) => {
        const before = rolls(w);
        await settle(w, NOW, killedAfter);
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
            if (w.secrets.has(name)) modify(w, name);
            break;
          }
          case "delete":
            // Deleted by hand while the status does not tell of it yet, its count is lost.
            if (atRest) w.secrets.delete(name);
            doubts += 1;
        }
        await go(killedAfter ?? undefined);
        atRest = killedAfter === null;
        if (!atRest) continue;
        assert.is(started, published);
        assert.ok(rolls(w)! <= changes + doubts, `${rolls(w)} restarts for ${changes} changes`);
        assert.equal(await settle(w), []);
      }
    }),
    { numRuns: 1000 },
  );
});

test.run();
