/** Each rule alone: what makes it answer, what it answers, and that it leaves everything else to the rules after it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Verdict } from "#api/check";
import { CHECK_NOW_ANNOTATION, MAX_SECRET_BYTES, OWNER_ANNOTATION } from "#api/names";
import { Reason } from "#api/status";
import { base64 } from "#plan/content";
import type { Rule, Step } from "#plan/decision";
import { Facts } from "#plan/facts";
import type { Observed } from "#plan/observed";
import { decide, RULES } from "#plan/rules";
import { NOW, observe, UID, world } from "#support/plan/world";

const custom = (value: object, rest: object = {}) => ({ type: "Custom", custom: { data: { A: value } }, ...rest });
const PLAIN = custom({ value: "one" });
const READS = custom({ valueFrom: { secretKeyRef: { name: "upstream", key: "a" } } });
const DATABASE = { type: "Database", database: { name: "orders", mongodbUri: { value: "mongodb://db/" } } };
const LOGIN = {
  type: "Authentication",
  authentication: { enabled: true, jwksUri: "https://id.example.com/jwks", audience: "orders" },
};
const NO: Verdict = { answer: "No", reason: Reason.RejectedURI, message: "It does not work.", passing: false };
const SILENCE: Verdict = { answer: "Silence", reason: Reason.Unreachable, message: "Nobody answers." };
const OURS = {
  name: "orders",
  namespace: "staging",
  uid: "s",
  resourceVersion: "7",
  annotations: { [OWNER_ANNOTATION]: "orders" },
};

function factsOf(spec: unknown, known: Partial<Observed> = {}): Facts {
  return new Facts({ ...observe(world(spec)), ...known }, NOW);
}

/** As after a publication of generation 1. */
function published(spec: unknown, known: Partial<Observed> = {}): Facts {
  const { appSecret, ...rest } = observe(world(spec));
  const { uid, resourceVersion } = OURS;
  const secret = { name: "orders", uid, resourceVersion, generation: 1, keys: ["A"] };
  const status = { observedGeneration: 1, secret };
  return new Facts({ ...rest, appSecret: { ...appSecret, status }, target: OURS, owned: [OURS], ...known }, NOW);
}

/** Generation 2 of what was verified as generation 1. */
function update(verdict: Verdict, known: Partial<Observed> = {}): Facts {
  const { observed } = published(DATABASE, { ...answered(verdict), ...known });
  const { metadata, status } = observed.appSecret;
  const secret = { ...status!.secret!, verified: true };
  const appSecret = {
    ...observed.appSecret,
    metadata: { ...metadata, generation: 2 },
    status: { ...status!, secret },
  };
  return new Facts({ ...observed, appSecret }, NOW);
}

function holding(data: Record<string, string>): NonNullable<Observed["ownSecrets"]> {
  const { uid, resourceVersion } = OURS;
  const encoded = Object.entries(data).map(([key, value]): [string, string] => [key, base64(value)]);
  return new Map([[uid, { uid, resourceVersion, data: Object.fromEntries(encoded) }]]);
}
const OLD = { MONGODB_URI: "mongodb://old/", DATABASE_NAME: "orders" };

const answered = (verdict: Verdict, due?: { fresh: boolean }): Pick<Observed, "live"> => ({
  live: { inputs: "these", check: { state: "Answered", verdict }, ...(due ? { due } : {}) },
});
const source = (data?: Record<string, string>): Pick<Observed, "sources"> => ({
  sources: new Map([["upstream", { found: true, uid: "u", resourceVersion: "1", ...(data ? { data } : {}) }]]),
});

/** In a word: the reason of the condition that stands in the way, or what must be known first. */
function brief(step: Step | undefined): string | undefined {
  if (step?.kind !== "Decision") return step?.kind;
  const { accepted, verified, published: is, progress, held } = step;
  const decisive = accepted.status !== "True" ? accepted : held && verified ? verified : is;
  return [decisive.reason, ...(progress === undefined ? [] : [progress])].join("/");
}

