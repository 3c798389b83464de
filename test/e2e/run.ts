/**
 * `make e2e`: the chart on a cluster with real nodes, as a person uses it, from install to uninstall.
 *
 *   KUBECONFIG   the cluster; one without AppSecrets, because the last step deletes the type
 *   IMAGE        the operator's image, which the nodes can pull or have; the readers' Pods run in it, too
 *   PULL_POLICY  default IfNotPresent
 *
 * With both of these the example application is used, too, with a login provider and a database that run here:
 *
 *   ORDERS_IMAGE  its image (examples/workload/Dockerfile)
 *   HOST_ADDRESS  an address of this machine that Pods can reach
 *
 * Exit code 0 when every step did what it says. The namespaces that it makes go in any case.
 */
import * as assert from "node:assert/strict";
import { findOnPath } from "#testbed/control-plane/binaries";
import { ensureBinaries } from "#testbed/control-plane/index";
import { runKubectl } from "#testbed/control-plane/kubectl";
import { ensureTool } from "#testbed/programs/index";
import { eventually } from "#support/operator/eventually";
import { useOrders } from "./orders.ts";
import { READER, readerDeployment, readerPod, WEB } from "./reader.ts";

const HOME = "appsecret-e2e-system";
const ENVIRONMENT = "appsecret-e2e";
const APPLICATION = "appsecret-e2e-orders";
const RELEASE = "appsecret-operator";
const CHART = "charts/appsecret-operator";
/** A kubelet looks at a mounted Secret once a minute, and its cache may be as old. */
const MOUNT_FOLLOWS_MS = 150_000;
/** The Lease's 15 s, a follower's look at it, and a request. */
const FAILOVER_MS = 20_000;

const image = process.env["IMAGE"] ?? "";
if (image === "" || (process.env["KUBECONFIG"] ?? "") === "") {
  console.error("make e2e needs KUBECONFIG, and IMAGE: an image of the operator that the cluster's nodes can run.");
  process.exit(2);
}
const [, repository = image, tag = "latest"] = /^(.+):([^:/]+)$/.exec(image) ?? [];
const pullPolicy = process.env["PULL_POLICY"] ?? "IfNotPresent";
const helmPath = await ensureTool("helm");
const kubectlPath = (await findOnPath("kubectl", process.env)) ?? (await ensureBinaries()).kubectl;

async function run(path: string, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await runKubectl(path, args, { env: process.env, input });
  if (code !== 0) throw new Error(`${path.split("/").at(-1)} ${args.join(" ")}: ${stderr.trim()}`);
  return stdout;
}
const kubectl = (...args: string[]) => run(kubectlPath, args);
const inEnvironment = (...args: string[]) => kubectl("--namespace", ENVIRONMENT, ...args);
const helm = (...args: string[]) => run(helmPath, args);
const applyYaml = (yaml: string, ...more: string[]) => run(kubectlPath, ["apply", "-f", "-", ...more], yaml);
const apply = (object: object) => applyYaml(JSON.stringify(object));

const VALUES = [
  `--set=image.repository=${repository}`,
  `--set-string=image.tag=${tag}`,
  `--set=image.pullPolicy=${pullPolicy}`,
  "--set=replicaCount=2",
  "--set=podDisruptionBudget.enabled=true",
  "--set=networkPolicy.enabled=true",
  // The examples' login provider and database do not exist. For the example application there are some.
  "--set=verify.offline=true",
];

const install = (...more: string[]) =>
  helm(
    "upgrade",
    "--install",
    RELEASE,
    CHART,
    "-n",
    HOME,
    "--create-namespace",
    ...VALUES,
    ...more,
    "--wait",
    "--timeout=120s",
  );

/** @returns how long it took, in ms */
async function within(ms: number, what: string, check: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await eventually(check, ms).catch((cause: unknown) => {
    throw new Error(`${what}: not within ${ms / 1000} s`, { cause });
  });
  return performance.now() - began;
}

const failed: string[] = [];
async function step(name: string, act: () => Promise<string | undefined>): Promise<void> {
  // What comes later builds on what came before.
  if (failed.length > 0) return;
  const began = performance.now();
  try {
    const said = await act();
    console.log(
      `✔ ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)${said === undefined ? "" : `: ${said}`}`,
    );
  } catch (error) {
    failed.push(name);
    console.error(`✘ ${name}`, error);
    console.error(await kubectl("get", "pods,events", "-A").catch(String));
    console.error(
      await kubectl("logs", "-n", HOME, "-l", `app.kubernetes.io/name=${RELEASE}`, "--tail=30").catch(String),
    );
  }
}

