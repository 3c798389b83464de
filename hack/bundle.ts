/**
 * Bundles the operator into one file that needs nothing but Node: the content of the image.
 *
 *     node hack/bundle.ts [folder]      writes dist/, or the folder
 *
 * The folder then has `operator/main.js` with its source map, a package.json that makes it an ES module, its license, and
 * those of all bundled packages.
 */
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import type { Metafile } from "esbuild";

const ROOT = join(import.meta.dirname, "..");

/** CommonJS packages in an ES module ask for Node's own modules by `require`. */
const BANNER = `import { createRequire as bundledCreateRequire } from "node:module"; const require = bundledCreateRequire(import.meta.url);`;

/** @returns the bundled packages, by name, sorted */
export async function bundle(folder: string): Promise<string[]> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { "operator/main": "operator/main.ts" },
    outdir: resolve(folder),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    sourcemap: "linked",
    // A stack trace needs names and lines; the text of the packages would double the size.
    sourcesContent: false,
    // The names of functions and classes stay: stack traces and error names are read by people.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    banner: { js: BANNER },
    metafile: true,
    logLevel: "warning",
  });
  const packages = bundledPackages(metafile);
  const { name, version, type, license } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as Record<
    string,
    unknown
  >;
  await writeFile(join(folder, "package.json"), `${JSON.stringify({ name, version, type, license }, null, 2)}\n`);
  await copyFile(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
  await writeFile(join(folder, "THIRD-PARTY-LICENSES.txt"), await licenses(packages));
  return packages.map((path) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length));
}

/** Their folders, from the root of the repository. */
function bundledPackages(metafile: Metafile): string[] {
  const folders = Object.keys(metafile.inputs).flatMap(
    (input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? [],
  );
  return [...new Set(folders)].sort();
}

async function licenses(folders: readonly string[]): Promise<string> {
  const texts = folders.map(async (folder) => {
    const path = join(ROOT, folder);
    const own = JSON.parse(await readFile(join(path, "package.json"), "utf8")) as Record<string, unknown>;
    const files = (await readdir(path)).filter((name) => /^(licen[cs]e|notice|copying)/i.test(name));
    const found = await Promise.all(files.map((name) => readFile(join(path, name), "utf8")));
    const title = `${String(own["name"])} ${String(own["version"])} (${String(own["license"])})`;
    return [title, ...found.map((text) => text.trim())].join("\n\n");
  });
  return `${(await Promise.all(texts)).join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

if (import.meta.main) {
  const folder = process.argv[2] ?? join(ROOT, "dist");
  const packages = await bundle(folder);
  console.log(`${folder} has the operator and ${packages.length} packages: ${packages.join(", ")}`);
}
