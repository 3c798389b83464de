/** What a person wants to see, one scene after another. Each checks by itself that it happened. */
import type { ControlPlane } from "../control-plane/index.ts";
import { isReady, readyReason, reader } from "./reader.ts";
import type { Reader } from "./reader.ts";
import { watchSecrets } from "./secret-watch.ts";
import type { SecretWatch } from "./secret-watch.ts";
import type { Stage } from "./stage.ts";

/** A namespace is an environment. `dev` gets the examples one by one, the others as a GitOps tool would apply them. */
export const NAMESPACES = ["dev", "staging", "production"] as const;

/** A new policy acts once the API server has learned of the type that it reads: some seconds, more on a busy machine. */
const POLICY_WITHIN_MS = 60_000;

type Scene = { stage: Stage; read: Reader; watch: SecretWatch };

export async function play(cluster: ControlPlane, stage: Stage): Promise<void> {
  const read = reader(stage);
  await applyExamples(stage, read);
  await showSecret(stage, read);
  const watch = await watchSecrets(cluster.env, "dev");
  try {
    const scene = { stage, read, watch };
    await refuseSecond(scene);
    await refuseTypos(scene);
    await restore(scene);
    await keepLastGood(scene);
    await rotate(scene);
  } finally {
    await watch.stop();
  }
  stage.say(`\nEach of the ${stage.facts} facts marked ✔ was checked against the API server.`);
}

async function applyExamples(stage: Stage, read: Reader): Promise<void> {
  stage.heading("Three environments");
  stage.say("Each is a namespace: dev gets the examples one by one, the others as a GitOps tool would apply them.");
  await stage.run("kubectl create namespace dev");
  await stage.run("kubectl apply -n dev -f examples/ -f examples/workload/");
  await stage.run("kubectl apply -k examples/gitops/staging");
  await stage.run("kubectl apply -k examples/gitops/production");
  const inDev = async () => {
    const all = await read.appSecrets("dev");
    return all.length === 3 && all.every(isReady);
  };
  await stage.fact("In dev all three are published.", inDev);
  await stage.fact(
    "The GitOps folders hold no secret values: both databases wait for theirs, and say so.",
    async () => {
      const waiting = [await read.appSecret("staging", "orders-db"), await read.appSecret("production", "orders-db")];
      return waiting.every((appSecret) => readyReason(appSecret) === "SourceNotFound");
    },
  );
  await stage.run("kubectl get appsecrets -A");
  await stage.run(
    "kubectl create secret generic mongodb-credentials -n staging --from-literal=uri=mongodb://orders:not-real@staging.example.com/orders",
  );
  await stage.run(
    "kubectl create secret generic atlas-credentials -n production --from-literal=public-key=abcdefgh --from-literal=private-key=not-real --from-literal=password=not-real",
  );
  await stage.fact("Now that the values are there, both databases are published.", async () => {
    const all = [...(await read.appSecrets("staging")), ...(await read.appSecrets("production"))];
    return all.length === 4 && all.every(isReady);
  });
}

async function showSecret(stage: Stage, read: Reader): Promise<void> {
  stage.heading("What a workload reads is an ordinary Secret");
  stage.say("examples/workload/deployment.yaml reads three of them. (There are no nodes here, so no pod starts.)");
  const { stdout } = await stage.run("kubectl describe secret orders-db -n dev");
  await stage.fact("Secret orders-db has the database's name and connection string; no value was shown.", async () => {
    const { uri } = (await read.secret("dev", "mongodb-credentials")).values;
    const { values } = await read.secret("dev", "orders-db");
    const isRight = values["DATABASE_NAME"] === "orders" && uri !== undefined && values["MONGODB_URI"] === uri;
    return isRight && Object.keys(values).length === 2 && !stdout.includes(uri);
  });
}

async function refuseSecond({ stage, read }: Scene): Promise<void> {
  stage.heading("A second Authentication in one environment is refused");
  const second = "sed 's/name: orders-login/name: another-login/' examples/authentication.yaml";
  await refusedInTime(stage, `${second} | kubectl create --dry-run=server -n dev -f -`);
  const { code, stderr } = await stage.run(`${second} | kubectl apply -n dev -f -`);
  await stage.fact("It was refused, and the message names the one that is there: orders-login.", async () => {
    const names = (await read.appSecrets("dev")).map(({ metadata }) => metadata.name);
    return code !== 0 && stderr.includes("AppSecret orders-login") && !names.includes("another-login");
  });
}

