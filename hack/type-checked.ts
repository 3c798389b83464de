import { register, type LoadHook } from "node:module";
import { isMainThread } from "node:worker_threads";
import { create, createEsmHooks, TSError } from "ts-node";

/**
 * `npm run dev`: `node --import ./hack/type-checked.ts operator/main.ts` checks the types of every file before it runs it,
 * where plain Node only strips them.
 *
 * ts-node does the work. It is wrapped because its errors do not survive the way out of Node's loader thread (what arrives
 * is `[Object: null prototype]`), and so a type error would stop the program without saying where it is.
 */

// Node loads this file twice: by --import, and then as the loader, in a thread of its own.
if (isMainThread) register(import.meta.url);
const checked = isMainThread ? undefined : (createEsmHooks(create()) as unknown as { load: LoadHook });

export const load: LoadHook = async (url, context, nextLoad) => {
  if (checked === undefined) return nextLoad(url, context);
  try {
    return await checked.load(url, context, nextLoad);
  } catch (error) {
    throw error instanceof TSError ? new Error(`types do not hold:\n${error.diagnosticText}`) : error;
  }
};
