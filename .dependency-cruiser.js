// @ts-check
/**
 * Imports go one way: common ← api ← { manifests, plan, verify, kube, observe } ← controller ← main, and nothing imports a
 * program. `npm run check:imports` runs these rules (hack/lint/imports.ts) and fails if it did not look at one of our files.
 *
 * A room is a folder of operator/ or of the root. A path within a room is relative, one into another room is an alias of
 * package.json (`#api/names`).
 */

/** What only tests, the demo and developers use. The image has none of it. */
const NOT_SHIPPED = "^(testbed|demo|hack|test|examples)/";

/**
 * @param {string} room a folder of operator/
 * @param {string[]} others the folders that it may import
 * @param {string} comment the reason
 */
const knowsOnly = (room, others, comment) => ({
  name: `${room}-knows-only-${others.join("-") || "itself"}`,
  comment,
  severity: /** @type {const} */ ("error"),
  from: { path: `^operator/${room}/` },
  to: { path: "^operator/", pathNot: `^operator/(${[room, ...others].join("|")})/` },
});

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Two files that need each other are one file, or lack a third.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    knowsOnly("common", [], "The ground: everything stands on it, so it stands on nothing."),
    knowsOnly("api", ["common"], "The shapes of the resource do not know what handles them."),
    {
      name: "api-runs-in-a-browser",
      comment: "The web console builds its forms from the same schemas. A browser has no node: modules.",
      severity: "error",
      from: { path: "^operator/(api|common)/" },
      to: { dependencyTypes: ["core"] },
    },
    knowsOnly("manifests", ["api", "common"], "The CRD and the policies follow from the resource alone."),
    {
      name: "manifests-are-built",
      comment: "hack/generate.ts writes them to files; a running program has no use for them.",
      severity: "error",
      from: { path: "^(operator|demo|testbed)/", pathNot: "^operator/manifests/" },
      to: { path: "^operator/manifests/" },
    },
    {
      name: "plan-decides-only",
      comment:
        "Decisions are values computed from values: a plan that can read or write cannot be tested for every input.",
      severity: "error",
      from: { path: "^operator/plan/" },
      to: { pathNot: ["^operator/(common|api|plan)/", "^(node:)?(buffer|crypto|util)$"] },
    },
    knowsOnly("kube", ["common"], "The client and the caches serve any program: who writes is a parameter."),
    knowsOnly("observe", ["api", "common"], "Logs, metrics and health record what they are given; they ask nobody."),
    knowsOnly("verify", ["api", "common"], "A live check connects to strangers: it must not reach our cluster client."),
    {
      name: "only-main-composes",
      comment: "main.ts puts the parts together: nothing imports it, and only it reads the settings of the process.",
      severity: "error",
      from: { path: "^operator/", pathNot: "^operator/(main\\.ts$|process/)" },
      to: { path: "^operator/(main\\.ts$|process/)" },
    },
    {
      name: "operator-ships-alone",
      comment: "The image has operator/ only.",
      severity: "error",
      from: { path: "^operator/" },
      to: { path: NOT_SHIPPED },
    },
    {
      name: "testbed-serves-all",
      comment:
        "The servers and programs of the testbed serve tests, benchmarks and the demo alike, so they know none of these.",
      severity: "error",
      from: { path: "^testbed/" },
      to: { path: "^(demo|hack|test|examples)/" },
    },
    {
      name: "operator-ships-its-packages",
      comment: "The image has `dependencies` only; a devDependency or a package of a package would be missing there.",
      severity: "error",
      from: { path: "^operator/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "resolvable",
      comment: "An import that leads nowhere fails when the program starts, or only when the line runs.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    // Type imports count: a plan that knows a client's type is halfway to calling it.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "types", "default"],
    },
  },
};
