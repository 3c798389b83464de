/** What the caches keep of an object: all that decisions read, and nothing that they cannot. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { AppSecret } from "#api/schema/spec";
import { operatorFields } from "#controller/cache/managed-fields";
import { trimAppSecret, trimSecret } from "#controller/cache/transform";
import { OPERATOR_NAME } from "#api/names";
import { READ } from "#plan/observed";
import { observe, world } from "#support/plan/world";

const entries = (keys: readonly string[], value: string) => Object.fromEntries(keys.map((key) => [key, value]));
const { appSecret: stored } = world({ type: "Custom", custom: { data: { A: { value: "1" } } } });

test("labels and annotations that the plan reads are kept, and all others are dropped", () => {
  const others = { "kubectl.kubernetes.io/last-applied-configuration": "{}", team: "a" };
  const labels = { ...entries(READ.appSecret.labels, "x"), ...others };
  const annotations = { ...entries(READ.appSecret.annotations, "y"), ...others };
  const { metadata } = trimAppSecret({ ...stored, metadata: { ...stored.metadata, labels, annotations } });
  assert.equal(metadata.labels, entries(READ.appSecret.labels, "x"));
  assert.equal(metadata.annotations, entries(READ.appSecret.annotations, "y"));

  const secret = { name: "s", namespace: "staging", uid: "u", resourceVersion: "1" };
  const meta = { ...secret, labels: others, annotations: { ...entries(READ.secret.annotations, "z"), ...others } };
  const trimmed = trimSecret({ apiVersion: "v1", kind: "Secret", metadata: meta });
  assert.equal(trimmed.metadata, { ...secret, annotations: entries(READ.secret.annotations, "z") });
  const bare = trimSecret({ apiVersion: "v1", kind: "Secret", metadata: { ...secret, annotations: others } });
  assert.equal(bare.metadata, secret);
});

test("the plan cannot read an annotation or a label that the cache drops: it does not compile", () => {
  const { appSecret, target } = observe(world(stored.spec));
  // @ts-expect-error -- this annotation is not in READ
  assert.is(appSecret.metadata.annotations?.["appsecret.dev/other"], undefined);
  // @ts-expect-error -- nor is this label
  assert.is(appSecret.metadata.labels?.["team"], undefined);
  // @ts-expect-error -- labels of Secrets are not kept at all
  assert.is(target?.labels?.["team"], undefined);
});

test("the spec and the status of an AppSecret are kept whole, and its managedFields go", () => {
  const condition = {
    type: "Ready" as const,
    status: "True" as const,
    reason: "Published",
    message: 'Secret "orders" holds generation 1.',
    observedGeneration: 1,
    lastTransitionTime: "2026-11-23T12:00:00Z",
  };
  const status = { observedGeneration: 1, conditions: [condition] };
  const whole: AppSecret = {
    ...stored,
    metadata: { ...stored.metadata, managedFields: [{ manager: "kubectl" }] },
    status,
  };
  assert.equal(trimAppSecret(whole), { ...stored, status });
});

test("of a Secret's managedFields, what the operator set is kept: an update must know which labels to remove", () => {
  const managedFields = [
    { manager: "kubectl", fieldsV1: { "f:metadata": { "f:labels": { "f:theirs": {} } } } },
    {
      manager: OPERATOR_NAME,
      fieldsV1: { "f:data": { "f:A": {} }, "f:metadata": { "f:labels": { ".": {}, "f:team": {} } } },
    },
  ];
  const metadata = { name: "s", namespace: "staging", uid: "u", resourceVersion: "1", managedFields };
  const trimmed = trimSecret({ apiVersion: "v1", kind: "Secret", metadata });
  assert.equal(operatorFields(trimmed.metadata), { labels: ["team"], annotations: [] });
  assert.not.match(JSON.stringify(trimmed), /kubectl|f:A/);
});

test.run();
