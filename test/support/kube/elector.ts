/**
 * A replica as a process of its own, so that a test can pause and kill it: it stands for election and, while it leads,
 * writes its own name into a ConfigMap as fast as it can. On standard output one line when it has seen who leads, and one
 * for each write that was executed.
 *
 *   node elector.ts <namespace> <identity> <duration ms> <deadline ms> <retry ms>
 */
import { createClient } from "#kube/client/client";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import { fenced } from "#kube/client/fenced";
import { startElection } from "#kube/lease";
import { silent } from "#common/log";

const [namespace = "", identity = "", leaseDurationMs, renewDeadlineMs, retryPeriodMs] = process.argv.slice(2);
const client = createClient(await loadKubeConfig(), { fieldManager: identity });
const stopping = new AbortController();
const election = startElection({
  client,
  ...{ namespace, name: "elected", identity },
  ...{ leaseDurationMs: Number(leaseDurationMs), renewDeadlineMs: Number(renewDeadlineMs) },
  retryPeriodMs: Number(retryPeriodMs),
  log: silent,
});
const fencedClient = fenced(client, () => {
  if (!election.isLeading()) throw new Error("not leading");
});
process.once("SIGTERM", () => stopping.abort());

const path = `/api/v1/namespaces/${namespace}/configmaps/written`;
let hasSeen = false;
while (!stopping.signal.aborted) {
  if (!hasSeen && election.holder !== "") {
    hasSeen = true;
    process.stdout.write("sees who leads\n");
  }
  const patch = { data: { writer: identity, at: `${Date.now()}` } };
  const done = await fencedClient.patch(path, patch, "merge", { timeoutMs: 1000, retry: false }).then(
    () => true,
    () => false,
  );
  if (done) process.stdout.write("wrote\n");
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await election.release();
await client.close();
