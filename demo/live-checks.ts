/** The mistakes that no API server can find: the operator checks each AppSecret against the server that it names. */
import { isReady, reasonOf } from "./reader.ts";
import type { PublishedContent } from "./reader.ts";
import type { Scene } from "./scene.ts";
import { DemoError } from "./stage.ts";

/** One of each kind, published only when the login provider, the database or Atlas accepts it. */
type Kind = { what: string; namespace: string; name: string; apply(edit?: string): string };

const LOCAL = "sed -f $DEMO/local.sed";
/** `edit` makes a mistake in what is applied. */
const LOGIN: Kind = {
  what: "Login provider",
  ...{ namespace: "dev", name: "orders-login" },
  apply: (edit) => `${LOCAL}${script(edit)} examples/authentication.yaml |\n    kubectl apply -n dev -f -`,
};
const DATABASE: Kind = {
  what: "Database",
  ...{ namespace: "dev", name: "orders-db" },
  apply: (edit) => `${LOCAL}${script(edit)} examples/database.yaml |\n    kubectl apply -n dev -f -`,
};
const ATLAS: Kind = {
  what: "Atlas",
  ...{ namespace: "production", name: "orders-db" },
  apply: (edit) =>
    `kubectl kustomize examples/gitops/production |\n    ${LOCAL}${script(edit)} |\n    kubectl apply -f -`,
};
const KINDS: readonly Kind[] = [LOGIN, DATABASE, ATLAS];

function script(edit: string | undefined): string {
  return edit === undefined ? "" : ` -e '${edit}'`;
}

/** One of each kind with a mistake that only its server can find. */
export async function refuseMistakes(scene: Scene): Promise<void> {
  const { stage, read } = scene;
  stage.heading("Three mistakes that look right: none is published");
  stage.say("The examples name placeholder hosts. This script replaces them by the servers above:");
  await stage.run("cat $DEMO/local.sed");
  await stage.run("kubectl create namespace dev");

  stage.say("\nA jwksUri that leads to the sign-in page:");
  await refused(scene, LOGIN, "s|/jwks$|/sign-in|", "RejectedNotJWKS");
  stage.say("\nA wrong password:");
  await refused(scene, DATABASE, "s|orders:[^@]*@|orders:wrong@|", "RejectedAuthentication");

  stage.say(
    "\nProduction is a second environment, applied as a GitOps tool applies it. It names an Atlas cluster that does not " +
      "exist. The Atlas API key is not in the repository; you create it in the cluster.",
  );
  await stage.run(ATLAS.apply("s|orders-production|order-production|"));
  await stage.fact(
    "Until the API key exists, the status names the missing Secret.",
    async () => reasonOf(await read.appSecret("production", "orders-db"), "Ready") === "SourceNotFound",
  );
  const create = "kubectl create secret generic atlas-credentials -n production --from-file=$DEMO/atlas-key";
  await refusedBy(scene, ATLAS, create, "RejectedCluster");
  await stage.run("kubectl get appsecrets -A");
}

export async function repairMistakes({ stage, read }: Scene): Promise<void> {
  stage.heading("Fixed, all three are published");
  for (const kind of KINDS) await stage.run(kind.apply());
  await stage.fact("All three pass their checks and are published.", async () => {
    const all = await Promise.all(KINDS.map(({ namespace, name }) => read.appSecret(namespace, name)));
    return all.every((appSecret) => isReady(appSecret) && reasonOf(appSecret, "Verified") === "Verified");
  });
  await stage.run("kubectl get appsecrets -A");
  await stage.fact("MONGODB_URI in production has the address that the Atlas API returned.", async () => {
    const { values } = await read.secret("production", "orders-db");
    return values["MONGODB_URI"]?.startsWith("mongodb+srv://orders-production.") === true;
  });
}

