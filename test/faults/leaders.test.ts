import { setTimeout as delay } from "node:timers/promises";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Api } from "#support/operator/api";
import type { Environment } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import type { Operator } from "#support/operator/operator";
import { startOperator } from "#support/operator/operator";
import type { Rule } from "#support/operator/rights";
import { readRules } from "#support/operator/rights";
import { installRights, logIn, OPERATOR_ACCOUNT } from "#support/operator/service-account";
import { custom, login } from "#support/operator/specs";
import { ahead } from "./ahead.ts";
import { createHistory } from "./history.ts";
import type { Passed, Proxy } from "#support/fault-proxy/proxy";
import { startProxy } from "#support/fault-proxy/proxy";
import { isWrite } from "#support/fault-proxy/rules";
import { insteadOfServer, createStage, throughProxy } from "./stage.ts";

/**
 * Two replicas and one Lease, each replica behind a proxy of its own: what a replica writes is what comes through there. The
 * leader is killed, or stopped for longer than its Lease and woken again, while people go on working.
 */

/** The Lease's duration, and what the issue allows for the rest, in ms. */
const TAKEN_OVER_WITHIN_MS = 17_000;
/** A process may be woken at any time; a busy machine takes its time to start the other one's work. */
const PATIENCE_MS = 40_000;
/** A leader that lost its Lease ends what it has begun, and itself. */
const ENDS_WITHIN_MS = 25_000;
/** How long a woken leader has time to do what it must not, in ms. */
const TEMPTATION_MS = 3_000;

type Replica = { proxy: Proxy; operator: Operator; close: () => Promise<void> };
type Pair = { env: Environment; leader: Replica; follower: Replica; writesOf: (replica: Replica) => readonly Passed[] };
type Told = { violations: string[]; tookMs: number; late: string[]; ending: unknown; requests: number };

await installRights();
const scenes = ahead([() => withPair(killed), () => withPair(stopped), () => withPair(released)], 3);

test("kill -9 of the leader: the other replica takes over within the Lease's duration and 2 s, and nothing is lost", async () => {
  const { violations, tookMs } = await scenes[0]!;
  assert.equal(violations, []);
  assert.ok(tookMs <= TAKEN_OVER_WITHIN_MS, `it took ${tookMs} ms`);
});

test("a leader that was stopped for longer than its Lease and woken writes nothing more, and ends", async () => {
  const { violations, late, ending } = await scenes[1]!;
  assert.equal(late, [], "it wrote after the other one had taken over");
  assert.equal(violations, []);
  assert.equal(ending, { code: 0, signal: null });
});

test("a leader that gets SIGTERM hands over at once", async () => {
  const { violations, tookMs } = await scenes[2]!;
  assert.equal(violations, []);
  assert.ok(tookMs <= 5_000, `it took ${tookMs} ms`);
});

test("two replicas together ask no more than a few times what one does", async () => {
  for (const { requests } of await Promise.all(scenes)) assert.ok(requests < 200, `${requests} requests`);
});

test.run();

async function killed(pair: Pair): Promise<Partial<Told>> {
  const { env, leader } = pair;
  // In the middle of something.
  await Promise.all(Array.from({ length: 5 }, (_, index) => env.apply(`more-${index}`, custom({ A: "1" }))));
  await leader.operator.stop("SIGKILL");
  return takenOver(pair, performance.now());
}

async function released(pair: Pair): Promise<Partial<Told>> {
  await pair.leader.operator.stop("SIGTERM");
  return takenOver(pair, performance.now());
}