const existing = await kubectl("get", "crd", "appsecrets.appsecret.dev", "--ignore-not-found", "-o", "name");
if (existing !== "") {
  console.error("This cluster has AppSecrets already, and e2e would delete them. Use another one.");
  process.exit(2);
}

const secret = async (name: string) =>
  JSON.parse(await inEnvironment("get", "secret", name, "-o", "json")) as {
    metadata: { uid: string; resourceVersion: string };
    data: Record<string, string>;
  };
const exists = async (...object: string[]) =>
  (await kubectl("get", ...object, "--ignore-not-found", "-o", "name")) !== "";
const rotate = (uri: string) =>
  inEnvironment("patch", "secret", "mongodb-credentials", "-p", JSON.stringify({ stringData: { uri } }));
const mongodbUri = async () => Buffer.from((await secret("orders-db")).data["MONGODB_URI"] ?? "", "base64").toString();
const isPublished = (uri: string) => async () => assert.equal(await mongodbUri(), uri);
const leader = async () => {
  const identity = await kubectl("get", "lease", RELEASE, "-n", HOME, "-o", "jsonpath={.spec.holderIdentity}");
  return identity.split("_")[0] ?? "";
};

await step("helm install --wait brings up two replicas under the restricted profile", async () => {
  await apply({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: HOME, labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
  });
  await install();
  return kubectl("get", "pods", "-n", HOME, "-o", "jsonpath={.items[*].metadata.name}");
});

await step("helm test publishes a Secret", async () => {
  await helm("test", RELEASE, "-n", HOME, "--timeout=120s");
  return undefined;
});

const { ORDERS_IMAGE: ordersImage = "", HOST_ADDRESS: address = "" } = process.env;
if (ordersImage === "" || address === "") {
  console.log("– the example application is left out: it needs ORDERS_IMAGE and HOST_ADDRESS");
} else {
  await step("the example application takes the login provider's tokens only, and reads its database", () =>
    useOrders({
      ...{ address, image: ordersImage, pullPolicy, home: HOME, namespace: APPLICATION },
      ...{ kubectlPath, kubectl, apply: applyYaml, install },
    }),
  );
}

await step("the examples become ready", async () => {
  // Without live checks again.
  await install();
  await kubectl("create", "namespace", ENVIRONMENT);
  await inEnvironment("apply", "-f", "examples/");
  await inEnvironment("wait", "--for=condition=Ready", "appsecrets", "--all", "--timeout=60s");
  return inEnvironment("get", "appsecrets", "--no-headers", "-o", "custom-columns=:metadata.name");
});

const read = () => inEnvironment("logs", READER);
await step("a Pod reads them, as environment variables and as files", async () => {
  await apply(readerPod(ENVIRONMENT, image, pullPolicy));
  let printed = "";
  await within(60_000, "what it has read", async () => {
    printed = await read();
    for (const line of ["env AUDIENCE=ord***", "env MONGODB_URI=mon***", "file PAYMENT_API_KEY=sk_***"]) {
      assert.ok(printed.includes(line), printed);
    }
  });
  assert.ok(!printed.includes("not-a-real-password"));
  return printed.trim().split("\n").join(", ");
});

await step("a rotated source reaches the Secret, and then the file in the Pod", async () => {
  const uri = "mongodb://orders:rotated@mongodb.example.com:27017/orders?authSource=admin&appName=rotated";
  await rotate(uri);
  const published = await within(30_000, "the Secret", isPublished(uri));
  const line = `file MONGODB_URI=mon*** (${uri.length} characters)`;
  const mounted = await within(MOUNT_FOLLOWS_MS, "the file", async () => assert.ok((await read()).includes(line)));
  return `Secret after ${(published / 1000).toFixed(1)} s, file after ${(mounted / 1000).toFixed(1)} s more`;
});