/** An update with a mistake takes nothing away from the workloads. */
export async function keepLastGood(scene: Scene): Promise<void> {
  const { stage, read } = scene;
  stage.heading("A broken update leaves the working Secret in place");
  stage.say("A path without a key set, a database that the user may not use, a paused Atlas cluster:");
  const before = new Map<Kind, PublishedContent>();
  for (const kind of KINDS) before.set(kind, await read.secret(kind.namespace, kind.name));
  const keptBy = (kind: Kind) => before.get(kind);
  await refused(scene, LOGIN, "s|/jwks$|/keys|", "RejectedHTTPStatus", keptBy(LOGIN));
  await refused(scene, DATABASE, "s|name: orders$|name: invoices|", "RejectedNotAuthorized", keptBy(DATABASE));
  await refused(scene, ATLAS, "s|orders-production|orders-archive|", "RejectedClusterPaused", keptBy(ATLAS));
  await stage.run("kubectl get appsecrets -A");
  for (const kind of KINDS) await stage.quietly(kind.apply());
  await stage.fact("With the mistakes fixed, all are ready again.", async () =>
    (await read.appSecrets()).every(isReady),
  );
}

/** An AppSecret with a mistake is rejected, and its Secret stays what it was: none, or `kept`. */
async function refused(scene: Scene, kind: Kind, edit: string, reason: string, kept?: PublishedContent): Promise<void> {
  await refusedBy(scene, kind, kind.apply(edit), reason, kept);
}

async function refusedBy(
  { stage, read }: Scene,
  { what, namespace, name }: Kind,
  command: string,
  reason: string,
  kept?: PublishedContent,
): Promise<void> {
  await stage.run(command);
  const then =
    kept === undefined
      ? "Nothing is published."
      : `Secret ${name} is unchanged, at resource version ${kept.resourceVersion}.`;
  await stage.fact(`${what}: ${reason}. ${then}`, async () => {
    if (reasonOf(await read.appSecret(namespace, name), "Ready") !== reason) return false;
    const { data, resourceVersion } = await read.secret(namespace, name);
    const was = kept ?? { data: "[]", resourceVersion: "" };
    if (data === was.data && resourceVersion === was.resourceVersion) return true;
    throw new DemoError(`✘ AppSecret ${name} in ${namespace} was rejected, but its Secret was written.`);
  });
  await stage.run(`kubectl get appsecret ${name} -n ${namespace} \\
    -o 'jsonpath={.status.conditions[0].message}'`);
}

/** A server that does not respond has not rejected what is published. */
export async function goDown({ stage, read, servers }: Scene): Promise<void> {
  stage.heading("The database goes down: the working Secret stays");
  const before = await read.secret("dev", "orders-db");
  await servers.database.goDown();
  stage.say(
    "The demo makes the database unreachable. The operator checks it every 10 minutes, and at once when you request it:",
  );
  await stage.run("kubectl annotate appsecret orders-db -n dev --overwrite appsecret.dev/check-now=$(date +%s)");
  await stage.fact("The status reports the outage. The AppSecret stays ready, its Secret unchanged.", async () => {
    const appSecret = await read.appSecret("dev", "orders-db");
    const after = await read.secret("dev", "orders-db");
    const isKept = after.data === before.data && after.resourceVersion === before.resourceVersion;
    return isReady(appSecret) && reasonOf(appSecret, "Verified") === "UnreachableRefused" && isKept;
  });
  const message = '{.status.conditions[?(@.type=="Verified")].message}';
  await stage.run(`kubectl get appsecret orders-db -n dev \\
    -o 'jsonpath=${message}'`);
  await stage.run("kubectl get appsecret orders-db -n dev");
  await servers.database.comeBack();
  await stage.run("kubectl annotate appsecret orders-db -n dev --overwrite appsecret.dev/check-now=it-is-back");
  await stage.fact("The database is back, and its check passes.", async () => {
    return reasonOf(await read.appSecret("dev", "orders-db"), "Verified") === "Verified";
  });
}
