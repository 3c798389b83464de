import { readFileSync } from "node:fs";
import { satisfies, validRange } from "semver";

/**
 * `npm run check:duplicates`: fails if package-lock.json has a version of a package that is not needed, because another
 * installed version satisfies every package that depends on it. It reads the lock file only, so the result is the same
 * offline and on every machine (`npm dedupe --dry-run` contacts the registry, and counts packages that an install script
 * added).
 */

type Locked = {
  version?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
};
type Demand = { by: string; range: string; gets: string };

const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8")) as { packages: Record<string, Locked> };
const FOLDER = "node_modules/";

/** The version that Node finds for `name` from the package at `path`: in the nearest node_modules upwards. */
function resolve(path: string, name: string): string | undefined {
  for (let from = path; ; from = from.slice(0, Math.max(0, from.lastIndexOf(FOLDER) - 1))) {
    const found = packages[`${from === "" ? "" : `${from}/`}${FOLDER}${name}`];
    if (found !== undefined) return found.version;
    if (from === "") return undefined;
  }
}

const versions = new Map<string, Set<string>>();
const demands = new Map<string, Demand[]>();
for (const [path, locked] of Object.entries(packages)) {
  const name = path.slice(path.lastIndexOf(FOLDER) + FOLDER.length);
  if (path !== "" && locked.version !== undefined) {
    versions.set(name, (versions.get(name) ?? new Set()).add(locked.version));
  }
  const wanted = {
    ...locked.peerDependencies,
    ...locked.optionalDependencies,
    ...locked.dependencies,
    ...(path === "" ? locked.devDependencies : {}),
  };
  for (const [needed, range] of Object.entries(wanted)) {
    const gets = resolve(path, needed);
    if (gets === undefined) continue; // An optional dependency that is not installed.
    const by = path === "" ? "this package" : name;
    demands.set(needed, [...(demands.get(needed) ?? []), { by, range, gets }]);
  }
}

let avoidable = 0;
for (const [name, installed] of versions) {
  if (installed.size < 2) continue;
  for (const version of installed) {
    const needing = (demands.get(name) ?? []).filter(({ gets }) => gets === version);
    const other = [...installed].find(
      (candidate) =>
        candidate !== version &&
        needing.every(({ range }) => validRange(range) !== null && satisfies(candidate, range)),
    );
    if (other === undefined) continue;
    avoidable += 1;
    const who = needing.map(({ by, range }) => `${by} (${range})`).join(", ");
    console.error(`${name} ${version} is avoidable: ${other} is installed too and suits ${who}`);
  }
}
if (avoidable > 0) {
  console.error("Run: npm dedupe");
  process.exit(1);
}
console.log(`${versions.size} packages, none installed twice without need.`);
