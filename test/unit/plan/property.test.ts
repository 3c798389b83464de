/** Promises of `plan` for any world: it is total, deterministic, idempotent, and never touches what is not ours. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Verdict } from "#api/check";
import { OWNER_ANNOTATION } from "#api/names";
import { Reason } from "#api/status";
import { plan } from "#plan/plan";
import type { World } from "#support/plan/world";
import { edit, makeDue, observe, put, settle, UID, world, YES } from "#support/plan/world";

const CANARY = "canary-9f3b";
const RUNS = { numRuns: 400 };

const name = fc.constantFrom("orders", "one", "two");
const value = fc.oneof(
  fc.constantFrom({ value: `${CANARY}-literal` }, { value: "" }),
  fc.record({ valueFrom: fc.record({ secretKeyRef: fc.record({ name, key: fc.constantFrom("a", "b") }) }) }),
  fc.record({
    format: fc.constantFrom("$(x)", `${CANARY}-$(x)$(x)$$(x)`),
    with: fc.record({
      x: fc.oneof(
        fc.constant({ value: `${CANARY}-part` }),
        fc.record({ valueFrom: fc.record({ secretKeyRef: fc.record({ name, key: fc.constantFrom("a", "b") }) }) }),
      ),
    }),
  }),
);
const common = {
  target: fc.record({ name, keys: fc.constant({}), immutable: fc.boolean() }, { requiredKeys: [] }),
  deletionPolicy: fc.constantFrom("Delete", "Retain"),
  verify: fc.constantFrom("Strict", "BestEffort", "Off"),
  suspend: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
};
const spec = fc.oneof(
  fc.record({
    type: fc.constant("Custom"),
    custom: fc.record({ data: fc.dictionary(fc.constantFrom("A", "B"), value, { minKeys: 1 }) }),
    ...common,
  }),
  fc.record({
    type: fc.constant("Authentication"),
    authentication: fc.record({
      enabled: fc.boolean(),
      jwksUri: fc.constant("https://id.example.com/jwks"),
      audience: fc.constant("orders"),
    }),
    ...common,
  }),
  fc.record({
    type: fc.constant("Database"),
    database: fc.record({
      name: fc.constant("orders"),
      mongodbUri: fc.oneof(
        fc.constant({ value: `mongodb://user:${CANARY}@db.example.com/` }),
        fc.record({ valueFrom: fc.record({ secretKeyRef: fc.record({ name, key: fc.constantFrom("a", "uri") }) }) }),
      ),
    }),
    ...common,
  }),
);

const NO: Verdict = { answer: "No", reason: Reason.RejectedURI, message: "It does not work.", passing: false };
const SILENCE: Verdict = { answer: "Silence", reason: Reason.Unreachable, message: "Nobody answers." };

/** What else happens in a namespace. Each is a change that `plan` has to answer. */
const happening = fc.oneof(
  fc.record({ kind: fc.constant("edit" as const), spec }),
  fc.record({ kind: fc.constant("delete" as const), name }),
  fc.record({ kind: fc.constant("foreign" as const), name, owner: fc.constantFrom(undefined, "orders", "billing") }),
  fc.record({ kind: fc.constant("source" as const), name, uri: fc.boolean() }),
  fc.record({ kind: fc.constant("answer" as const), verdict: fc.constantFrom(YES, NO, SILENCE, undefined) }),
  fc.record({ kind: fc.constantFrom("due" as const, "restart" as const) }),
  fc.record({
    kind: fc.constant("holder" as const),
    holder: fc.constantFrom({ name: "orders", uid: UID }, { name: "first", uid: "other" }),
  }),
);
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

function happen(to: World, what: Happening): void {
  switch (what.kind) {
    case "edit":
      edit(to, what.spec);
      if (what.spec.type === "Custom") to.holder = undefined;
      return;
    case "delete":
      to.secrets.delete(what.name);
      return;
    case "foreign":
      put(
        to,
        what.name,
        { a: `${CANARY}-foreign` },
        what.owner === undefined ? {} : { annotations: { [OWNER_ANNOTATION]: what.owner } },
      );
      return;
    case "source":
      put(to, what.name, { a: `${CANARY}-a`, ...(what.uri ? { uri: `mongodb://u:${CANARY}@h/` } : {}) });
      return;
    case "answer":
      to.answer = () => what.verdict;
      return;
    case "due":
      return makeDue(to);
    case "restart":
      to.known.clear();
      return;
    case "holder":
      to.holder = to.appSecret.spec.type === "Custom" ? undefined : what.holder;
  }
}

