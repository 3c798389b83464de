/** The pages that people read, and what is in them. */
import { globSync, readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";

export const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "CHANGELOG.md",
  ...globSync("docs/**/*.md").toSorted(),
];

export function read(page: string): string {
  return readFileSync(page, "utf8");
}

/** A page without what stands between fences: a `#` there is a comment of a shell, and no heading. */
export function prose(page: string): string {
  return read(page).replaceAll(/^ *```[\s\S]*?^ *```$/gm, "");
}

export type Manifest = { apiVersion?: string; kind?: string; metadata?: { name?: string }; spec?: unknown };

/** The objects in a page's YAML snippets. */
export function manifests(page: string): Manifest[] {
  return [...read(page).matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].flatMap(([, text]) =>
    parseAllDocuments(text ?? "").map((document) => document.toJS() as Manifest),
  );
}
