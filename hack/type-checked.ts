import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { create } from "ts-node";

/**
 * `npm run dev`: `node --import ./hack/type-checked.ts operator/main.ts` checks the types of every file before it runs it,
 * where plain Node only strips them. A type error ends the program before the file's first line.
 *
 * ts-node's compiler is called from a hook in this file: its own loader runs in a thread of Node's that is deprecated, and its
 * errors arrive from there without their text.
 */

const compiler = create();

registerHooks({
  load(url, context, nextLoad) {
    if (!url.startsWith("file:") || !url.endsWith(".ts")) return nextLoad(url, context);
    const file = fileURLToPath(url);
    return { format: "module", shortCircuit: true, source: compiler.compile(readFileSync(file, "utf8"), file) };
  },
});
