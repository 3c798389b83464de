// @ts-check
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

/** Typed lint. What a rule is for stands next to it; what Prettier or the compiler already says is not repeated here. */
export default defineConfig(
  { ignores: ["node_modules/", "coverage/", "dist/", "*.js"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      // A promise that nobody awaits is an unhandled rejection, and an unhandled rejection ends the operator.
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      // `return await` inside try, or the catch beside it never sees the error.
      "@typescript-eslint/return-await": ["error", "error-handling-correctness-only"],
      // A new condition, type or mode must be decided everywhere, not fall through.
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      // client.get<AppSecret>(path): who asks knows what is there.
      "@typescript-eslint/no-unnecessary-type-parameters": "off",
      "@typescript-eslint/no-shadow": "error",
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: "only-allowed-literals" },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // `_` marks an argument that a signature forces on us.
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // An interface's method may be async by contract only.
      "@typescript-eslint/require-await": "off",
      // A path into another package's dist/ is no part of its API: the next release moves it.
      "no-restricted-imports": ["error", { patterns: ["*/*/dist/*", "*/dist/*"] }],
      eqeqeq: "error",
      "no-fallthrough": "error",
      "no-unreachable-loop": "error",
      "no-template-curly-in-string": "error",
      "no-restricted-syntax": [
        "error",
        // A name that is the same everywhere can be searched for.
        { selector: "ExportDefaultDeclaration", message: "Export by name." },
        // It silences every other test of the file, and the count stays green.
        { selector: "CallExpression[callee.property.name='only']", message: "Not to be committed." },
      ],
    },
  },
  {
    files: ["operator/**/*.ts"],
    rules: {
      // Standard output is the log: only pino writes there, because it alone redacts.
      "no-console": "error",
    },
  },
  {
    files: ["{operator,testbed,demo,hack}/**/*.ts"],
    rules: {
      // A longer file has a reason, given where it disables this rule.
      "max-lines": ["error", { max: 300, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      // Tests index into what they have just built, and the assertion that follows tells more than a guard would.
      "@typescript-eslint/no-non-null-assertion": "off",
    },
  },
);