/** It sleeps with news in its sockets and keys in its queue, and wakes to a world that has gone on. */
async function stopped(pair: Pair): Promise<Partial<Told>> {
  const { env, leader, follower, writesOf } = pair;
  const editing = Promise.all(Array.from({ length: 5 }, (_, index) => env.apply(`more-${index}`, custom({ A: "1" }))));
  process.kill(leader.operator.pid, "SIGSTOP");
  await editing;
  const told = await takenOver(pair, performance.now());
  const tookOverAt = Math.min(...writesOf(follower).map(({ at }) => at));
  process.kill(leader.operator.pid, "SIGCONT");
  // Tempting: work for a replica that believes that it leads.
  for (let edit = 0; edit < 3; edit += 1) {
    await env.apply("keys", custom({ A: `tempting ${edit}` }));
    await delay(TEMPTATION_MS / 3);
  }
  await eventually(async () => assert.equal(await env.values("keys"), { A: "tempting 2" }), PATIENCE_MS);
  const late = writesOf(leader).filter(({ at }) => at >= tookOverAt);
  const ending = await Promise.race([
    leader.operator.ended.then(({ code, signal }) => ({ code, signal })),
    delay(ENDS_WITHIN_MS, "it still runs", { ref: false }),
  ]);
  return { ...told, late: late.map(({ method, path }) => `${method} ${path}`), ending };
}

/** Somebody needs something: how long until it is there, and everything else with it. */
async function takenOver({ env }: Pair, since: number): Promise<Pick<Told, "tookMs">> {
  await env.apply("keys", custom({ A: "2" }));
  await env.apply("new", custom({ A: "new" }));
  await eventually(async () => assert.equal(await env.values("new"), { A: "new" }), PATIENCE_MS);
  const tookMs = performance.now() - since;
  await eventually(async () => assert.equal(await env.values("keys"), { A: "2" }), PATIENCE_MS);
  return { tookMs };
}

async function withPair(scene: (pair: Pair) => Promise<Partial<Told>>): Promise<Told> {
  const stage = await createStage({ prefix: "leaders" });
  const env = stage.environments[0]!;
  const started: Replica[] = [];
  const start = async (): Promise<Replica> => {
    const proxy = await startProxy(await insteadOfServer(process.env));
    const { kubeconfig, remove } = await throughProxy(await logIn(stage.api, OPERATOR_ACCOUNT), proxy);
    const lease = ["--leader-elect", `--lease-namespace=${env.namespace}`];
    const operator = await startOperator({ kubeconfig, namespaces: [env.namespace], flags: lease });
    const close = async () => {
      await operator.stop("SIGKILL");
      await proxy.close();
      await remove();
    };
    const replica = { proxy, operator, close };
    started.push(replica);
    return replica;
  };
  try {
    await allowLease(stage.api, env.namespace);
    const leader = await start();
    await eventually(() => assert.ok(leader.operator.log().some(({ msg }) => msg === "leading")));
    const follower = await start();
    const secrets = await env.recordSecrets();
    const appSecrets = await env.recordAppSecrets();
    await env.apply("web-login", login());
    await env.apply("keys", custom({ A: "1" }));
    await env.ready("web-login", "True/PublishedUnverified");
    await env.ready("keys", "True/Published");
    const writesOf = ({ proxy }: Replica) =>
      proxy.requests.filter((request) => isWrite(request) && !/\/(leases|events)\b/.test(request.path));
    assert.equal(writesOf(follower), [], "the follower writes");
    const told = await scene({ env, leader, follower, writesOf });
    const requests = [...leader.proxy.requests, ...follower.proxy.requests];
    const { events } = secrets;
    const history = createHistory({
      secrets: events,
      appSecrets: appSecrets.events,
      requests,
      appSecretsPath: env.paths.appSecrets,
      secretsPath: env.paths.secrets,
    });
    const violations = history.violations();
    const gone = events
      .filter(({ type }) => type === "DELETED")
      .map(({ object }) => `${object.metadata.name} was lost`);
    return {
      tookMs: 0,
      late: [],
      ending: undefined,
      ...told,
      violations: [...violations, ...gone],
      requests: requests.length,
    };
  } finally {
    env.close();
    for (const { close } of started) await close();
    await stage.close();
  }
}

/** A Lease for each pair, in its own namespace: the operator's Role is for the one of this name in the operator's. */
async function allowLease(api: Api, namespace: string): Promise<void> {
  const isForLeases = ({ resources }: Rule) => resources.includes("leases");
  const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  await api.create(`${path}/roles`, {
    metadata: { name: "lease" },
    rules: (await readRules("hack/rbac.yaml")).filter(isForLeases),
  });
  await api.create(`${path}/rolebindings`, {
    metadata: { name: "lease" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "lease" },
    subjects: [{ kind: "ServiceAccount", ...OPERATOR_ACCOUNT }],
  });
}
