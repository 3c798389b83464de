/** RBAC lets the operator write Secrets; the policy lets it write those of an AppSecret, and no others. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { connect, MERGE_PATCH } from "#support/crd/cluster";
import { eventually } from "#support/operator/eventually";

const HOME = "appsecret-system";
const OPERATOR = "appsecret-operator";
const OWNER = "appsecret.dev/owner";

type Metadata = { annotations?: Record<string, string>; labels?: Record<string, string>; ownerReferences?: object[] };
type Secret = { metadata: Metadata; type?: string; stringData?: Record<string, string> };

const admin = await connect();
let namespace = "";
let operator: Awaited<ReturnType<typeof connect>>;
let secrets = "";

const marks = { annotations: { [OWNER]: "orders" }, labels: { "app.kubernetes.io/managed-by": OPERATOR } };
const controlledBy = (more: object = {}) => ({
  apiVersion: "appsecret.dev/v1",
  kind: "AppSecret",
  name: "orders",
  uid: "4bd0b7b6-7f8a-4f39-a5a4-6e8d50d9e4f3",
  controller: true,
  ...more,
});

test.before(async () => {
  namespace = await admin.namespace();
  secrets = `/api/v1/namespaces/${namespace}/secrets`;
  const made = [
    await admin.request("POST", "/api/v1/namespaces", { metadata: { name: HOME } }),
    await admin.request("POST", `/api/v1/namespaces/${HOME}/serviceaccounts`, { metadata: { name: OPERATOR } }),
  ];
  for (const { status, text } of made) assert.ok([201, 409].includes(status), text);
  // Every right on Secrets here, so that whatever is refused is refused by the policy.
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const rules = [{ apiGroups: [""], resources: ["secrets"], verbs: ["*"] }];
  await admin.request("POST", `${rbac}/roles`, { metadata: { name: "all-secrets" }, rules });
  await admin.request("POST", `${rbac}/rolebindings`, {
    metadata: { name: "all-secrets" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "all-secrets" },
    subjects: [{ kind: "ServiceAccount", namespace: HOME, name: OPERATOR }],
  });
  const token = await admin.request("POST", `/api/v1/namespaces/${HOME}/serviceaccounts/${OPERATOR}/token`, {});
  operator = await connect((token.body as { status: { token: string } }).status.token);
  // RBAC, and after it the policy, act some seconds after they were created.
  const reads = async () => (await operator.request("GET", secrets)).status;
  await eventually(async () => assert.is(await reads(), 200), 60_000);
  const creates = async () =>
    (await operator.request("POST", `${secrets}?dryRun=All`, { metadata: { name: "x" } })).status;
  await eventually(async () => assert.is(await creates(), 403), 60_000);
});
test.after(() => admin.close(namespace));

/** A Secret that somebody else has made. */
async function given(name: string, secret: Secret): Promise<void> {
  const { status, text } = await admin.request("POST", secrets, { ...secret, metadata: { name, ...secret.metadata } });
  assert.is(status, 201, text);
}

async function refused(reply: { status: number; text: string }, because: string): Promise<void> {
  assert.is(reply.status, 403, reply.text);
  assert.match(reply.text, `ValidatingAdmissionPolicy 'operator-secrets.appsecret.dev'`);
  assert.match(reply.text, because);
}

const create = (secret: Secret, name = "created") =>
  operator.request("POST", secrets, { ...secret, metadata: { name, ...secret.metadata } });
const patch = (name: string, body: object) => operator.request("PATCH", `${secrets}/${name}`, body, MERGE_PATCH);
const remove = (name: string) => operator.request("DELETE", `${secrets}/${name}`);

test("the operator creates, changes and deletes the Secret of an AppSecret", async () => {
  const { status, text } = await create({
    metadata: { ...marks, ownerReferences: [controlledBy()] },
    stringData: { A: "1" },
  });
  assert.is(status, 201, text);
  assert.is((await patch("created", { stringData: { A: "2" } })).status, 200);
  assert.is((await remove("created")).status, 200);
});

