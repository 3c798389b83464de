/** What no API server can find out: each AppSecret is checked against the server that it names before it is published. */
import { isReady, reasonOf } from "./reader.ts";
import type { PublishedContent } from "./reader.ts";
import type { Scene } from "./scene.ts";
import { DemoError } from "./stage.ts";

/** One of each kind. Nothing is published but what the login provider, the database or Atlas has said yes to. */
type Kind = { what: string; namespace: string; name: string; apply(edit?: string): string };

const LOCAL = "sed -f $DEMO/local.sed";
/** `edit` makes a mistake in what is applied. */
const LOGIN: Kind = {
  what: "Login provider",
  ...{ namespace: "dev", name: "orders-login" },
  apply: (edit) => `${LOCAL}${script(edit)} examples/authentication.yaml | kubectl apply -n dev -f -`,
};
const DATABASE: Kind = {
  what: "Database",
  ...{ namespace: "dev", name: "orders-db" },
  apply: (edit) => `${LOCAL}${script(edit)} examples/database.yaml | kubectl apply -n dev -f -`,
};
const ATLAS: Kind = {
  what: "Atlas",
  ...{ namespace: "production", name: "orders-db" },
  apply: (edit) => `kubectl kustomize examples/gitops/production |\n    ${LOCAL}${script(edit)} | kubectl apply -f -`,
};
const KINDS: readonly Kind[] = [LOGIN, DATABASE, ATLAS];

function script(edit: string | undefined): string {
  return edit === undefined ? "" : ` -e '${edit}'`;
}

/** Of each kind one with a mistake, which only the server that it is about can tell. */
export async function refuseMistakes(scene: Scene): Promise<void> {
  const { stage, read } = scene;
  stage.heading("Three mistakes that look right, and none is published");
  stage.say("The examples name hosts that do not exist here. This puts the servers above in their place:");
  await stage.run("cat $DEMO/local.sed");
  await stage.run("kubectl create namespace dev");

  stage.say("\nA login provider's address that leads to its page for people:");
  await refused(scene, LOGIN, "s|/jwks$|/sign-in|", "RejectedNotJWKS");
  stage.say("\nA wrong password:");
  await refused(scene, DATABASE, "s|orders:[^@]*@|orders:wrong@|", "RejectedAuthentication");

  stage.say("\nProduction is another environment, applied as a GitOps tool does it. Its database is on an Atlas");
  stage.say("cluster that does not exist. The API key is in no repository: it comes there in another way.");
  await stage.run(ATLAS.apply("s|orders-production|order-production|"));
  await stage.fact(
    "Until the API key is there, the status says which Secret is missing.",
    async () => reasonOf(await read.appSecret("production", "orders-db"), "Ready") === "SourceNotFound",
  );
  const create = "kubectl create secret generic atlas-credentials -n production --from-file=$DEMO/atlas-key";
  await refusedBy(scene, ATLAS, create, "RejectedCluster");
  await stage.run("kubectl get appsecrets -A");
}

export async function repairMistakes({ stage, read }: Scene): Promise<void> {
  stage.heading("Repaired, each is published");
  for (const kind of KINDS) await stage.run(kind.apply());
  await stage.fact("All three are published: each server said yes.", async () => {
    const all = await Promise.all(KINDS.map(({ namespace, name }) => read.appSecret(namespace, name)));
    return all.every((appSecret) => isReady(appSecret) && reasonOf(appSecret, "Verified") === "Verified");
  });
  await stage.run("kubectl get appsecrets -A");
  await stage.fact("MONGODB_URI of the one in production has the cluster's address, as Atlas told it.", async () => {
    const { values } = await read.secret("production", "orders-db");
    return values["MONGODB_URI"]?.startsWith("mongodb+srv://orders-production.") === true;
  });
}

/** An update with a mistake in it takes nothing away from the workloads. */
export async function keepLastGood(scene: Scene): Promise<void> {
  const { stage, read } = scene;
  stage.heading("A broken update leaves the Secret that works");
  stage.say("A path that has no key set, a database that is not the user's, an Atlas cluster that is paused:");
  const before = new Map<Kind, PublishedContent>();
  for (const kind of KINDS) before.set(kind, await read.secret(kind.namespace, kind.name));
  const keptBy = (kind: Kind) => before.get(kind);
  await refused(scene, LOGIN, "s|/jwks$|/keys|", "RejectedHTTPStatus", keptBy(LOGIN));
  await refused(scene, DATABASE, "s|name: orders$|name: invoices|", "RejectedNotAuthorized", keptBy(DATABASE));
  await refused(scene, ATLAS, "s|orders-production|orders-archive|", "RejectedClusterPaused", keptBy(ATLAS));
  await stage.run("kubectl get appsecrets -A");
  for (const kind of KINDS) await stage.quietly(kind.apply());
  await stage.fact("Repaired as above, all are ready again.", async () => (await read.appSecrets()).every(isReady));
}

/** With a mistake in it, it is refused, and its Secret is what it was: none, or `kept`. */
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
      : `Secret ${name} is as it was, at resource version ${kept.resourceVersion}.`;
  await stage.fact(`${what}: ${reason}. ${then}`, async () => {
    if (reasonOf(await read.appSecret(namespace, name), "Ready") !== reason) return false;
    const { data, resourceVersion } = await read.secret(namespace, name);
    const was = kept ?? { data: "[]", resourceVersion: "" };
    if (data === was.data && resourceVersion === was.resourceVersion) return true;
    throw new DemoError(`✘ AppSecret ${name} in ${namespace} is refused, and yet its Secret was written.`);
  });
  await stage.run(`kubectl get appsecret ${name} -n ${namespace} -o 'jsonpath={.status.conditions[0].message}'`);
}

/** A server that is silent says nothing against what was published. */
export async function goDown({ stage, read, servers }: Scene): Promise<void> {
  stage.heading("The database goes down, and nothing that works is taken away");
  const before = await read.secret("dev", "orders-db");
  await servers.database.goDown();
  stage.say("(The demo cuts it off.) It is checked every 10 minutes, and at once when somebody asks for it:");
  await stage.run("kubectl annotate appsecret orders-db -n dev appsecret.dev/check-now=$(date +%s) --overwrite");
  await stage.fact("The status tells that it does not answer; it stays ready, and its Secret as it was.", async () => {
    const appSecret = await read.appSecret("dev", "orders-db");
    const after = await read.secret("dev", "orders-db");
    const isKept = after.data === before.data && after.resourceVersion === before.resourceVersion;
    return isReady(appSecret) && reasonOf(appSecret, "Verified") === "UnreachableRefused" && isKept;
  });
  const message = '{.status.conditions[?(@.type=="Verified")].message}';
  await stage.run(`kubectl get appsecret orders-db -n dev -o 'jsonpath=${message}'`);
  await stage.run("kubectl get appsecret orders-db -n dev");
  await servers.database.comeBack();
  await stage.run("kubectl annotate appsecret orders-db -n dev appsecret.dev/check-now=it-is-back --overwrite");
  await stage.fact("It is back, and checked.", async () => {
    return reasonOf(await read.appSecret("dev", "orders-db"), "Verified") === "Verified";
  });
}
