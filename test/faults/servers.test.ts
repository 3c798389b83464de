import { setTimeout as delay } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ControlPlane } from "#testbed/control-plane/index";
import { startControlPlane } from "#testbed/control-plane/index";
import type { Environment, Secret } from "#support/operator/environment";
import { decoded } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { installRights } from "#support/operator/service-account";
import { custom, database, from, login } from "#support/operator/specs";
import { installCrds } from "#support/cluster";
import { atRest } from "./picture.ts";
import { isWrite } from "#support/fault-proxy/rules";
import type { Stage } from "./stage.ts";
import { createStage } from "./stage.ts";

/** The API server and etcd go down and come back while people edit: on a control plane of this file. */

const COUNT = 12;
const NAMES = Array.from({ length: COUNT }, (_, index) => `keys-${index}`);
/** Until everything is as it must be, after the server is back. */
const PATIENCE_MS = 30_000;
/** Requests in one outage: those of the edits, and the attempts in vain. */
const MOST_REQUESTS = 1_000;

let cluster: ControlPlane;
let stage: Stage;
let env: Environment;

test.before(async () => {
  cluster = await startControlPlane({ env: { ...process.env, USE_EXISTING_CLUSTER: "false" }, warn: () => undefined });
  await installCrds(cluster);
  await installRights(cluster.env);
  stage = await createStage({ prefix: "servers", env: cluster.env });
  env = stage.environments[0]!;
  await stage.start();
  await env.putSecret("upstream", { token: "one" });
  await env.apply("web-login", login());
  await env.apply("orders-db", database());
  await env.apply("sourced", custom({ TOKEN: from("upstream", "token") }));
  for (const name of NAMES) await env.apply(name, custom({ ROUND: "0" }));
  for (const name of ["web-login", "orders-db"]) await env.ready(name, "True/PublishedUnverified");
  for (const name of ["sourced", ...NAMES]) await env.ready(name, "True/Published");
});

test.after(async () => {
  await stage.close();
  await cluster.stop();
});

const OUTAGES: readonly { name: string; happen: () => Promise<unknown> }[] = [
  { name: "kube-apiserver is killed (kill -9) and comes back", happen: () => cluster.restartApiServer("SIGKILL") },
  { name: "kube-apiserver is restarted in an orderly way", happen: () => cluster.restartApiServer("SIGTERM") },
  { name: "etcd is killed (kill -9) and comes back", happen: () => cluster.restartEtcd("SIGKILL") },
  { name: "etcd is restarted in an orderly way", happen: () => cluster.restartEtcd("SIGTERM") },
  {
    name: "kube-apiserver hangs (SIGSTOP) for some seconds",
    async happen() {
      const pid = cluster.pids.apiServer ?? 0;
      process.kill(pid, "SIGSTOP");
      await delay(4_000);
      process.kill(pid, "SIGCONT");
    },
  },
  {
    name: "kube-apiserver is killed, and the operator too before it is back",
    async happen() {
      await cluster.stopApiServer("SIGKILL");
      await stage.operator.stop("SIGKILL");
      await cluster.startApiServer();
      await stage.start();
    },
  },
];

let round = 0;

for (const { name, happen } of OUTAGES) {
  test(`${name}, while people edit`, async () => {
    round += 1;
    const before = await uids();
    const begun = stage.proxy.requests.length;
    const stop = new AbortController();
    const editing = edit(stop.signal);
    await happen();
    stop.abort();
    const wanted = await editing;

    await edited(() => env.putSecret("upstream", { token: `round ${round}` }));
    for (const [appSecret, value] of wanted) {
      await eventually(async () => assert.equal(await env.values(appSecret), { ROUND: value }), PATIENCE_MS);
    }
    await eventually(async () => assert.equal(await env.values("sourced"), { TOKEN: `round ${round}` }), PATIENCE_MS);
    assert.equal(await uids(), before, "a Secret was lost or recreated");
    await atRest(env, stage.proxy);
    const requests = stage.proxy.requests.slice(begun);
    assert.ok(requests.length <= MOST_REQUESTS, `${requests.length} requests`);
    const asked = stage.proxy.requests.length;
    await delay(1_000);
    assert.equal(stage.proxy.requests.slice(asked).filter(isWrite), [], "it does not come to rest");
  });
}

test.run();

async function uids(): Promise<Record<string, string>> {
  const { items } = await stage.api.get<{ items: Secret[] }>(env.paths.secrets);
  assert.ok(items.every((secret) => Object.keys(decoded(secret)).length > 0));
  return Object.fromEntries(items.map(({ metadata }) => [metadata.name, metadata.uid]));
}

/** Until told to stop; then what each was edited to last. An edit that fails is done again: its outcome is unknown. */
async function edit(signal: AbortSignal): Promise<Map<string, string>> {
  const wanted = new Map<string, string>();
  for (let count = 0; !signal.aborted || count < COUNT; count += 1) {
    const name = NAMES[count % COUNT]!;
    const value = `${round}.${count}`;
    await edited(() => env.apply(name, custom({ ROUND: value })));
    wanted.set(name, value);
    await delay(10);
  }
  return wanted;
}

async function edited(how: () => Promise<unknown>): Promise<void> {
  await eventually(how, PATIENCE_MS);
}