await step("a changed value rolls the Deployment that spec.restart names, once; a changed label does not", async () => {
  const generation = () => inEnvironment("get", "deployment", WEB, "-o", "jsonpath={.metadata.generation}");
  const rolledOut = () => inEnvironment("rollout", "status", `deployment/${WEB}`, "--timeout=60s");
  const change = async (spec: object) => {
    await inEnvironment("patch", "appsecret", "orders-db", "--type=merge", "-p", JSON.stringify({ spec }));
    await inEnvironment("wait", "--for=condition=Ready", "appsecret/orders-db", "--timeout=60s");
  };
  await apply(readerDeployment(ENVIRONMENT, image, pullPolicy));
  await rolledOut();
  await change({ restart: [{ kind: "Deployment", name: WEB }] });
  await change({ target: { labels: { team: "orders" } } });
  assert.equal(await generation(), "1", "nothing has changed a value");
  const uri = "mongodb://orders:rolled@mongodb.example.com:27017/orders?authSource=admin";
  await rotate(uri);
  await within(30_000, "the roll", async () => assert.equal(await generation(), "2"));
  await rolledOut();
  const line = `env MONGODB_URI=mon*** (${uri.length} characters)`;
  await within(60_000, "the new Pod", async () => {
    assert.ok((await inEnvironment("logs", `deployment/${WEB}`)).includes(line));
  });
  assert.equal(await generation(), "2", "it rolled once");
  return undefined;
});

await step("helm upgrade rolls the operator, and touches neither the type nor what is published", async () => {
  const [before, crd] = [
    await secret("orders-db"),
    await kubectl("get", "crd", "-o", "jsonpath={.items[*].metadata.uid}"),
  ];
  await install("--set", "log.level=debug", "--set", "replicaCount=3");
  assert.deepEqual((await secret("orders-db")).metadata, { ...before.metadata });
  assert.equal(await kubectl("get", "crd", "-o", "jsonpath={.items[*].metadata.uid}"), crd);
  return undefined;
});

await step("when the leader is killed, another replica goes on", async () => {
  // The upgrade has just taken the last one away.
  let killed = "";
  await within(FAILOVER_MS, "a leader", async () => assert.notEqual((killed = await leader()), ""));
  const began = performance.now();
  await kubectl("delete", "pod", killed, "-n", HOME, "--force", "--grace-period=0");
  const uri = "mongodb://orders:after@mongodb.example.com:27017/orders?authSource=admin";
  await rotate(uri);
  await within(FAILOVER_MS, "the Secret", isPublished(uri));
  assert.notEqual(await leader(), killed);
  return `published ${((performance.now() - began) / 1000).toFixed(1)} s after the kill`;
});

await step("helm uninstall keeps the type, the AppSecrets and their Secrets", async () => {
  const before = await secret("orders-db");
  await helm("uninstall", RELEASE, "-n", HOME, "--wait");
  assert.ok(await exists("crd", "appsecrets.appsecret.dev"));
  assert.equal((await secret("orders-db")).metadata.uid, before.metadata.uid);
  return undefined;
});

await step("another install takes them up", async () => {
  await install("--set", "crds.keep=false");
  const uri = "mongodb://orders:again@mongodb.example.com:27017/orders?authSource=admin";
  await rotate(uri);
  // The uninstall took the account away before the last leader could release its Lease.
  await within(FAILOVER_MS, "the Secret", isPublished(uri));
  return undefined;
});

await step("with crds.keep=false helm uninstall takes all along, but for what is to be retained", async () => {
  await helm("uninstall", RELEASE, "-n", HOME, "--wait");
  await within(30_000, "the type goes", async () => assert.ok(!(await exists("crd", "appsecrets.appsecret.dev"))));
  // Kubernetes' garbage collector looks for kinds that went every 30 s, and takes its time on a busy machine.
  await within(180_000, "the Secret goes", async () =>
    assert.ok(!(await exists("-n", ENVIRONMENT, "secret/orders-db"))),
  );
  assert.ok(await exists("-n", ENVIRONMENT, "secret/orders-settings"));
  return undefined;
});

await helm("uninstall", RELEASE, "-n", HOME, "--ignore-not-found").catch(() => undefined);
await kubectl("delete", "crd", "appsecrets.appsecret.dev", "--ignore-not-found");
await kubectl("delete", "namespace", HOME, ENVIRONMENT, APPLICATION, "--ignore-not-found", "--timeout=60s");
console.log(failed.length === 0 ? "e2e: everything did what it says." : `e2e failed at: ${failed.join()}`);
process.exitCode = failed.length === 0 ? 0 : 1;
