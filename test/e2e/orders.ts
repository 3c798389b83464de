/**
 * The example application on real nodes: its image, its Deployment and its three AppSecrets as they are in examples/, with a
 * login provider and a database on this machine in the place of the hosts that the examples make up.
 */
import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { parse } from "yaml";
import { startLoginProvider } from "#testbed/servers/login-provider";
import { startMongoDB } from "#testbed/servers/mongodb";
import { createCertificateAuthority } from "#testbed/servers/tls";

const EXAMPLES = ["authentication", "custom", "database"].map((name) => `examples/${name}.yaml`);
const DEPLOYMENT = "examples/workload/deployment.yaml";
const CA = "local-ca";
const PASSWORD = { before: "not-a-real-password", after: "rotated" };

export type World = {
  /** Of this machine; Pods reach it. */
  address: string;
  image: string;
  pullPolicy: string;
  /** Where the operator is, and where the application is to be. */
  home: string;
  namespace: string;
  kubectlPath: string;
  kubectl: (...args: string[]) => Promise<string>;
  apply: (yaml: string, ...more: string[]) => Promise<string>;
  install: (...more: string[]) => Promise<string>;
};

/** @returns what it answered, for people */
export async function useOrders(world: World): Promise<string> {
  const { address, namespace, home, apply, install } = world;
  const inNamespace = (...args: string[]) => world.kubectl("--namespace", namespace, ...args);
  const ca = createCertificateAuthority();
  const user = (password: string) => ({ password, databases: ["orders"] });
  const users = { orders: user(PASSWORD.before), "orders-2": user(PASSWORD.after) };
  const login = await startLoginProvider({ ca, address });
  const database = await startMongoDB({ users, address });
  try {
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await apply(JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } }));
    for (const one of [home, namespace]) {
      const metadata = { name: CA, namespace: one };
      await apply(JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { "ca.crt": ca.caPem } }));
    }
    const ports = [new URL(login.issuer).port, database.port];
    await install(
      "--set=verify.offline=false",
      `--set=egress.allow={${address}/32}`,
      `--set=caBundle.configMap.name=${CA}`,
      `--set=networkPolicy.checkPorts={${ports.join()}}`,
    );

    // First what reads the Secrets, then what publishes them: the Pod waits.
    await apply(JSON.stringify(await deployment(world)));
    for (const file of EXAMPLES) {
      const yaml = (await readFile(file, "utf8"))
        .replace("https://id.example.com/.well-known/jwks.json", login.jwksUri)
        .replace("mongodb.example.com:27017", `${address}:${database.port}`);
      await apply(yaml, "--namespace", namespace);
    }
    const isReady = async () => {
      await inNamespace("wait", "--for=condition=Ready", "appsecrets", "--all", "--timeout=60s");
      await inNamespace("rollout", "status", "deployment/orders", "--timeout=90s");
    };
    await isReady();
    for (const name of ["orders-login", "orders-db"]) {
      await inNamespace(
        "wait",
        "--for=jsonpath={.status.conditions[?(@.type=='Verified')].reason}=Verified",
        `appsecret/${name}`,
        "--timeout=30s",
      );
    }
    const token = await login.issueToken({ audience: "orders-api" });
    const stranger = await ask(world);
    assert.equal(stranger.status, 401);
    const first = await ask(world, token);
    assert.equal(first.status, 200, first.body);
    assert.match(first.body, /"visits":1,"features":\["new-checkout","fast-search"\]/);

    // Another user of the database: checked, published, and the Deployment rolled by spec.restart of the example.
    const uri = database.uri({ name: "orders-2", password: PASSWORD.after });
    await inNamespace("patch", "secret", "mongodb-credentials", "-p", JSON.stringify({ stringData: { uri } }));
    await inNamespace("wait", "--for=jsonpath={.metadata.generation}=2", "deployment/orders", "--timeout=60s");
    await isReady();
    const second = await ask(world, token);
    assert.match(second.body, /"visits":2,/);
    return `without a token ${stranger.status}, with one ${first.status} ${first.body}, with another user of the database ${second.body}`;
  } finally {
    await Promise.all([login.stop(), database.stop()]);
    await world.kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=false");
  }
}

/** As it is in examples/, but for the image and for a CA that only this run knows. */
async function deployment({ image, pullPolicy, namespace }: World): Promise<object> {
  const object = parse(await readFile(DEPLOYMENT, "utf8")) as {
    metadata: { namespace?: string };
    spec: { template: { spec: { containers: Container[]; volumes: object[] } } };
  };
  object.metadata.namespace = namespace;
  const { containers, volumes } = object.spec.template.spec;
  const [container] = containers;
  Object.assign(container!, { image, imagePullPolicy: pullPolicy });
  container!.env.push({ name: "NODE_EXTRA_CA_CERTS", value: "/etc/ca/ca.crt" });
  container!.volumeMounts.push({ name: CA, mountPath: "/etc/ca", readOnly: true });
  volumes.push({ name: CA, configMap: { name: CA } });
  return object;
}

type Container = { env: object[]; volumeMounts: object[] };

/** A request to the application, through a connection that kubectl forwards. */
async function ask({ kubectlPath, namespace }: World, token?: string): Promise<{ status: number; body: string }> {
  const args = ["--namespace", namespace, "port-forward", "deployment/orders", ":http"];
  const forward = spawn(kubectlPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = (await once(createInterface({ input: forward.stdout }), "line")) as [string];
    const [, port] = /127\.0\.0\.1:(\d+)/.exec(line) ?? [];
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const reply = await fetch(`http://127.0.0.1:${port}/`, { headers });
    return { status: reply.status, body: (await reply.text()).trim() };
  } finally {
    forward.kill();
  }
}
