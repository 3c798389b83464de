import type { Environment } from "./environment.ts";
import { condition, decoded, state } from "./environment.ts";
import { eventually } from "./eventually.ts";

/** Waits for tests in which something goes wrong meanwhile: the caller says how long, in ms. */

export async function ready(env: Environment, name: string, says: string, ms: number): Promise<void> {
  await eventually(async () => {
    const found = await env.appSecret(name);
    const { observedGeneration, message } = condition(found, "Ready");
    if (state(found, "Ready") === says && observedGeneration === found.metadata.generation) return;
    throw new Error(`${name} is not ${says} but ${state(found, "Ready")}: ${message}`);
  }, ms);
}

export async function holds(env: Environment, secret: string, key: string, value: string, ms: number): Promise<void> {
  await eventually(async () => {
    const found = (await env.values(secret))[key];
    if (found !== value) throw new Error(`${key} of Secret ${secret} is ${found}`);
  }, ms);
}

/** The Secret holds exactly this. */
export async function holdsOnly(
  env: Environment,
  name: string,
  data: Record<string, string>,
  ms: number,
): Promise<void> {
  const sorted = (of: Record<string, string>) => JSON.stringify(Object.entries(of).sort());
  await eventually(async () => {
    const found = decoded(await env.secret(name));
    if (sorted(found) !== sorted(data)) throw new Error(`Secret ${name} holds ${JSON.stringify(found)}`);
  }, ms);
}

export async function gone(env: Environment, secret: string, ms: number): Promise<void> {
  await eventually(async () => {
    if (await env.findSecret(secret)) throw new Error(`Secret ${secret} is still there`);
  }, ms);
}
