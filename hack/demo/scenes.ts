/** What a person wants to see, one scene after another. Each checks by itself that it happened. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Stage } from "./stage.ts";

/** A namespace is an environment. */
export const ENVIRONMENTS = ["staging", "production"] as const;
const [ENV] = ENVIRONMENTS;

export async function play(stage: Stage): Promise<void> {
  await publish(stage);
  await refuseSecond(stage);
  await refuseTypo(stage);
  await bringBack(stage);
  await keepLastGood(stage);
  await rotate(stage);
}

async function publish(stage: Stage): Promise<void> {
  stage.heading("Two environments, three AppSecrets in each");
  for (const environment of ENVIRONMENTS) {
    await stage.quietly(["create", "namespace", environment]);
    await stage.kubectl(["apply", "-n", environment, "-f", "examples/"]);
  }
  for (const environment of ENVIRONMENTS) {
    await stage.fact(`All AppSecrets of ${environment} are Ready.`, async () => {
      const ready = await read(
        stage,
        environment,
        "appsecrets",
        '{.items[*].status.conditions[?(@.type=="Ready")].status}',
      );
      return ready === "True True True";
    });
  }
  await stage.kubectl(["get", "appsecrets", "-A"]);
  stage.say("\nEach has become an ordinary Secret, which a workload mounts or reads by envFrom:");
  const { stdout } = await stage.kubectl(["get", "secret", "orders-db", "-n", ENV, "-o", "jsonpath={.data}"], {
    shown: masked,
  });
  await stage.fact("Secret orders-db has the keys DATABASE_NAME and DATABASE_URL, with their values.", () => {
    const data = JSON.parse(stdout) as Record<string, string>;
    const url = Buffer.from(data["DATABASE_URL"] ?? "", "base64").toString();
    return Object.keys(data).sort().join() === "DATABASE_NAME,DATABASE_URL" && url.startsWith("mongodb://");
  });
}

async function refuseSecond(stage: Stage): Promise<void> {
  stage.heading("A second Authentication in a namespace is refused, with the name of the first");
  const second = `apiVersion: appsecret.dev/v1
kind: AppSecret
metadata: { name: another-login }
spec:
  type: Authentication
  authentication: { jwksUri: "https://id.example.com/jwks.json", audience: another }
`;
  // The API server takes some seconds to act on a policy whose CRD is new. What slips through is caught by the operator.
  await waitUntil(
    async () => (await stage.quietly(["create", "--dry-run=server", "-n", ENV, "-f", "-"], second)).code !== 0,
  );
  const { code, stderr } = await stage.kubectl(["apply", "-n", ENV, "-f", "-"], { input: second });
  await stage.fact(
    "It was refused at apply, and the message names orders-login.",
    () => code !== 0 && stderr.includes("orders-login"),
  );
}

async function refuseTypo(stage: Stage): Promise<void> {
  stage.heading("A typo is refused at apply, with a message that helps");
  const typo = `apiVersion: appsecret.dev/v1
kind: AppSecret
metadata: { name: typo }
spec:
  type: Custom
  custom: { data: { API_KEY: { valeu: oops } } }
`;
  const unknown = await stage.kubectl(["apply", "-n", ENV, "-f", "-"], { input: typo });
  await stage.fact("The unknown field is named.", () => unknown.code !== 0 && unknown.stderr.includes("valeu"));
  const patch = '{"spec":{"authentication":{"jwksUri":"http://id.example.com/jwks.json"}}}';
  const http = await stage.kubectl(["patch", "appsecret", "orders-login", "-n", ENV, "--type=merge", "-p", patch]);
  await stage.fact(
    "A JWKS over http is refused, and why.",
    () => http.code !== 0 && http.stderr.includes("must begin with https://"),
  );
}

async function bringBack(stage: Stage): Promise<void> {
  stage.heading("A Secret that is deleted comes back");
  const before = await read(stage, ENV, "secret/orders-login", "{.metadata.uid}");
  await stage.kubectl(["delete", "secret", "orders-login", "-n", ENV]);
  await stage.fact("Secret orders-login is back.", async () => {
    const uid = await read(stage, ENV, "secret/orders-login", "{.metadata.uid}");
    return uid !== "" && uid !== before;
  });
}

async function keepLastGood(stage: Stage): Promise<void> {
  stage.heading("An update that cannot work leaves the Secret that does");
  const before = await read(stage, ENV, "secret/orders-db", "{.data}{.metadata.uid}");
  const patch =
    '{"spec":{"database":{"mongodbUri":{"valueFrom":{"secretKeyRef":{"name":"no-such-secret","key":"uri"}}}}}}';
  await stage.kubectl(["patch", "appsecret", "orders-db", "-n", ENV, "--type=merge", "-p", patch]);
  await stage.fact("Its status says what is missing, and which generation is still served.", async () => {
    const message = await readyMessage(stage);
    return message.includes('"no-such-secret"') && message.includes("still holds generation 1");
  });
  await stage.kubectl(["get", "appsecret", "orders-db", "-n", ENV, "-o", "wide"]);
  const after = await read(stage, ENV, "secret/orders-db", "{.data}{.metadata.uid}");
  await stage.fact("Secret orders-db is as it was.", () => before !== "" && after === before);
  await stage.kubectl(["apply", "-n", ENV, "-f", "examples/database.yaml"]);
  await stage.fact("Repaired, it is Ready again.", async () =>
    (await readyMessage(stage)).includes("holds generation 3"),
  );
}

async function rotate(stage: Stage): Promise<void> {
  stage.heading("A source Secret that changes is published again");
  const uri = "mongodb://orders:another-password@db.example.com:27017/orders";
  const patch = `{"stringData":{"uri":"${uri}"}}`;
  await stage.kubectl(["patch", "secret", "mongodb-credentials", "-n", ENV, "-p", patch]);
  await stage.fact("Secret orders-db has the new connection string.", async () => {
    const url = await read(stage, ENV, "secret/orders-db", "{.data.DATABASE_URL}");
    return Buffer.from(url, "base64").toString() === uri;
  });
}

function readyMessage(stage: Stage): Promise<string> {
  return read(stage, ENV, "appsecret/orders-db", '{.status.conditions[?(@.type=="Ready")].message}');
}

async function read(stage: Stage, namespace: string, what: string, path: string): Promise<string> {
  return (await stage.quietly(["get", what, "-n", namespace, "--ignore-not-found", "-o", `jsonpath=${path}`])).stdout;
}

/** `{"KEY":"dmFsdWU="}` with the values hidden. */
function masked(json: string): string {
  const data = JSON.parse(json) as Record<string, string>;
  return Object.keys(data)
    .map((key) => `${key}: ********\n`)
    .join("");
}

async function waitUntil(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100 && !(await holds()); attempt += 1) await sleep(150);
}