type Case = { what: string; answers: Facts; with: string; not: Facts };

const INVALID = { type: "Custom", custom: { data: {} } } as never;
const CASES: Record<string, Case> = {
  invalidSpec: {
    what: "a spec that was stored under another CRD",
    answers: factsOf(PLAIN, { appSecret: { ...observe(world(PLAIN)).appSecret, spec: INVALID } }),
    with: "InvalidSpec/Stalled",
    not: factsOf(PLAIN),
  },
  labelForbidden: {
    what: "the holder's label was refused",
    answers: factsOf(LOGIN, { refusal: { kind: "HoldsForbidden" } }),
    with: "Forbidden/Reconciling",
    not: factsOf(LOGIN, { refusal: { kind: "Forbidden" } }),
  },
  duplicate: {
    what: "another AppSecret holds the type",
    answers: factsOf(LOGIN, { holder: { name: "first", uid: "other" } }),
    with: "Duplicate/Stalled",
    not: factsOf(LOGIN, { holder: { name: "orders", uid: UID } }),
  },
  suspended: {
    what: "spec.suspend",
    answers: factsOf({ ...PLAIN, suspend: true }),
    with: "Suspended",
    not: factsOf(PLAIN),
  },
  disabled: {
    what: "spec.authentication.enabled: false",
    answers: factsOf({ ...LOGIN, authentication: { ...LOGIN.authentication, enabled: false } }),
    with: "Disabled",
    not: factsOf(LOGIN),
  },
  ownSecretAsSource: {
    what: "the target is one of the sources",
    answers: factsOf({ ...READS, target: { name: "upstream" } }),
    with: "InvalidSpec/Stalled",
    not: factsOf(READS),
  },
  upToDate: {
    what: "the Secret is as it was recorded",
    answers: published(PLAIN),
    with: "Published",
    not: published(PLAIN, { target: { ...OURS, resourceVersion: "8" } }),
  },
  heldBack: {
    what: "the live check said no",
    answers: factsOf(DATABASE, answered(NO)),
    with: "RejectedURI/Reconciling",
    not: published(DATABASE, answered(NO)),
  },
  sourcesUnread: {
    what: "a source is known by its metadata only",
    answers: factsOf(READS, source()),
    with: "ReadSources",
    not: factsOf(READS, source({ a: "eA==" })),
  },
  sourceMissing: {
    what: "a source lacks the key",
    answers: factsOf(READS, source({ b: "eA==" })),
    with: "SourceKeyNotFound/Reconciling",
    not: factsOf(READS, source({ a: "eA==" })),
  },
  invalidContent: {
    what: "a value from a source is no MongoDB URI",
    answers: factsOf(
      {
        ...DATABASE,
        database: { name: "orders", mongodbUri: { valueFrom: { secretKeyRef: { name: "upstream", key: "a" } } } },
      },
      source({ a: "eA==" }),
    ),
    with: "InvalidSpec/Stalled",
    not: factsOf(DATABASE),
  },
  tooLarge: {
    what: "more than a Secret holds",
    answers: factsOf(READS, source({ a: Buffer.alloc(MAX_SECRET_BYTES + 1).toString("base64") })),
    with: "InvalidSpec/Stalled",
    not: factsOf(READS, source({ a: Buffer.alloc(MAX_SECRET_BYTES).toString("base64") })),
  },
  secretNotOwned: {
    what: "the name belongs to another AppSecret",
    answers: factsOf(PLAIN, { target: { ...OURS, annotations: { [OWNER_ANNOTATION]: "billing" } } }),
    with: "SecretNotOwned/Stalled",
    not: factsOf(PLAIN, { target: OURS }),
  },
  checkDue: {
    what: "nothing is known of the target",
    answers: factsOf(DATABASE),
    with: "Check",
    not: factsOf(DATABASE, answered(NO)),
  },
  checkPending: {
    what: "the first check is in progress",
    answers: factsOf(DATABASE, { live: { inputs: "these", check: { state: "Pending", since: NOW } } }),
    with: "Wait",
    not: factsOf(DATABASE, answered(NO)),
  },
  verifiedUnread: {
    what: "an update without a yes, and the verified content that it replaces is not known",
    answers: update(SILENCE),
    with: "ReadPublished",
    not: update(SILENCE, { ownSecrets: holding(OLD) }),
  },
  keptVerified: {
    what: "an update without a yes changes what was verified",
    answers: update(SILENCE, { ownSecrets: holding(OLD) }),
    with: "KeptLastGood/Reconciling",
    not: update(SILENCE, { ownSecrets: holding({ MONGODB_URI: "mongodb://db/", DATABASE_NAME: "orders" }) }),
  },
  writeRefused: {
    what: "the API server refused the Secret",
    answers: factsOf(PLAIN, { refusal: { kind: "Immutable" } }),
    with: "KeptLastGood/Stalled",
    not: factsOf(PLAIN, { refusal: { kind: "DeleteForbidden", name: "old" } }),
  },
  ownSecretUnread: {
    what: "spec.restart, and the content that is replaced is not known",
    answers: published({ ...PLAIN, restart: [{ kind: "Deployment", name: "web" }] }),
    with: "ReadPublished",
    not: published(PLAIN),
  },
};

