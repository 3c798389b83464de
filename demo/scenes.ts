/** What the demo shows, scene by scene. Each scene checks that what it claims has happened. */
import type { ControlPlane } from "#testbed/control-plane/index";
import { goDown, keepLastGood, refuseMistakes, repairMistakes } from "./live-checks.ts";
import { reader } from "./reader.ts";
import type { Scene } from "./scene.ts";
import { watchSecrets } from "./secret-watch.ts";
import type { SecretWatch } from "./secret-watch.ts";
import type { Servers } from "./servers.ts";
import type { Stage } from "./stage.ts";
import { runWorkload } from "./workload.ts";

/** A namespace is an environment. `dev` gets the examples by hand, `production` as a GitOps tool would apply them. */
export const NAMESPACES = ["dev", "production"] as const;

/** A new policy acts once the API server has learned of the type that it reads: some seconds, more on a busy machine. */
const POLICY_WITHIN_MS = 60_000;

/** @throws DemoError at the first thing that did not happen */
export async function play(cluster: ControlPlane, stage: Stage, servers: Servers, directory: string): Promise<void> {
  const scene: Scene = { stage, read: reader(stage), servers, directory, env: cluster.env };
  await refuseMistakes(scene);
  await repairMistakes(scene);
  await keepLastGood(scene);
  await goDown(scene);
  await runWorkload(scene);
  await refuseSecond(scene);
  await refuseTypos(scene);
  const watch = await watchSecrets(cluster.env, "dev");
  try {
    await restore(scene, watch);
    await rotate(scene, watch);
  } finally {
    await watch.stop();
  }
  stage.say(`\nThe demo checked each of the ${stage.facts} facts marked ✔.`);
}

async function refuseSecond({ stage, read }: Scene): Promise<void> {
  stage.heading("A second Authentication in a namespace is refused");
  const second = "sed 's/name: orders-login/name: another-login/' examples/authentication.yaml";
  await refusedInTime(stage, `${second} |\n    kubectl create --dry-run=server -n dev -f -`);
  const { code, stderr } = await stage.run(`${second} |\n    kubectl apply -n dev -f -`);
  await stage.fact("The request is refused, and the message names the existing one: orders-login.", async () => {
    const names = (await read.appSecrets("dev")).map(({ metadata }) => metadata.name);
    return (
      code !== 0 &&
      stderr.includes("already has an AppSecret of type Authentication: orders-login") &&
      !names.includes("another-login")
    );
  });
}

/** Until this command is refused; says so when that takes a while. */
async function refusedInTime(stage: Stage, command: string): Promise<void> {
  const deadline = performance.now() + POLICY_WITHIN_MS;
  for (let said = false; performance.now() < deadline;) {
    if ((await stage.attempt(command)).code !== 0) return;
    if (!said) stage.say("(Waiting: an API server enforces a new policy after some seconds.)");
    said = true;
  }
}

async function refuseTypos({ stage, read }: Scene): Promise<void> {
  stage.heading("A typo is refused, with a message that helps");
  const before = await read.appSecret("dev", "orders-login");
  const field = await stage.run(
    "sed 's/jwksUri:/jwksUrl:/' examples/authentication.yaml |\n    kubectl create -n default -f -",
  );
  await stage.fact("The message names the unknown field.", () => field.code !== 0 && field.stderr.includes("jwksUrl"));
  const scheme = await stage.run("sed 's/https:/http:/' examples/authentication.yaml |\n    kubectl apply -n dev -f -");
  await stage.fact("The message names the field and says what its value must be.", async () => {
    const after = await read.appSecret("dev", "orders-login");
    const isRefused = scheme.code !== 0 && scheme.stderr.includes("jwksUri: ") && scheme.stderr.includes("https://");
    return isRefused && after.metadata.generation === before.metadata.generation;
  });
}

async function restore({ stage, read }: Scene, watch: SecretWatch): Promise<void> {
  stage.heading("A Secret that somebody deletes or edits is restored");
  const before = await read.secret("dev", "orders-login");
  await stage.run("kubectl delete secret orders-login -n dev");
  const took = () => watch.between(["DELETED", "orders-login"], ["ADDED", "orders-login"]);
  await stage.fact(
    () => `It was restored ${ms(took())} later, with the same content.`,
    async () => took() !== undefined && (await read.secret("dev", "orders-login")).data === before.data,
  );
  await stage.run(`kubectl patch secret orders-login -n dev -p '{"stringData":{"AUDIENCE":"somebody-else"}}'`);
  await stage.fact(
    "The edited value was restored.",
    async () => (await read.secret("dev", "orders-login")).data === before.data,
  );
}

async function rotate({ stage, read }: Scene, watch: SecretWatch): Promise<void> {
  stage.heading("Rotated credentials are checked, then published");
  await stage.run(
    "sed -f $DEMO/local.sed -e 's|orders:|orders-2:|' examples/database.yaml |\n    kubectl apply -n dev -f -",
  );
  const took = () => watch.between(["MODIFIED", "mongodb-credentials"], ["MODIFIED", "orders-db"]);
  await stage.fact(
    () => `The database accepted the new login, and Secret orders-db had it ${ms(took())} later.`,
    async () => {
      const { values } = await read.secret("dev", "orders-db");
      return took() !== undefined && values["MONGODB_URI"]?.startsWith("mongodb://orders-2:") === true;
    },
  );
}

/** Of two lines that arrive together it is known only that they were less than a millisecond apart. */
function ms(duration: number | undefined): string {
  return duration === undefined || duration < 1 ? "less than 1 ms" : `${Math.round(duration)} ms`;
}
