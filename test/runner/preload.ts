import { registerHooks } from "node:module";

/**
 * Preloaded into every test file (`node --import`): gives it test/runner/uvu.ts where it imports "uvu", so that the runner
 * hears the name of each test. uvu itself prints a dot. A test file that is run by hand, without this, gets plain uvu.
 */

const telling = new URL("uvu.ts", import.meta.url).href;

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier !== "uvu" || context.parentURL === telling) return nextResolve(specifier, context);
    return { url: telling, format: "module-typescript", shortCircuit: true };
  },
});
