/** How the checks are put together: what the compiler sees to, and what it cannot. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import type { CheckKind, CheckSubject } from "#api/check";
import { silent } from "#common/log";
import type { CheckDefinition } from "#verify/check";
import { CHECKS, createChecks, offlineChecks } from "#verify/checks";
import type { ChecksOptions } from "#verify/checks";
import { createEgressPolicy } from "#verify/network/egress";
import type { HttpClient } from "#verify/network/http";
import { yes } from "#verify/verdict";

type AllChecks = { readonly [K in CheckKind]: CheckDefinition<K> };
const { JWKS, MongoDB, Atlas } = CHECKS;

// @ts-expect-error -- A kind of subject without a check does not compile.
export const forgotten: AllChecks = { JWKS, MongoDB };
// @ts-expect-error -- Nor does a check under the kind of another,
export const mistaken: AllChecks = { JWKS: MongoDB, MongoDB, Atlas };
// @ts-expect-error -- or one of a kind that no subject has.
export const unknown: AllChecks = { JWKS, MongoDB, Atlas, Redis: JWKS };

const whole: CheckDefinition<"JWKS"> = {
  purpose: "a login provider",
  mayBePrivate: false,
  budgetOf: ({ uri }) => uri,
  create: () => () => Promise.resolve(yes("It works.")),
};
const { purpose, mayBePrivate, budgetOf, create } = whole;
// @ts-expect-error -- A definition says what it connects to,
export const withoutPurpose: CheckDefinition<"JWKS"> = { mayBePrivate, budgetOf, create };
// @ts-expect-error -- whether that may be in a private network,
export const withoutPrivacy: CheckDefinition<"JWKS"> = { purpose, budgetOf, create };
// @ts-expect-error -- whose budget it is charged to,
export const withoutBudget: CheckDefinition<"JWKS"> = { purpose, mayBePrivate, create };
// @ts-expect-error -- and how it is made,
export const withoutCheck: CheckDefinition<"JWKS"> = { purpose, mayBePrivate, budgetOf };
// @ts-expect-error -- from its own subject.
export const ofAnother: CheckDefinition<"MongoDB"> = whole;

const atlas = {
  kind: "Atlas",
  projectId: "p",
  clusterName: "c",
  publicKey: "k",
  privateKey: "s",
  database: "d",
} as const;
const BUDGETS: [what: string, subject: CheckSubject, budget: string][] = [
  [
    "a login provider by host and port",
    { kind: "JWKS", uri: "https://ID.example.com:8443/keys" },
    "id.example.com:8443",
  ],
  ["a URL that is none by nothing", { kind: "JWKS", uri: "https://" }, ""],
  [
    "a database by its hosts, and not by user",
    { kind: "MongoDB", uri: "mongodb://u:p@a:1,b/d?x=y", database: "d" },
    "a:1,b",
  ],
  ["an SRV name", { kind: "MongoDB", uri: "mongodb+srv://u:p@db.example.com", database: "d" }, "db.example.com"],
  ["a string that is none by nothing", { kind: "MongoDB", uri: "u:p@a", database: "d" }, ""],
  ["an Atlas project by its key, which a stranger does not have", atlas, "atlas p k"],
];
for (const [what, subject, budget] of BUDGETS) {
  test(`the budget is of ${what}`, () => assert.is(offlineChecks().budgetOf(subject), budget));
}

const options: ChecksOptions = {
  egressAllow: [],
  egressDeny: [],
  atlasBaseUrl: "https://cloud.mongodb.com",
  env: {},
  log: silent,
};
const { signal } = new AbortController();

test("each subject gets the check of its kind, under the rules of its purpose", async () => {
  const checks = createChecks(options);
  const check = async (subject: CheckSubject) => {
    const verdict = await checks.check(subject, { signal, fresh: false });
    return [verdict.answer !== "Yes" && verdict.reason, verdict.message];
  };
  const [jwks, because] = await check({ kind: "JWKS", uri: "https://10.0.0.1/keys" });
  assert.is(jwks, "RejectedAddress");
  assert.match(String(because), /a private address.*for a login provider/);
  assert.equal((await check({ kind: "MongoDB", uri: "mongodb://169.254.1.1/", database: "d" }))[0], "RejectedAddress");
  assert.equal((await check({ ...atlas, publicKey: "a b" }))[0], "RejectedAPIKey");
  await checks.close();
});

test("an Atlas cluster with a database user is checked as a MongoDB server, too", async () => {
  const pinged: CheckSubject[] = [];
  const body = { stateName: "IDLE", connectionStrings: { standardSrv: "mongodb+srv://c.example.com" } };
  const http: HttpClient = {
    get: () => Promise.resolve({ kind: "Reply", status: 200, headers: {}, body: Buffer.from(JSON.stringify(body)) }),
    close: () => Promise.resolve(),
  };
  const check = CHECKS.Atlas.create({
    egress: createEgressPolicy().egressFor(CHECKS.Atlas),
    http,
    atlasBaseUrl: options.atlasBaseUrl,
    check: (subject) => {
      pinged.push(subject);
      return Promise.resolve(yes("It works."));
    },
  });
  const databaseUser = { username: "u", password: "p" };
  assert.is((await check({ ...atlas, databaseUser }, { signal, fresh: false })).answer, "Yes");
  assert.equal(
    pinged.map(({ kind }) => kind),
    ["MongoDB"],
  );
});

test("offline nothing is known of anything", async () => {
  const verdict = await offlineChecks().check(atlas, { signal, fresh: false });
  assert.equal([verdict.answer, verdict.message.includes("--offline")], ["Silence", true]);
});

test.run();
