/** What time costs: AppSecrets that are changed, deleted and recreated without end must not make the operator grow. */
import { setTimeout as sleep } from "node:timers/promises";
import { appSecretsPath, createAppSecret } from "./load.ts";
import { memory } from "./proc.ts";
import type { Section } from "./rows.ts";
import { median } from "./statistics.ts";
import { startWarm } from "./speed.ts";
import type { World } from "./world.ts";

const NAMESPACE = "churn";
/** Changes at once. As many as keep the operator busy, and leave the API server the time to collect the garbage. */
const AT_ONCE = 4;
const SAMPLE_MS = 500;
/** In less time a heap does not come to rest: there the figure is shown and not judged. */
const JUDGED_FROM_MINUTES = 10;

export async function churn(world: World): Promise<Section[]> {
  const { scale, churnMinutes } = world;
  await world.createNamespace(NAMESPACE);
  const operator = await startWarm(world, "churn-warm");
  const end = performance.now() + churnMinutes * 60_000;
  const samples: number[] = [];
  let changes = 0;
  const sampling = (async () => {
    while (performance.now() < end) {
      samples.push(memory(operator.pid).rss);
      const left = (end - performance.now()) / 60_000;
      world.progress(0.1 + 0.9 * (1 - left / churnMinutes), `churn: ${changes} changes`);
      await sleep(SAMPLE_MS);
    }
  })();
  const hand = async () => {
    while (performance.now() < end) {
      const index = changes++;
      await change(world, `app-${index % scale.churning}`, Math.floor(index / scale.churning));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, hand));
  await sampling;
  await operator.stop();

  // Not from the first third: there the heap grows to the size that it works with.
  const third = Math.ceil(samples.length / 3);
  const [middle, last] = [median(samples.slice(third, 2 * third)), median(samples.slice(2 * third))];
  const judged = churnMinutes >= JUDGED_FROM_MINUTES ? { bar: { of: "ratio" as const, most: 1.1 } } : {};
  return [
    {
      title: `Churn: ${changes} AppSecrets created, edited and deleted in ${churnMinutes} min`,
      rows: [
        { id: "churn-rss-middle", what: "RSS in the second third", unit: "MiB", operator: middle },
        {
          id: "churn-rss-last",
          what: "RSS in the last third, and ÷ the second",
          unit: "MiB",
          operator: last,
          ratio: last / middle,
          ...judged,
          ...(churnMinutes < JUDGED_FROM_MINUTES
            ? { note: `judged from --churn-minutes=${JUDGED_FROM_MINUTES} on` }
            : {}),
        },
      ],
    },
  ];
}

/** Round after round each AppSecret is created, edited, edited again, and deleted. */
async function change({ client }: World, name: string, round: number): Promise<void> {
  const path = `${appSecretsPath(NAMESPACE)}/${name}`;
  if (round % 4 === 0) await createAppSecret(client, NAMESPACE, name);
  else if (round % 4 === 3) await client.remove(path);
  else await client.patch(path, { spec: { custom: { data: { ROUND: { value: String(round) } } } } }, "merge");
}