const story = fc.record({ spec, happenings: fc.array(happening, { maxLength: 8 }) });

test("plan answers any story, and once answered has nothing more to do", async () => {
  await fc.assert(
    fc.asyncProperty(story, async ({ spec: first, happenings }) => {
      const w = world(first);
      await settle(w);
      for (const what of happenings) {
        happen(w, what);
        await settle(w);
        // The status records no verdict beside a refused write, so that each reconcile requests it again: from memory.
        const isRefused = w.appSecret.status?.conditions?.some(({ message }) => message.includes("is immutable"));
        const again = (await settle(w)).filter(
          ({ kind }) => kind !== "ReadSources" && kind !== "ReadPublished" && !(isRefused && kind === "Check"),
        );
        assert.equal(again, [], "a second plan has actions");
      }
    }),
    RUNS,
  );
});

test("the same observation gives the same plan, at any hour when nothing changes and no time was set to look again", async () => {
  await fc.assert(
    fc.asyncProperty(story, fc.date({ noInvalidDate: true }), async ({ spec: first, happenings }, later) => {
      const w = world(first);
      for (const what of happenings) happen(w, what);
      const observed = observe(w);
      const copy = structuredClone(observed);
      const at = new Date("2026-11-23T12:00:00Z");
      assert.equal(plan(observed, at), plan(copy, at));
      assert.equal(observed, copy, "plan changed what it was given");
      await settle(w);
      const { actions, againMs } = plan(observe(w), at);
      if (actions.length === 0 && againMs === undefined) assert.equal(plan(observe(w), later).actions, []);
    }),
    RUNS,
  );
});

test("a Secret that is not ours is never written or deleted", async () => {
  await fc.assert(
    fc.asyncProperty(story, async ({ spec: first, happenings }) => {
      const w = world(first);
      for (const what of happenings) {
        happen(w, what);
        const foreign = [...w.secrets].filter(
          ([, { metadata }]) => metadata.annotations?.[OWNER_ANNOTATION] !== "orders",
        );
        await settle(w);
        for (const [secret, before] of foreign) assert.is(w.secrets.get(secret), before);
      }
    }),
    RUNS,
  );
});

test("a working Secret goes only when the AppSecret says so: disabled, renamed, or not the holder", async () => {
  await fc.assert(
    fc.asyncProperty(story, async ({ spec: first, happenings }) => {
      const w = world(first);
      await settle(w);
      for (const what of happenings) {
        happen(w, what);
        const ours = w.appSecret.status?.secret;
        const before = ours && w.secrets.get(ours.name);
        const stood =
          before !== undefined &&
          before.metadata.uid === ours?.uid &&
          before.metadata.annotations?.[OWNER_ANNOTATION] === "orders";
        await settle(w);
        if (!stood || w.secrets.has(before.metadata.name)) continue;
        const { spec: now } = w.appSecret;
        const isDisabled = now.type === "Authentication" && !now.authentication.enabled;
        const isRenamed =
          (now.target.name ?? "orders") !== before.metadata.name && w.secrets.has(now.target.name ?? "orders");
        const isLoser = w.holder !== undefined && w.holder.uid !== UID;
        assert.ok(isDisabled || isRenamed || isLoser, `Secret ${before.metadata.name} went for no reason`);
      }
    }),
    RUNS,
  );
});

test("what the live check always refuses is never published, and what was asked is never lost", async () => {
  await fc.assert(
    fc.asyncProperty(story, async ({ spec: first, happenings }) => {
      const w = world(first);
      w.answer = () => NO;
      for (const what of happenings) {
        if (what.kind === "answer") continue;
        happen(w, what);
        const actions = await settle(w);
        const { type, verify } = w.appSecret.spec;
        if (type === "Custom" || verify === "Off") return;
        const published = actions.filter(({ kind }) => kind === "CreateSecret" || kind === "UpdateSecret");
        assert.equal(published, []);
      }
    }),
    RUNS,
  );
});

test("no value of a Secret reaches a status or an event", async () => {
  await fc.assert(
    fc.asyncProperty(story, async ({ spec: first, happenings }) => {
      const w = world(first);
      for (const what of happenings) {
        happen(w, what);
        const events = (await settle(w)).flatMap(({ event }) => (event ? [event] : []));
        assert.not.match(JSON.stringify([w.appSecret.status, events]), CANARY);
      }
    }),
    RUNS,
  );
});

test.run();
