/**
 * The controller in this process, over a real API server, with a client that lets a reply come late: later than the watch
 * event of what happened after it.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OPERATOR_NAME } from "#api/names";
import { startController } from "#controller/controller";
import type { KubeClient } from "#kube/client/client";
import { createClient } from "#kube/client/client";
import { loadKubeConfig } from "#kube/client/kubeconfig";
import { createEventRecorder } from "#kube/events";
import { silent } from "#common/log";
import { offlineChecks } from "#verify/checks";
import { createLimiter, UNLIMITED } from "#verify/schedule/limiter";
import { createScheduler } from "#verify/schedule/scheduler";
import { createVerdictCache } from "#verify/schedule/verdict-cache";
import { connect } from "#support/operator/api";
import { createEnvironment } from "#support/operator/environment";
import { eventually } from "#support/operator/eventually";
import { custom, from } from "#support/operator/specs";

test("a source that is deleted while the reply with its content is under way is found missing", async () => {
  const api = await connect();
  const env = await createEnvironment(api, "overtaken");
  const direct = createClient(await loadKubeConfig(), { fieldManager: OPERATOR_NAME });
  let isTold = false;
  let isFirst = true;
  const client: KubeClient = {
    ...direct,
    async get<T>(path: string, options?: object) {
      const reply = await direct.get<T>(path, options);
      if (path !== env.paths.secret("source") || !isFirst) return reply;
      isFirst = false;
      await env.deleteSecret("source");
      await eventually(() => assert.ok(isTold));
      return reply;
    },
    stream: (path, options) =>
      direct.stream(path, {
        ...options,
        onValue(value) {
          options.onValue(value);
          const { type, object } = value as { type: string; object: { metadata: { name?: string } } };
          if (type === "DELETED" && object.metadata.name === "source") isTold = true;
        },
      }),
  };
  const cache = createVerdictCache({
    checks: offlineChecks(),
    limiter: createLimiter(UNLIMITED),
    keepMs: 60_000,
  });
  const controller = startController({
    client,
    events: createEventRecorder(direct, { reportingController: OPERATOR_NAME, instance: "test" }),
    namespaces: [env.namespace],
    concurrency: 4,
    createChecks: (hooks) => createScheduler({ ...hooks, cache, intervalMs: 60_000 }),
    assertMayWrite: () => undefined,
    log: silent,
  });
  try {
    await controller.filled;
    controller.work();
    await env.putSecret("source", { token: "t" });
    await env.apply("reader", custom({ TOKEN: from("source", "token") }));
    await env.ready("reader", "False/SourceNotFound");
    assert.is(isFirst, false);
    await env.putSecret("source", { token: "again" });
    await env.ready("reader", "True/Published");
    assert.equal(await env.values("reader"), { TOKEN: "again" });
  } finally {
    await controller.stop(1000);
    await direct.close();
    await api.remove(`/api/v1/namespaces/${env.namespace}`);
    await api.close();
  }
});

test.run();
