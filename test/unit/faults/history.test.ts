/** The judge of the fault tests: it must catch what the operator may never do, and nothing that a person did. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HOLDS_LABEL, MANAGED_BY_LABEL, OPERATOR_NAME, OWNER_ANNOTATION, VERIFIED_ANNOTATION } from "#api/names";
import type { AppSecret } from "#api/schema/spec";
import type { WatchEvent } from "#support/operator/api";
import type { Secret } from "#support/operator/environment";
import { login } from "#support/operator/specs";
import type { Passed } from "#support/fault-proxy/proxy";
import { asked } from "#support/fault-proxy/rules";
import { createHistory } from "../../faults/history.ts";

const APP_SECRETS = "/apis/appsecret.dev/v1/namespaces/a/appsecrets";
const SECRETS = "/api/v1/namespaces/a/secrets";

/** What happened, one version each. `by` a person unless told. */
type Step =
  | { appSecret: string; labelled: boolean; by?: "operator"; type?: "DELETED"; uid?: string; verify?: "Off" }
  | { publish: string; verified?: boolean }
  | "mark";

/** What the judge says of these steps. */
function violations(steps: readonly Step[]): string[] {
  const appSecrets: WatchEvent<AppSecret>[] = [];
  const secrets: WatchEvent<Secret>[] = [];
  const requests: Passed[] = [];
  const history = createHistory({
    ...{ appSecrets, secrets, requests },
    ...{ appSecretsPath: APP_SECRETS, secretsPath: SECRETS },
  });
  for (const [index, step] of steps.entries()) {
    if (step === "mark") {
      history.mark();
      continue;
    }
    const resourceVersion = `${index + 1}`;
    const wrote = (path: string) =>
      void requests.push({ ...asked("PATCH", path), at: 0, authorization: undefined, resourceVersion });
    if ("publish" in step) {
      const name = step.publish;
      const labels = { [MANAGED_BY_LABEL]: OPERATOR_NAME };
      const metadata = {
        name,
        labels,
        annotations: { [OWNER_ANNOTATION]: name, ...(step.verified ? { [VERIFIED_ANNOTATION]: "true" } : {}) },
        uid: `secret-${name}`,
        resourceVersion,
      };
      secrets.push({ type: "MODIFIED", object: { metadata, type: "Opaque" } as unknown as Secret });
      wrote(`${SECRETS}/${name}`);
      continue;
    }
    const { appSecret: name, uid = name } = step;
    const labels = step.labelled ? { [HOLDS_LABEL]: "Authentication" } : {};
    const object = {
      metadata: { name, uid, resourceVersion, labels },
      spec: { target: {}, ...login({ verify: step.verify }) },
    };
    appSecrets.push({ type: step.type ?? "MODIFIED", object: object as unknown as AppSecret });
    if (step.by === "operator") wrote(`${APP_SECRETS}/${name}`);
  }
  return history.violations();
}

const applied = (appSecret: string, uid = appSecret): Step => ({ appSecret, uid, labelled: false });
const given = (appSecret: string): Step => ({ appSecret, labelled: true, by: "operator" });
const takenBack = (appSecret: string): Step => ({ appSecret, labelled: false, by: "operator" });
const takenOff = (appSecret: string): Step => ({ appSecret, labelled: false });
const deleted = (appSecret: string): Step => ({ appSecret, labelled: true, type: "DELETED" });

for (const [name, steps] of [
  ["it gives the type and publishes", [applied("one"), given("one"), { publish: "one" }]],
  [
    "somebody takes the label off between the operator's label and its Secret",
    [applied("one"), given("one"), takenOff("one"), { publish: "one" }],
  ],
  [
    "the same, and a second AppSecret comes",
    [applied("one"), given("one"), takenOff("one"), applied("two"), { publish: "one" }, given("one")],
  ],
  [
    "the holder is deleted, and the next one gets the type",
    [applied("one"), given("one"), applied("two"), deleted("one"), given("two"), { publish: "two" }],
  ],
  [
    "the label was taken off, and the operator gives the type to the other one",
    [applied("one"), given("one"), takenOff("one"), applied("two"), given("two"), { publish: "two" }],
  ],
  [
    "it replaces what was verified by what was verified",
    [applied("one"), given("one"), { publish: "one", verified: true }, { publish: "one", verified: true }],
  ],
  [
    "it replaces what was verified by what was not, as the AppSecret says",
    [
      applied("one"),
      given("one"),
      { publish: "one", verified: true },
      { appSecret: "one", labelled: true, verify: "Off" },
      { publish: "one" },
    ],
  ],
] as const) {
  test(`allowed: ${name}`, () => assert.equal(violations(steps), []));
}

const doesNotHold = (name: string) => `it published Secret ${name} for ${name}, which does not hold its type`;

for (const [name, steps, expected] of [
  ["it publishes before it gives the type", [applied("one"), { publish: "one" }], doesNotHold("one")],
  [
    "it publishes for the loser",
    [applied("one"), given("one"), applied("two"), { publish: "two" }],
    doesNotHold("two"),
  ],
  [
    "it publishes for the loser after somebody took the holder's label off",
    [applied("one"), given("one"), takenOff("one"), applied("two"), { publish: "two" }],
    doesNotHold("two"),
  ],
  [
    "it gives a type that another one holds",
    [applied("one"), given("one"), applied("two"), given("two")],
    "it gave Authentication to two while one holds it",
  ],
  [
    "it publishes for the first one after it gave the type to the second one",
    [applied("one"), given("one"), takenOff("one"), applied("two"), given("two"), { publish: "one" }],
    doesNotHold("one"),
  ],
  [
    "it publishes after it took the label back itself",
    [applied("one"), given("one"), takenBack("one"), { publish: "one" }],
    doesNotHold("one"),
  ],
  [
    "it has been at rest since the label was taken off",
    [applied("one"), given("one"), takenOff("one"), "mark", { publish: "one" }],
    doesNotHold("one"),
  ],
  [
    "the holder was deleted and made again, without a label",
    [applied("one"), given("one"), takenOff("one"), deleted("one"), applied("one", "again"), { publish: "one" }],
    doesNotHold("one"),
  ],
  [
    "it replaces what was verified by what was not",
    [applied("one"), given("one"), { publish: "one", verified: true }, { publish: "one" }],
    "it replaced what was verified in Secret one by what was not",
  ],
] as const) {
  test(`caught: ${name}`, () => {
    const [first, ...more] = violations(steps);
    assert.match(first ?? "nothing", expected);
    assert.equal(more, []);
  });
}

test.run();
