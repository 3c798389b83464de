/**
 * Writes the files that are generated from `operator/api`, or says which of them are stale.
 *
 *     node hack/generate.ts            writes them
 *     node hack/generate.ts --check    exit code 1 and a list when one differs from what would be written
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { stringify } from "yaml";

import { appSecretCrd } from "../operator/api/crd.ts";
import { operatorSecretsPolicy, uniquenessPolicy } from "../operator/api/policies.ts";

const ROOT = join(import.meta.dirname, "..");
/** Holds generated files only: what else is found there is stale. */
const FOLDER = "crds";
const HEADER = "# Generated from operator/api by hack/generate.ts: change it there.\n";

/**
 * Path (from the root of the repository) → content. The names sort so that `kubectl apply -f crds/` meets the CRD first:
 * the first policy acts once the API server knows it.
 */
export function generatedFiles(): Map<string, string> {
  return new Map([
    [`${FOLDER}/00-appsecret.crd.yaml`, yaml([appSecretCrd()])],
    [`${FOLDER}/10-one-per-namespace.policy.yaml`, yaml(uniquenessPolicy())],
    [`${FOLDER}/20-operator-secrets.policy.yaml`, yaml(operatorSecretsPolicy())],
  ]);
}

/** Paths of the files below `root` that are missing, differ from what is generated, or are not generated at all. */
export function staleFiles(root: string = ROOT): string[] {
  const files = generatedFiles();
  const differing = [...files].filter(([path, content]) => read(join(root, path)) !== content).map(([path]) => path);
  return [...differing, ...leftovers(root, files)];
}

/** Brings the files below `root` up to date. */
export function writeFiles(root: string = ROOT): void {
  const files = generatedFiles();
  for (const [path, content] of files) writeFileSync(join(root, path), content);
  for (const path of leftovers(root, files)) rmSync(join(root, path));
}

function leftovers(root: string, files: Map<string, string>): string[] {
  return readdirSync(join(root, FOLDER))
    .map((name) => `${FOLDER}/${name}`)
    .filter((path) => !files.has(path));
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** YAML 1.1, which kubectl reads: a bare `on` or `y` would be a boolean to it. No folding: CEL stays on one line. */
function yaml(documents: readonly Record<string, unknown>[]): string {
  const texts = documents.map((document) =>
    stringify(document, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false }),
  );
  return HEADER + texts.join("---\n");
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    const stale = staleFiles();
    for (const path of stale) console.error(`${path} is stale: run node hack/generate.ts`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    writeFiles();
  }
}