test("one that is retained has no ownerReference, and is the AppSecret's all the same", async () => {
  assert.is((await create({ metadata: marks }, "retained")).status, 201);
  assert.is((await patch("retained", { metadata: { ownerReferences: [controlledBy()] } })).status, 200);
  assert.is((await patch("retained", { metadata: { ownerReferences: null } })).status, 200);
  assert.is((await remove("retained")).status, 200);
});

test("one that a person has handed over is taken", async () => {
  await given("offered", { metadata: { annotations: { [OWNER]: "orders" } }, stringData: { OLD: "1" } });
  const taken = await patch("offered", { metadata: { ...marks, ownerReferences: [controlledBy()] }, data: null });
  assert.is(taken.status, 200, taken.text);
});

const CREATED: [what: string, secret: Secret, because: string][] = [
  ["without marks", { metadata: {} }, "the operator must mark the Secrets that it writes"],
  ["without the label", { metadata: { annotations: marks.annotations } }, "the operator must mark the Secrets"],
  [
    "without an owner's name",
    { metadata: { ...marks, annotations: { [OWNER]: "" } } },
    "the operator must mark the Secrets",
  ],
  [
    "that is a ServiceAccount's token",
    {
      metadata: { ...marks, annotations: { ...marks.annotations, "kubernetes.io/service-account.name": "default" } },
      type: "kubernetes.io/service-account-token",
    },
    "write only Secrets of type Opaque",
  ],
  ["that is a Helm release", { metadata: marks, type: "helm.sh/release.v1" }, "write only Secrets of type Opaque"],
  [
    "of another AppSecret than its controller",
    { metadata: { ...marks, ownerReferences: [controlledBy({ name: "login" })] } },
    "anything other than the AppSecret in its annotation",
  ],
  [
    "that something else controls",
    { metadata: { ...marks, ownerReferences: [controlledBy({ apiVersion: "apps/v1", kind: "Deployment" })] } },
    "anything other than the AppSecret in its annotation",
  ],
];
for (const [what, secret, because] of CREATED) {
  test(`refused: creating a Secret ${what}`, async () => refused(await create(secret), because));
}

test("refused: changing or deleting a Secret that belongs to no AppSecret", async () => {
  await given("foreign", { metadata: {}, stringData: { A: "1" } });
  await refused(
    await patch("foreign", { stringData: { A: "2" } }),
    "change and delete only Secrets with the annotation",
  );
  await refused(await remove("foreign"), "change and delete only Secrets with the annotation");
});

test("refused: claiming a Secret by writing the annotation", async () => {
  await given("coveted", { metadata: {}, stringData: { A: "1" } });
  await refused(await patch("coveted", { metadata: marks }), "change and delete only Secrets with the annotation");
});

test("refused: deleting all Secrets of a namespace", async () => {
  const { status, text } = await operator.request("DELETE", secrets);
  assert.is(status, 403, text);
  assert.is((await admin.request("GET", `${secrets}/foreign`)).status, 200);
});

test("refused: passing a Secret from one AppSecret to another, and dropping its marks", async () => {
  await given("passed", { metadata: marks });
  await refused(await patch("passed", { metadata: { annotations: { [OWNER]: "login" } } }), "must not pass a Secret");
  await refused(await patch("passed", { metadata: { annotations: null } }), "the operator must mark the Secrets");
});

test("refused: a Secret of another type, although it has the annotation", async () => {
  await given("typed", { metadata: marks, type: "example.com/other" });
  await refused(await patch("typed", { stringData: { A: "2" } }), "write only Secrets of type Opaque");
  await refused(await remove("typed"), "write only Secrets of type Opaque");
});

test("other users are not restricted", async () => {
  await given("own", { metadata: {}, stringData: { A: "1" } });
  const own = `${secrets}/own`;
  assert.is((await admin.request("PATCH", own, { stringData: { A: "2" } }, MERGE_PATCH)).status, 200);
  assert.is((await admin.request("DELETE", own)).status, 200);
});

test.run();
