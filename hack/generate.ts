/**
 * Writes the files that are generated from the code, or lists those that are stale.
 *
 *     node hack/generate.ts            writes them; `npm run generate` then writes install.yaml as well
 *     node hack/generate.ts --check    exit code 1 and a list when one differs from what would be written
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { stringify } from "yaml";

import { appSecretCrd } from "#manifests/crd";
import { operatorSecretsPolicy, operatorWorkloadsPolicy, uniquenessPolicy } from "#manifests/admission-policies";
import type { PolicyAndBinding } from "#manifests/admission-policies";
import { apiPage } from "./generate/api-page.ts";
import { editorSchema } from "./generate/editor-schema.ts";
import { table } from "./generate/table.ts";
import { UNCHECKED_MECHANISMS } from "#verify/mongodb/mechanisms";
import { MONGODB_OPTIONS } from "#verify/mongodb/options";
import type { OptionRule } from "#verify/mongodb/options";

const ROOT = join(import.meta.dirname, "..");
const CRDS = "crds";
const TEMPLATES = "charts/appsecret-operator/templates/generated";
/** Rendered from the chart by Helm (install-manifest.ts). Whether its CRD is stale can be checked without Helm. */
const INSTALL = "install.yaml";
/** Folders with generated files only: any other file in them is stale. */
const FOLDERS = [CRDS, TEMPLATES, "schemas"];
const HEADER = "# Generated from operator/api by hack/generate.ts: change it there.\n";

/**
 * Path (from the root of the repository) → content. The names sort so that `kubectl apply -f crds/` meets the CRD first:
 * the first policy acts once the API server knows it.
 */
export function generatedFiles(): Map<string, string> {
  return new Map([
    [`${CRDS}/00-appsecret.crd.yaml`, yaml([appSecretCrd()])],
    [`${CRDS}/10-one-per-namespace.policy.yaml`, yaml(uniquenessPolicy())],
    [`${CRDS}/20-operator-secrets.policy.yaml`, yaml(operatorSecretsPolicy())],
    [`${CRDS}/30-operator-workloads.policy.yaml`, yaml(operatorWorkloadsPolicy())],
    ["docs/api.md", apiPage()],
    ["docs/mongodb-options.md", optionsPage()],
    ["schemas/appsecret.schema.json", editorSchema()],
    [`${TEMPLATES}/appsecret.crd.yaml`, template("crds.enabled", [appSecretCrd()], KEEP)],
    [`${TEMPLATES}/one-per-namespace.policy.yaml`, template("crds.enabled", uniquenessPolicy())],
    [`${TEMPLATES}/operator-secrets.policy.yaml`, template("guardPolicy.enabled", secretsPolicy())],
    [`${TEMPLATES}/operator-workloads.policy.yaml`, template("guardPolicy.enabled", workloadsPolicy())],
  ]);
}

/** What Helm fills in. Raw strings in backquotes, because YAML would escape the other quotes. */
const include = (name: string): string => `{{ include \`appsecret-operator.${name}\` . }}`;
const LABELS = `  labels:\n    {{- include "appsecret-operator.labels" . | nindent 4 }}\n`;
const KEEP = `  {{- if .Values.crds.keep }}\n  annotations:\n    helm.sh/resource-policy: keep\n  {{- end }}\n`;

/** The policies limit the release's own ServiceAccount; each release has its own policies. */
const ACCOUNT = { namespace: "{{ .Release.Namespace }}", name: include("serviceAccountName") };
const secretsPolicy = (): PolicyAndBinding => operatorSecretsPolicy(ACCOUNT, include("guardName"));
const workloadsPolicy = (): PolicyAndBinding => operatorWorkloadsPolicy(ACCOUNT, include("workloadsGuardName"));

/** A template of the chart: rendered when the value `condition` is true, with the chart's labels on each object. */
function template(condition: string, documents: readonly Record<string, unknown>[], more = ""): string {
  const content = yaml(documents).replaceAll(/^ {2}name: .*\n/gm, `$&${LABELS}${more}`);
  return content.replace("\n", `\n{{- if .Values.${condition} }}\n`).concat("{{- end }}\n");
}

/** For users whose connection string could not be checked: what the live check does with each option, and why. */
function optionsPage(): string {
  const options = Object.entries(MONGODB_OPTIONS);
  const named = (use: OptionRule["use"]): [string, string][] =>
    options.filter(([, rule]) => rule.use === use).map(([name, { why }]) => [`\`${name}\``, why]);
  const mechanisms = [...UNCHECKED_MECHANISMS].map(([name, why]) => [`\`${name}\``, why] as const);
  return `<!-- Generated from operator/verify/mongodb/options.ts by hack/generate.ts: change it there. -->

# Options of a MongoDB connection string

The [live check](../README.md#live-checks) reads the connection string itself. It uses the options that say where and how to log
in, and ignores those that only an application needs. It validates the value of every option as drivers do: a value that no driver
takes is rejected with the reason \`RejectedURIOption\`. In every case, the operator publishes the string unchanged.

Some options only the application can use: they name files of its container, a proxy, or an identity, or only some drivers know
them. The check uses the rest of the string, and then says what it could not check: \`Verified\` is Unknown with the reason
\`CannotBeChecked\`. With \`verify: BestEffort\`, the default, the AppSecret is published. With \`Strict\` it is not. The same
holds for an option that is in none of these tables, which is often a typing error. The tables are generated from
[options.ts](../operator/verify/mongodb/options.ts).

## Used

${table(["option", "how"], named("Used"))}
## Left to the application

${table(["option", "because it"], named("Unchecked"))}
Values of \`authMechanism\` with which the check does not log in:

${table(["mechanism", "because"], mechanisms)}
## Ignored

${table(["option", "because"], named("Ignored"))}`;
}

/** Paths of the files below `root` that are missing, differ from what is generated, or are not generated at all. */
export function staleFiles(root: string = ROOT): string[] {
  const files = generatedFiles();
  const differing = [...files].filter(([path, content]) => read(join(root, path)) !== content).map(([path]) => path);
  return [...differing, ...leftovers(root, files), ...(hasOurCrd(read(join(root, INSTALL))) ? [] : [INSTALL])];
}

function hasOurCrd(manifest: string | undefined): boolean {
  const crd = yaml([appSecretCrd()]);
  return manifest?.includes(crd.slice(crd.indexOf("\nspec:"))) === true;
}

/** Brings the files below `root` up to date. */
export function writeFiles(root: string = ROOT): void {
  const files = generatedFiles();
  for (const [path, content] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  for (const path of leftovers(root, files)) rmSync(join(root, path));
}

function leftovers(root: string, files: Map<string, string>): string[] {
  return FOLDERS.flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`)).filter(
    (path) => !files.has(path),
  );
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** YAML 1.1, as kubectl reads it: a bare `on` or `y` is a boolean there. No folding: CEL stays on one line. */
function yaml(documents: readonly Record<string, unknown>[]): string {
  const texts = documents.map((document) =>
    stringify(document, { version: "1.1", lineWidth: 0, aliasDuplicateObjects: false }),
  );
  return HEADER + texts.join("---\n");
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    const stale = staleFiles();
    for (const path of stale) console.error(`${path} is stale: run npm run generate`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    writeFiles();
  }
}