for (const [name, { what, answers, with: expected, not }] of Object.entries(CASES)) {
  test(`${name} answers ${expected}: ${what}`, () => {
    const rule = ruleOf(name);
    assert.is(brief(rule(answers)), expected);
    assert.is(rule(not), undefined);
  });
}

function ruleOf(name: string): Rule {
  const rule = RULES.find((candidate) => candidate.name === name);
  if (!rule) throw new Error(`there is no rule ${name}`);
  return rule;
}

test("the rules stand in this order, and each has a case here", () => {
  assert.equal(
    RULES.map(({ name }) => name),
    Object.keys(CASES),
  );
});

test("the first rule that answers decides, and where none does the Secret is published", () => {
  const holder = { name: "first", uid: "other" };
  assert.is(brief(decide(factsOf({ ...LOGIN, suspend: true }, { holder }))), "Duplicate/Stalled");
  const step = decide(factsOf(PLAIN));
  assert.ok(step.kind === "Decision" && step.write?.kind === "CreateSecret");
});

test("a steady state resolves no source and makes no content", () => {
  const facts = published(PLAIN);
  for (const fact of ["sources", "content", "read", "data"] as const) {
    Object.defineProperty(facts, fact, {
      get: () => assert.unreachable(`${fact} was asked for`),
    });
  }
  assert.is(brief(decide(facts)), "Published");
});

test("a fact that is asked before the rule that makes it certain throws, and names itself", () => {
  assert.throws(() => factsOf(READS, source()).data, /"read" was asked before/);
});

test("a check that is due for a person is requested afresh, with the annotation's value", () => {
  const { appSecret } = observe(world(DATABASE));
  const metadata = { ...appSecret.metadata, annotations: { [CHECK_NOW_ANNOTATION]: "monday" } };
  const facts = factsOf(DATABASE, { appSecret: { ...appSecret, metadata }, ...answered(NO, { fresh: true }) });
  const step = ruleOf("checkDue")(facts);
  assert.ok(step?.kind === "Check");
  assert.equal([step.request.fresh, step.request.checkNow], [true, "monday"]);
});

test("after some seconds the check that goes on is said to be in progress", () => {
  const since = new Date(NOW.getTime() - 10_000);
  const facts = factsOf(DATABASE, { live: { inputs: "these", check: { state: "Pending", since } } });
  assert.is(brief(ruleOf("checkPending")(facts)), "Pending/Reconciling");
});

test.run();
