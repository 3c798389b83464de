/** How long nothing is published when the leader of two replicas is killed. */
import { setTimeout as sleep } from "node:timers/promises";
import { statusOf } from "#kube/client/api-error";
import { createAppSecret, secretsPath } from "./load.ts";
import { observe } from "./observer.ts";
import type { Section } from "./rows.ts";
import type { Operator, World } from "./world.ts";

const NAMESPACE = "failover";
const LEASE = "/apis/coordination.k8s.io/v1/namespaces/appsecret-system/leases/appsecret-operator";
const FLAGS = ["--leader-elect", "--lease-namespace=appsecret-system"];
/** What the takeover may take beyond the lease: a follower looks at it every 2 s. */
const GRACE_SECONDS = 2;

type Lease = { spec: { holderIdentity?: string; leaseDurationSeconds?: number } };

export async function failover(world: World): Promise<Section[]> {
  const { client, scale } = world;
  await world.createNamespace(NAMESPACE);
  const start = () => world.startOperator({ flags: FLAGS });
  let leader = await start();
  const { spec } = await heldLease(world);
  const leaseSeconds = spec.leaseDurationSeconds ?? NaN;
  let follower = await start();
  const gaps: number[] = [];
  for (let kill = 0; kill < scale.kills; kill += 1) {
    world.progress(0.2 + (0.8 * kill) / scale.kills, `failover: killing the leader, ${kill + 1} of ${scale.kills}`);
    gaps.push(await killAndWait(world, leader, `after-kill-${kill}`));
    leader = follower;
    if (kill + 1 < scale.kills) follower = await start();
  }
  await leader.stop();
  const most = leaseSeconds + GRACE_SECONDS;
  return [
    {
      title: `Failover: kill -9 of the leader of two replicas, ${scale.kills === 1 ? "once" : `${scale.kills} times`}`,
      rows: [
        {
          id: "failover",
          what: "to the next Secret, the longest",
          unit: "s",
          operator: Math.max(...gaps),
          bar: { of: "time", most },
          note: `the lease lasts ${leaseSeconds} s; each: ${gaps.map((gap) => gap.toFixed(1)).join(", ")} s`,
        },
      ],
    },
  ];

  /** The first replica takes it as soon as it is ready. */
  async function heldLease({ progress }: World): Promise<Lease> {
    progress(0.1, "failover: waiting for a leader");
    for (;;) {
      const lease = await client.get<Lease>(LEASE).catch((error: unknown) => {
        if (statusOf(error) !== 404) throw error;
      });
      if (lease?.spec.holderIdentity) return lease;
      await sleep(50);
    }
  }
}

/** @returns seconds */
async function killAndWait({ client }: World, leader: Operator, name: string): Promise<number> {
  const secrets = await observe(client, secretsPath(NAMESPACE), "ADDED");
  const killed = performance.now();
  await leader.stop("SIGKILL");
  await createAppSecret(client, NAMESPACE, name);
  const published = await secrets.until(1);
  secrets.stop();
  return (published - killed) / 1000;
}
