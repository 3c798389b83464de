import { isDeepStrictEqual } from "node:util";
import { HOLDS_LABEL, OWNER_ANNOTATION } from "#api/names";
import type { AppSecret } from "#api/schema/spec";
import type { Environment, Secret } from "#support/operator/environment";
import { base64, decoded, state } from "#support/operator/environment";
import { custom, database, from, login } from "#support/operator/specs";
import { eventually } from "#support/operator/eventually";
import type { Action, Model, Outcome, Spec, View } from "./model.ts";
import { act, EMPTY, JWKS_URI, mongodbUri, reachable, settled, view } from "./model.ts";
import type { Stage } from "./stage.ts";
import type { Trouble } from "./troubles.ts";

/** What people do, part by part: within a part nobody waits, after it all must come to what the model says. */
export type Story = readonly (readonly Action[])[];

/** What happened instead of what the model says. */
export class Broken extends Error {}

/**
 * Plays a story in a namespace that has been empty so far.
 *
 * @param options `patienceMs` for each part to settle; `during` is called before each
 * @throws Broken
 */
export async function play(
  story: Story,
  env: Environment,
  stage: Stage,
  { patienceMs, during }: { patienceMs: number; during?: Trouble["during"] },
): Promise<void> {
  const history = await stage.watch(env);
  let models: readonly Model[] = [EMPTY];
  const contents = new Set<string>();
  const remember = (some: readonly Model[]) => {
    for (const { secrets } of some)
      for (const [name, { data }] of Object.entries(secrets)) contents.add(contentKey(name, data));
  };

  for (const [index, part] of story.entries()) {
    await during?.(stage, index);
    for (const action of part) {
      const possible = reachable(models);
      remember(possible);
      const outcome = await perform(action, env, stage);
      models = act(possible, action, outcome);
      const said = `part ${index + 1}, ${JSON.stringify(action)}: ${outcome}, which is impossible`;
      if (models.length === 0) throw new Broken(said);
    }
    const possible = reachable(models);
    remember(possible);
    const ends = settled(possible);
    models = await comesToOneOf(ends, env, patienceMs).catch((error: unknown) => {
      throw new Broken(`after part ${index + 1}, ${JSON.stringify(part)}: ${(error as Error).message}`);
    });
    await stage.settled();
    const violations = history.violations((name, content) => contents.has(`${name} ${content}`));
    if (violations.length > 0)
      throw new Broken(`in part ${index + 1}, ${JSON.stringify(part)}: ${violations.join("; ")}`);
    history.mark();
  }
}

async function comesToOneOf(ends: readonly Model[], env: Environment, patienceMs: number): Promise<readonly Model[]> {
  return eventually(async () => {
    const seen = await observe(env);
    const matching = ends.filter((end) => isDeepStrictEqual(view(end), seen));
    if (matching.length > 0) return matching;
    const nearest = ends.map((end) => JSON.stringify(view(end))).slice(0, 3);
    throw new Error(
      `it should be one of ${ends.length}:\n  ${nearest.join("\n  ")}\nand is\n  ${JSON.stringify(seen)}`,
    );
  }, patienceMs);
}

async function observe({ api, paths }: Environment): Promise<View> {
  const appSecrets = await api.get<{ items: AppSecret[] }>(paths.appSecrets);
  const secrets = await api.get<{ items: Secret[] }>(paths.secrets);
  return {
    appSecrets: Object.fromEntries(appSecrets.items.map((one) => [one.metadata.name, viewOf(one)])),
    secrets: Object.fromEntries(
      secrets.items.map((secret) => {
        const owner = secret.metadata.annotations?.[OWNER_ANNOTATION];
        const controller = secret.metadata.ownerReferences?.find((reference) => reference.controller === true)?.name;
        const more = { ...(owner === undefined ? {} : { owner }), ...(controller === undefined ? {} : { controller }) };
        return [secret.metadata.name, { data: decoded(secret), ...more }];
      }),
    ),
  };
}

