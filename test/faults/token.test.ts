import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "#support/operator/eventually";
import { startOperator } from "#support/operator/operator";
import type { Login } from "#support/operator/service-account";
import { installRights, logIn, OPERATOR_ACCOUNT } from "#support/operator/service-account";
import { custom } from "#support/operator/specs";
import type { Stage } from "./stage.ts";
import { createStage, throughProxy } from "./stage.ts";

/**
 * The token rotates: the kubelet puts another one into the file, and the old one is not accepted any more. Each token is
 * bound to a Secret, whose deletion revokes it (Kubernetes: bound ServiceAccount tokens).
 */

/** kube-apiserver remembers for 10 s that a token was good. */
const REVOKED_WITHIN_MS = 30_000;
const TOKENS = `/api/v1/namespaces/${OPERATOR_ACCOUNT.namespace}`;

let stage: Stage;
let secret = 0;

test.before(async () => {
  await installRights();
  stage = await createStage({ prefix: "token" });
});

test.after(() => stage.close());

type Token = { token: string; revoke: () => Promise<void> };

async function issue(): Promise<Token> {
  const name = `${stage.environments[0]!.namespace}-${(secret += 1)}`;
  const { api } = stage;
  const { metadata } = await api.create<{ metadata: { uid: string } }>(`${TOKENS}/secrets`, { metadata: { name } });
  const { status } = await api.create<{ status: { token: string } }>(
    `${TOKENS}/serviceaccounts/${OPERATOR_ACCOUNT.name}/token`,
    {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: 3600, boundObjectRef: { kind: "Secret", apiVersion: "v1", name, uid: metadata.uid } },
    },
  );
  return { token: status.token, revoke: () => api.remove(`${TOKENS}/secrets/${name}`) };
}

/** A kubeconfig that names the token's file, next to it. */
async function withTokenFile(
  login: Login,
): Promise<{ kubeconfig: string; tokenFile: string; remove: () => Promise<void> }> {
  const tokenFile = `${login.kubeconfig}.token`;
  const text = await readFile(login.kubeconfig, "utf8");
  await writeFile(login.kubeconfig, text.replace(/"token": "[^"]+"/, `"tokenFile": ${JSON.stringify(tokenFile)}`));
  return { kubeconfig: login.kubeconfig, tokenFile, remove: login.remove };
}

async function isRevoked({ token }: Token): Promise<void> {
  const { api } = stage;
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } };
  await eventually(async () => {
    const path = "/apis/authentication.k8s.io/v1/tokenreviews";
    const { status } = await api.create<{ status: { authenticated?: boolean } }>(path, review);
    assert.not(status.authenticated);
  }, REVOKED_WITHIN_MS);
}

test("the token rotates and the old one is revoked: nothing waits, and the old one is soon not used any more", async () => {
  const { proxy, api } = stage;
  const env = stage.environments[0]!;
  const [first, second] = [await issue(), await issue()];
  const login = await withTokenFile(await throughProxy(await logIn(api, OPERATOR_ACCOUNT), proxy));
  await writeFile(login.tokenFile, first.token);
  const operator = await startOperator({ kubeconfig: login.kubeconfig, namespaces: [env.namespace] });
  try {
    await env.apply("keys", custom({ A: "before" }));
    await env.ready("keys", "True/Published");
    const { metadata } = await env.secret("keys");

    await writeFile(login.tokenFile, second.token);
    await first.revoke();
    await isRevoked(first);
    // The API server's own memory of the old token ends somewhere in here.
    for (let edit = 0; edit < 12; edit += 1) {
      await env.apply("keys", custom({ A: `after ${edit}` }));
      await env.ready("keys", "True/Published");
      assert.equal(await env.values("keys"), { A: `after ${edit}` });
      await delay(1_000);
    }
    const asked = proxy.requests.length;
    await env.apply("keys", custom({ A: "at the end" }));
    await env.ready("keys", "True/Published");
    const last = proxy.requests.slice(asked);
    assert.ok(last.length > 0 && last.every(({ authorization }) => authorization === `Bearer ${second.token}`));
    assert.is((await env.secret("keys")).metadata.uid, metadata.uid);
    const refused = proxy.requests.filter(({ status }) => status === 401).length;
    assert.ok(refused >= 1 && refused <= 6, `${refused} requests with the old token`);

    // Worse: the old one ends before the new one is there.
    await second.revoke();
    await isRevoked(second);
    await eventually(async () => {
      await env.apply("keys", custom({ A: `${proxy.requests.length}` }));
      await delay(300);
      assert.ok(proxy.requests.slice(asked).some(({ status }) => status === 401));
    }, REVOKED_WITHIN_MS);
    await env.apply("keys", custom({ A: "waits" }));
    const before = proxy.requests.length;
    await delay(2_000);
    const inVain = proxy.requests.length - before;
    assert.ok(inVain < 40, `${inVain} requests in 2 s, all in vain`);
    const third = await issue();
    await writeFile(login.tokenFile, third.token);
    await env.ready("keys", "True/Published");
    assert.equal(await env.values("keys"), { A: "waits" });
    assert.is((await env.secret("keys")).metadata.uid, metadata.uid);
    await third.revoke();
  } finally {
    await operator.stop("SIGKILL");
    await login.remove();
  }
});

test.run();
