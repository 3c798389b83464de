// `helm test`: creates an AppSecret, waits for its Secret and deletes it again. Runs in the operator's image.
import { readFileSync } from "node:fs";

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, TEST_NAMESPACE: namespace } = process.env;
const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
const name = `helm-test-${Math.random().toString(36).slice(2, 8)}`;
const appSecrets = `/apis/appsecret.dev/v1/namespaces/${namespace}/appsecrets`;

async function ask(method, path, body) {
  const reply = await fetch(`${server}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${readFileSync(`${ACCOUNT}/token`, "utf8")}`,
      "content-type": "application/json",
    },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  });
  const text = await reply.text();
  if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`);
  return JSON.parse(text);
}

const custom = { data: { GREETING: { value: "hello" } } };
await ask("POST", appSecrets, {
  apiVersion: "appsecret.dev/v1",
  kind: "AppSecret",
  metadata: { name },
  spec: { type: "Custom", custom },
});
try {
  for (let attempt = 1; ; attempt += 1) {
    const { status } = await ask("GET", `${appSecrets}/${name}`);
    const ready = status?.conditions?.find(({ type }) => type === "Ready");
    if (ready?.status === "True") break;
    if (attempt === 60) throw new Error(`not ready after a minute: ${ready?.message ?? "nobody has looked at it"}`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  const { data } = await ask("GET", `/api/v1/namespaces/${namespace}/secrets/${name}`);
  if (atob(data.GREETING) !== "hello") throw new Error("the Secret does not hold what the AppSecret says");
  console.log(`AppSecret ${namespace}/${name} was published.`);
} finally {
  await ask("DELETE", `${appSecrets}/${name}`);
}