function viewOf(appSecret: AppSecret): View["appSecrets"][string] {
  const { metadata, spec, status } = appSecret;
  const isCurrent = status?.observedGeneration === metadata.generation;
  return { ready: isCurrent ? state(appSecret, "Ready") : "", holds: metadata.labels?.[HOLDS_LABEL] === spec.type };
}

async function perform(action: Action, env: Environment, stage: Stage): Promise<Outcome> {
  const { api, paths } = env;
  switch (action.do) {
    case "crash":
      stage.crash();
      return "done";
    case "apply":
      return apply(action, env);
    case "delete":
      await env.deleteAppSecret(action.name);
      return "done";
    case "write": {
      const data = { k: base64(action.text) };
      for (;;) {
        if (await merged(env, action.secret, { data })) return "changed";
        const made = await api.request("POST", paths.secrets, { body: { metadata: { name: action.secret }, data } });
        if (made.status === 201) return "made";
        if (made.status !== 409) throw new Error(made.text);
      }
    }
    case "remove": {
      const { status, text } = await api.request("DELETE", paths.secret(action.secret));
      if (status !== 404 && status >= 300) throw new Error(text);
      return status === 404 ? "absent" : "done";
    }
    case "give": {
      const patch = { metadata: { annotations: { [OWNER_ANNOTATION]: action.owner } } };
      return (await merged(env, action.secret, patch)) ? "done" : "absent";
    }
  }
}

/** Server-side apply as a person; refused where the admission policy knows a holder already. */
async function apply({ name, spec, past }: Extract<Action, { do: "apply" }>, env: Environment): Promise<Outcome> {
  const { api, paths } = env;
  const others = async () => {
    const { items } = await api.get<{ items: AppSecret[] }>(paths.appSecrets);
    return items.filter((item) => item.spec.type === spec.type && item.metadata.name !== name);
  };
  if (past === true && spec.type !== "Custom") {
    for (const { metadata } of await others()) {
      const patch = {
        body: { metadata: { labels: { [HOLDS_LABEL]: null } } },
        contentType: "application/merge-patch+json",
      };
      await api.request("PATCH", paths.appSecret(metadata.name), patch);
    }
  }
  return eventually(async () => {
    const { status, text } = await api.request("PATCH", `${paths.appSecret(name)}?force=true&fieldValidation=Strict`, {
      body: { apiVersion: "appsecret.dev/v1", kind: "AppSecret", metadata: { name }, spec: specOf(spec) },
      contentType: "application/apply-patch+yaml",
    });
    if (status < 300) return "done";
    if (!text.includes("A namespace can have only one")) throw new Error(text);
    // The policy is a little behind: it may still know one that was deleted a moment ago.
    if ((await others()).length === 0) throw new Error(`refused without reason: ${text}`);
    return "refused";
  });
}

async function merged({ api, paths }: Environment, secret: string, patch: object): Promise<boolean> {
  const contentType = "application/merge-patch+json";
  const { status, text } = await api.request("PATCH", paths.secret(secret), { body: patch, contentType });
  if (status !== 404 && status >= 300) throw new Error(text);
  return status !== 404;
}

/** The model's spec as an AppSecret's. */
function specOf({ type, target, retain, suspend, enabled, value }: Spec): object {
  const more = {
    ...(target === undefined ? {} : { target: { name: target } }),
    deletionPolicy: retain ? "Retain" : "Delete",
    suspend,
  };
  switch (type) {
    case "Authentication":
      return login({
        ...more,
        authentication: { jwksUri: JWKS_URI, audience: "text" in value ? value.text : "", enabled },
      });
    case "Database":
      return database(more, "text" in value ? { value: mongodbUri(value.text) } : from(value.source, "k"));
    case "Custom":
      return custom({ A: "text" in value ? value.text : from(value.source, "k"), FIXED: "fixed" }, more);
  }
}

function contentKey(name: string, data: Readonly<Record<string, string>>): string {
  return `${name} ${JSON.stringify(Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1)))}`;
}
