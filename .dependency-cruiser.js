// @ts-check
/**
 * Imports go one way: api ← plan ← controller → kube, verify, observe. Run through hack/checks/imports.ts, which also fails
 * when a file of ours was not looked at.
 *
 * @type {import("dependency-cruiser").IConfiguration}
 */
export default {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Two files that need each other are one file, or lack a third.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "api-is-the-bottom",
      comment: "The shapes of the resource know of nothing that handles them.",
      severity: "error",
      from: { path: "^operator/api/" },
      to: { path: "^(operator|hack|test|examples)/", pathNot: "^operator/api/" },
    },
    {
      name: "plan-decides-only",
      comment:
        "Decisions are values computed from values: a plan that can read or write cannot be tested for every input.",
      severity: "error",
      from: { path: "^operator/plan/" },
      to: { pathNot: ["^operator/(api|plan)/", "^(node:)?(assert|buffer|crypto|url|util)$"] },
    },
    {
      name: "kube-knows-only-the-api",
      comment: "The runtime serves any controller: it takes callbacks, it does not know who they belong to.",
      severity: "error",
      from: { path: "^operator/kube/" },
      to: { path: "^(operator|hack|test|examples)/", pathNot: "^operator/(api|kube)/" },
    },
    {
      name: "observe-knows-only-the-api",
      comment: "Logs, metrics and health are told what happened; they ask nobody.",
      severity: "error",
      from: { path: "^operator/observe/" },
      to: { path: "^(operator|hack|test|examples)/", pathNot: "^operator/(api|observe)/" },
    },
    {
      name: "verify-stands-alone",
      comment: "A live check talks to other people's servers: it must not reach our cluster client.",
      severity: "error",
      from: { path: "^operator/verify/" },
      to: { path: "^(operator|hack|test|examples)/", pathNot: "^operator/(api|observe|verify)/" },
    },
    {
      name: "only-main-composes",
      comment: "main.ts puts the parts together: nothing imports it, and only it reads the configuration.",
      severity: "error",
      from: { path: "^operator/", pathNot: "^operator/(main|config)\\.ts$" },
      to: { path: "^operator/(main|config)\\.ts$" },
    },
    {
      name: "operator-ships-alone",
      comment: "hack/ and test/ are not in the image.",
      severity: "error",
      from: { path: "^operator/" },
      to: { path: "^(hack|test|examples)/" },
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
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "types", "default"] },
  },
};