/** Until this command is refused; says so when that takes a while. */
async function refusedInTime(stage: Stage, command: string): Promise<void> {
  const deadline = performance.now() + POLICY_WITHIN_MS;
  for (let said = false; performance.now() < deadline;) {
    if ((await stage.attempt(command)).code !== 0) return;
    if (!said) stage.say("(The API server takes some seconds to act on a policy that is new; waiting for it.)");
    said = true;
  }
}

async function refuseTypos({ stage, read }: Scene): Promise<void> {
  stage.heading("A typo is refused, with a message that helps");
  const before = await read.appSecret("dev", "orders-login");
  const field = await stage.run(
    "sed 's/jwksUri:/jwksUrl:/' examples/authentication.yaml | kubectl create -n default -f -",
  );
  await stage.fact(
    "The field that does not exist is named.",
    () => field.code !== 0 && field.stderr.includes("jwksUrl"),
  );
  const scheme = await stage.run("sed 's/https:/http:/' examples/authentication.yaml | kubectl apply -n dev -f -");
  await stage.fact("So is the field with the wrong value, with what it must be.", async () => {
    const after = await read.appSecret("dev", "orders-login");
    const isRefused = scheme.code !== 0 && scheme.stderr.includes("jwksUri: ") && scheme.stderr.includes("https://");
    return isRefused && after.metadata.generation === before.metadata.generation;
  });
}

async function restore({ stage, read, watch }: Scene): Promise<void> {
  stage.heading("A Secret that is deleted or changed by hand comes back");
  const before = await read.secret("dev", "orders-login");
  await stage.run("kubectl delete secret orders-login -n dev");
  const took = () => watch.between(["DELETED", "orders-login"], ["ADDED", "orders-login"]);
  await stage.fact(
    () => `A watch saw it come back ${ms(took())} later, with the same content.`,
    async () => took() !== undefined && (await read.secret("dev", "orders-login")).data === before.data,
  );
  await stage.run(`kubectl patch secret orders-login -n dev -p '{"stringData":{"AUDIENCE":"somebody-else"}}'`);
  await stage.fact(
    "The changed value was put right.",
    async () => (await read.secret("dev", "orders-login")).data === before.data,
  );
}

async function keepLastGood({ stage, read }: Scene): Promise<void> {
  stage.heading("A broken update leaves the Secret that works");
  const before = await read.secret("dev", "orders-db");
  await stage.run("sed 's/key: uri/key: url/' examples/database.yaml | kubectl apply -n dev -f -");
  await stage.fact("Its status says what is wrong.", async () => {
    const broken = await read.appSecret("dev", "orders-db");
    return readyReason(broken) === "SourceKeyNotFound" && broken.status?.secret?.generation === 1;
  });
  await stage.run(
    `kubectl get appsecret orders-db -n dev -o 'jsonpath={.status.conditions[?(@.type=="Ready")].message}'`,
  );
  await stage.fact("Its Secret is untouched.", async () => {
    const after = await read.secret("dev", "orders-db");
    return after.data === before.data && after.resourceVersion === before.resourceVersion;
  });
  await stage.run("kubectl apply -n dev -f examples/database.yaml");
  await stage.fact("Repaired, it is ready again.", async () => isReady(await read.appSecret("dev", "orders-db")));
}

async function rotate({ stage, read, watch }: Scene): Promise<void> {
  stage.heading("A password that is rotated at its source is published");
  const uri = "mongodb://orders:rotated-not-real@mongodb.example.com/orders";
  await stage.run(`kubectl patch secret mongodb-credentials -n dev -p '{"stringData":{"uri":"${uri}"}}'`);
  const took = () => watch.between(["MODIFIED", "mongodb-credentials"], ["MODIFIED", "orders-db"]);
  await stage.fact(
    () => `Secret orders-db had it ${ms(took())} later.`,
    async () => took() !== undefined && (await read.secret("dev", "orders-db")).values["MONGODB_URI"] === uri,
  );
}

/** Of two lines that arrive together it is known only that they were less than a millisecond apart. */
function ms(duration: number | undefined): string {
  return duration === undefined || duration < 1 ? "less than 1 ms" : `${Math.round(duration)} ms`;
}
