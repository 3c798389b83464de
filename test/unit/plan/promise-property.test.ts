/**
 * The promise, for any story: content that a live check confirmed is replaced only by content that one confirmed, or because the
 * AppSecret says `verify: "Off"`. Also where the operator is killed between two requests, where people delete, edit and hand
 * over Secrets, and where an AppSecret is deleted and comes back.
 */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { CheckSubject, Verdict } from "#api/check";
import { OWNER_ANNOTATION } from "#api/names";
import { Reason } from "#api/status";
import type { Request } from "#support/plan/api-server";
import type { World } from "#support/plan/world";
import { edit, makeDue, modify, NOW, put, settle, world, YES } from "#support/plan/world";

const RUNS = { numRuns: 600 };

const name = fc.constantFrom("orders", "one");
const common = (key: string) => ({
  target: fc.record({ name, keys: fc.constantFrom({}, { [key]: "RENAMED" }) }, { requiredKeys: [] }),
  deletionPolicy: fc.constantFrom("Delete", "Retain"),
  verify: fc.constantFrom("BestEffort", "BestEffort", "BestEffort", "Strict", "Off"),
});
const seldom = fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
const login = fc.record({
  type: fc.constant("Authentication"),
  authentication: fc.record({
    enabled: seldom.map((no) => !no),
    jwksUri: fc.constantFrom("https://a.example.com/jwks", "https://b.example.com/jwks", "https://c.example.com/jwks"),
    audience: fc.constantFrom("orders", "https://b.example.com/jwks"),
  }),
  ...common("JWKS_URI"),
});
const uri = fc.constantFrom("mongodb://a/", "mongodb://b/", "mongodb://c/");
const database = fc.record({
  type: fc.constant("Database"),
  database: fc.record({
    name: fc.constantFrom("orders", "billing"),
    mongodbUri: fc.oneof(
      uri.map((value) => ({ value })),
      fc.constant({ valueFrom: { secretKeyRef: { name: "upstream", key: "uri" } } }),
    ),
  }),
  ...common("MONGODB_URI"),
});

const NO: Verdict = { answer: "No", reason: Reason.RejectedURI, message: "It does not work.", passing: false };
const SILENCE: Verdict = { answer: "Silence", reason: Reason.Unreachable, message: "Nobody answers." };

/** @param spec of one type: it cannot change */
function stories(spec: typeof login | typeof database) {
  const happening = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("edit" as const), spec: spec as fc.Arbitrary<object> }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("answer" as const),
        verdict: fc.constantFrom(YES, SILENCE, SILENCE, NO, undefined),
      }),
    },
    fc.record({ kind: fc.constant("source" as const), uri }),
    fc.record({ kind: fc.constantFrom("due" as const, "restart" as const, "recreate" as const) }),
    fc.record({ kind: fc.constantFrom("remove" as const, "tamper" as const, "handOver" as const), name }),
    fc.record({ kind: fc.constant("holder" as const), holds: seldom.map((no) => !no) }),
  );
  const killedAfter = fc.oneof(
    { weight: 3, arbitrary: fc.constant(Infinity) },
    { weight: 1, arbitrary: fc.nat({ max: 4 }) },
  );
  return fc.record({
    first: spec as fc.Arbitrary<object>,
    turns: fc.array(fc.record({ what: happening, killedAfter }), { maxLength: 12, size: "max" }),
  });
}
type Happening = ReturnType<typeof stories> extends fc.Arbitrary<{ turns: { what: infer One }[] }> ? One : never;

function happen(to: World, what: Happening, asked: (verdict: Verdict | undefined) => void): void {
  switch (what.kind) {
    case "edit":
      return edit(to, what.spec);
    case "answer":
      return asked(what.verdict);
    case "source":
      return put(to, "upstream", { uri: what.uri });
    case "due":
      return makeDue(to);
    case "restart":
      return to.known.clear();
    case "recreate":
      return recreate(to);
    case "remove":
      return void to.secrets.delete(what.name);
    case "tamper":
      return to.secrets.has(what.name) ? modify(to, what.name, { A: "" }) : undefined;
    case "handOver":
      return put(to, what.name, { A: "x" }, { annotations: { [OWNER_ANNOTATION]: "orders" } });
    case "holder":
      to.holder = what.holds ? undefined : { name: "first", uid: "other" };
  }
}

/** The AppSecret is deleted, its Secrets are collected unless they are retained, and it is applied again. */
function recreate(w: World): void {
  const { status: _, ...rest } = w.appSecret;
  for (const [secret, { metadata }] of w.secrets) if (metadata.ownerReferences) w.secrets.delete(secret);
  const uid = `${rest.metadata.uid}-again`;
  w.appSecret = { ...rest, metadata: { ...rest.metadata, uid, generation: 1 } };
  w.known.clear();
}

/** What a live check looks at, as one text. */
function asText(subject: CheckSubject): string {
  return "uri" in subject ? `${subject.uri} ${"database" in subject ? subject.database : ""}` : "";
}
/** The same, of what a Secret holds. */
function held({ data }: { data: Readonly<Record<string, string>> }): string {
  const value = (...keys: string[]) =>
    Buffer.from(keys.map((key) => data[key]).find((one) => one !== undefined) ?? "", "base64").toString();
  return `${value("RENAMED", "JWKS_URI", "MONGODB_URI")} ${value("DATABASE_NAME")}`;
}

