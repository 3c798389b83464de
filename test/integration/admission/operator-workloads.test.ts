/** RBAC lets the operator patch workloads; the policy lets it restart them, and nothing else. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { connect, MERGE_PATCH } from "#support/crd/cluster";
import type { Reply } from "#support/crd/cluster";
import { eventually } from "#support/operator/eventually";

const HOME = "appsecret-system";
const OPERATOR = "appsecret-operator";
const MARK = "appsecret.dev/restarted-for-orders";
const WORKLOADS = ["deployments", "statefulsets", "daemonsets"] as const;
type Resource = (typeof WORKLOADS)[number];

const admin = await connect();
let namespace = "";
let operator: Awaited<ReturnType<typeof connect>>;

const path = (resource: Resource, name = "") => `/apis/apps/v1/namespaces/${namespace}/${resource}/${name}`;
const restart = (value: string | null) => template({ metadata: { annotations: { [MARK]: value } } });
const template = (change: object) => ({ spec: { template: change } });

/** A workload as people write it, with annotations of its own. */
const workload = (resource: Resource, name: string) => ({
  metadata: { name, labels: { app: "web" }, annotations: { note: "theirs" } },
  spec: {
    ...(resource === "daemonsets" ? {} : { replicas: 0 }),
    ...(resource === "statefulsets" ? { serviceName: "web" } : {}),
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" }, annotations: { "example.com/scrape": "true" } },
      spec: {
        nodeSelector: { none: "such" },
        containers: [{ name: "web", image: "web:1", env: [{ name: "A", value: "1" }] }],
      },
    },
  },
});

const patch = (resource: Resource, body: object, name = "web", query = ""): Promise<Reply> =>
  operator.request("PATCH", path(resource, name) + query, body, MERGE_PATCH);

test.before(async () => {
  namespace = await admin.namespace();
  const made = [
    await admin.request("POST", "/api/v1/namespaces", { metadata: { name: HOME } }),
    await admin.request("POST", `/api/v1/namespaces/${HOME}/serviceaccounts`, { metadata: { name: OPERATOR } }),
  ];
  for (const { status, text } of made) assert.ok([201, 409].includes(status), text);
  // Every right on workloads here, so that whatever is refused is refused by the policy.
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const rules = [{ apiGroups: ["apps"], resources: WORKLOADS, verbs: ["*"] }];
  await admin.request("POST", `${rbac}/roles`, { metadata: { name: "all-workloads" }, rules });
  await admin.request("POST", `${rbac}/rolebindings`, {
    metadata: { name: "all-workloads" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "all-workloads" },
    subjects: [{ kind: "ServiceAccount", namespace: HOME, name: OPERATOR }],
  });
  for (const resource of WORKLOADS) {
    const { status, text } = await admin.request("POST", path(resource), workload(resource, "web"));
    assert.is(status, 201, text);
  }
  const token = await admin.request("POST", `/api/v1/namespaces/${HOME}/serviceaccounts/${OPERATOR}/token`, {});
  operator = await connect((token.body as { status: { token: string } }).status.token);
  // RBAC, and after it the policy, act some seconds after they were created.
  const reads = async () => (await operator.request("GET", path("daemonsets"))).status;
  await eventually(async () => assert.is(await reads(), 200), 60_000);
  const changes = async () =>
    (await patch("daemonsets", { metadata: { labels: { a: "b" } } }, "web", "?dryRun=All")).status;
  await eventually(async () => assert.is(await changes(), 403), 60_000);
});
test.after(() => admin.close(namespace));

function refused({ status, text }: Reply, because = "may change only the annotations"): void {
  assert.is(status, 403, text);
  assert.match(text, `ValidatingAdmissionPolicy 'operator-workloads.appsecret.dev'`);
  assert.match(text, because);
}

const generation = ({ body }: Reply) => (body as { metadata: { generation: number } }).metadata.generation;

/** Kubernetes 1.32 itself refuses to change revisionHistoryLimit of a StatefulSet: there is nothing left to the policy. */
async function serverAllows(resource: Resource, change: object): Promise<boolean> {
  if (resource !== "statefulsets") return true;
  const { status } = await admin.request("PATCH", `${path(resource, "web")}?dryRun=All`, change, MERGE_PATCH);
  return status === 200;
}

for (const resource of WORKLOADS) {
  test(`${resource}: the operator restarts one, again for another value, and not for the same`, async () => {
    const first = await patch(resource, restart("1"));
    assert.is(first.status, 200, first.text);
    const second = await patch(resource, restart("2"));
    assert.is(generation(second), generation(first) + 1);
    assert.is(generation(await patch(resource, restart("2"))), generation(second));
    assert.is((await patch(resource, restart(null))).status, 200);
  });

  test(`${resource}: refused: anything else of it`, async () => {
    const container = { name: "web", image: "evil:1", env: [{ name: "A", value: "1" }] };
    const historyLimit = { spec: { revisionHistoryLimit: 0 } };
    const changes: object[] = [
      { metadata: { labels: { app: "other" } } },
      { metadata: { labels: null } },
      { metadata: { annotations: { note: "ours" } } },
      { metadata: { annotations: { [MARK]: "1" } } },
      { metadata: { finalizers: ["example.com/stay"] } },
      { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "a", uid: "b" }] } },
      { spec: { minReadySeconds: 7 } },
      ...((await serverAllows(resource, historyLimit)) ? [historyLimit] : []),
      template({ spec: { containers: [container] } }),
      template({ spec: { containers: [{ ...container, image: "web:1", env: [{ name: "A", value: "2" }] }] } }),
      template({ spec: { containers: [{ ...container, image: "web:1", command: ["sh"] }] } }),
      template({ spec: { hostNetwork: true } }),
      template({ spec: { serviceAccountName: "admin" } }),
      template({ spec: { nodeSelector: null } }),
      template({ metadata: { labels: { more: "1" } } }),
      template({ metadata: { annotations: { "example.com/scrape": "false" } } }),
      template({ metadata: { annotations: { "example.com/scrape": null } } }),
      template({ metadata: { annotations: { "sidecar.istio.io/inject": "false" } } }),
      template({ metadata: { annotations: { "appsecret.dev/other": "1" } } }),
      template({ metadata: { annotations: null } }),
      ...(resource === "daemonsets" ? [] : [{ spec: { replicas: 3 } }]),
      ...(resource === "deployments"
        ? [{ spec: { paused: true } }, { spec: { strategy: { type: "Recreate", rollingUpdate: null } } }]
        : []),
      { spec: { ...template({ metadata: { annotations: { [MARK]: "9" } } }).spec, minReadySeconds: 7 } },
    ];
    for (const change of changes) {
      const reply = await patch(resource, change);
      assert.is(reply.status, 403, `${JSON.stringify(change)}: ${reply.text}`);
      refused(reply);
    }
  });

  test(`${resource}: refused: creating and deleting one`, async () => {
    const because = "must not create or delete";
    refused(await operator.request("POST", path(resource), workload(resource, "another")), because);
    refused(await operator.request("DELETE", path(resource, "web")), because);
    assert.is((await admin.request("GET", path(resource, "web"))).status, 200);
  });

  test(`${resource}: one without any annotation is restarted, too`, async () => {
    const { spec } = workload(resource, "bare");
    const { labels } = spec.template.metadata;
    const bare = {
      metadata: { name: "bare" },
      spec: { ...spec, template: { ...spec.template, metadata: { labels } } },
    };
    assert.is((await admin.request("POST", path(resource), bare)).status, 201);
    const { status, text } = await patch(resource, restart("1"), "bare");
    assert.is(status, 200, text);
  });

  test(`${resource}: other users are not restricted`, async () => {
    const change = template({ spec: { containers: [{ name: "web", image: "web:2" }] } });
    assert.is((await admin.request("PATCH", path(resource, "web"), change, MERGE_PATCH)).status, 200);
  });
}

test.run();