function secretWritten({ kind, verb, name: patched, body }: Request): string[] {
  if (kind !== "secrets") return [];
  if (verb === "POST") return [(body as { metadata: { name: string } }).metadata.name];
  return verb === "PATCH" ? [patched] : [];
}

/** The judge knows what was answered, and what was written; nothing of statuses or marks. */
function createJudge(w: World) {
  const answers = new Map<string, Verdict["answer"]>();
  /** By Secret: what the operator wrote last, and whether a check had confirmed it. */
  let written = new Map<string, { content: string; verified: boolean; version: string }>();
  let answer: Verdict | undefined = YES;
  w.answer = (subject) => {
    if (answer) answers.set(asText(subject), answer.answer);
    return answer;
  };
  return {
    answersWith: (next: Verdict | undefined) => void (answer = next),
    /** @returns how often content that was verified was replaced rightly */
    async watch(act: () => Promise<unknown>): Promise<number> {
      // What is gone is not replaced; nobody can tell any more what it held.
      for (const secret of written.keys()) if (!w.secrets.has(secret)) written.delete(secret);
      const isOurs = (secret: string) => w.secrets.get(secret)?.metadata.annotations?.[OWNER_ANNOTATION] === "orders";
      const kept = [...written].filter(([secret, { content, verified }]) => {
        const stored = w.secrets.get(secret);
        return verified && stored !== undefined && isOurs(secret) && held(stored) === content;
      });
      // Under Off nobody asks: an answer of an earlier time says nothing of what is published now.
      const isAsked = w.appSecret.spec.verify !== "Off";
      const { uid, generation } = w.appSecret.metadata;
      const version = `${uid} ${generation}`;
      // Of the Secrets that an AppSecret of the name left behind, the operator knows the one that it takes over.
      const known = (secret: string, before: { version: string }) =>
        before.version.startsWith(`${uid} `) || secret === (w.appSecret.spec.target.name ?? "orders");
      const confirmed = (content: string) =>
        (isAsked && answers.get(content) === "Yes") ||
        kept.some(([secret, before]) => before.content === content && known(secret, before));
      await act();
      const after = new Map(written);
      const writtenNow = new Set(w.requests.flatMap(secretWritten));
      for (const secret of writtenNow) {
        const stored = w.secrets.get(secret);
        if (!stored) continue;
        const content = held(stored);
        const before = written.get(secret);
        // Of a Secret that somebody has changed or replaced, the same version is put back; of an older one nothing is known.
        const stays = before?.content === content && before.verified && before.version === version;
        // Under Off nothing is credited, also not what another Secret of the same values was known for.
        after.set(secret, { content, verified: isAsked && (confirmed(content) || stays), version });
      }
      written = after;
      const { target } = w.appSecret.spec;
      let replaced = 0;
      for (const [secret, { content }] of kept) {
        const successor = w.secrets.has(secret) ? secret : (target.name ?? "orders");
        const now = w.secrets.get(successor);
        if (!now || !written.has(successor) || held(now) === content) continue;
        // It is withdrawn, for a disabled AppSecret publishes nothing; an older Secret has the next one's name.
        if (successor !== secret && !writtenNow.has(successor)) continue;
        replaced += 1;
        assert.ok(
          !isAsked || confirmed(held(now)),
          `Secret ${secret} held ${content}, which was verified, and now ${held(now)}, which is not`,
        );
      }
      return replaced;
    },
  };
}

for (const [type, spec] of [
  ["Authentication", login],
  ["Database", database],
] as const) {
  test(`no story of a ${type} replaces verified content by unverified content without Off`, async () => {
    let replaced = 0;
    await fc.assert(
      fc.asyncProperty(stories(spec), async ({ first, turns }) => {
        const w = world(first);
        const judge = createJudge(w);
        put(w, "upstream", { uri: "mongodb://a/" });
        await judge.watch(() => settle(w));
        for (const { what, killedAfter } of turns) {
          happen(w, what, judge.answersWith);
          replaced += await judge.watch(() => settle(w, NOW, killedAfter));
        }
      }),
      RUNS,
    );
    assert.ok(replaced > RUNS.numRuns / 10, `only ${replaced} replacements: these stories show nothing`);
  });
}

test("the judge is no friend: an operator that publishes on silence is found out", async () => {
  const spec = (host: string, verify: string) => ({
    type: "Authentication",
    authentication: { jwksUri: `https://${host}.example.com/jwks`, audience: "orders" },
    verify,
  });
  const w = world(spec("a", "BestEffort"));
  const judge = createJudge(w);
  await judge.watch(() => settle(w));
  edit(w, spec("b", "BestEffort"));
  judge.answersWith(SILENCE);
  const found = judge.watch(async () => {
    edit(w, spec("b", "Off"));
    await settle(w);
  });
  await found.then(
    () => assert.unreachable("nothing was found"),
    (error: unknown) => assert.match((error as Error).message, "was verified, and now"),
  );
});

test.run();
