/**
 * `npm run check:prose`: finds the phrases that this project had too many of, and says what to write instead.
 *
 * It reads whole files, not only their comments: each phrase has a space in it or is no identifier, so code does not
 * contain it. A phrase is found across a line break, also where the next line of a comment or the next part of a string
 * begins in between. `npm run check:prose -- FILES` reads only these.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";

export type Phrase = {
  /** Words with one space between them; `a|b` are alternatives for one word. Case does not matter. */
  phrase: string;
  /** What to write in its place. */
  instead: string;
  /** Only in pages and texts that users read, not in comments. */
  forUsers?: true;
  /** In tests, too, whose own words are not judged. */
  inTests?: true;
};

export type Finding = { file: string; line: number; found: string; instead: string };

/** Kubernetes' style guide has the reasons: active voice, present tense, the reader is "you". */
export const PHRASES: readonly Phrase[] = [
  {
    phrase: "is|are|was|were|be|been told",
    instead: "receives, gets, is notified; or name who tells: the status says",
  },
  { phrase: "asked for", instead: "requested, needed, looked up" },
  { phrase: "to be asked", instead: "call it, request it" },
  { phrase: "nobody|nothing is asked", instead: "it makes no request" },
  { phrase: "whoever", instead: "anyone who, the caller, the user" },
  { phrase: "by itself|themselves", instead: "automatically, on its own, without help" },
  { phrase: "anew", instead: "again, new" },
  { phrase: "for ever", instead: "forever, indefinitely, permanently" },
  { phrase: "and|or the like", instead: "and similar, for example" },
  { phrase: "does the like", instead: "does the same" },
  { phrase: "is|are to go", instead: "is deleted, must be deleted" },
  { phrase: "is|are to be", instead: "must be, will be, or an active verb" },
  { phrase: "what it has of", instead: "its" },
  { phrase: "of ours", instead: "our, the operator's" },
  { phrase: "is|are put right", instead: "is restored, is repaired" },
  { phrase: "puts|put it|them right", instead: "restores, repairs" },
  { phrase: "may still come", instead: "can still resolve, can still appear" },
  { phrase: "only a person can", instead: "you need to", forUsers: true },
  { phrase: "without a word", instead: "without responding" },
  { phrase: "a reason of its own", instead: "an internal error" },
  { phrase: "a page for people", instead: "an HTML page" },
  { phrase: "for strangers", instead: "for unknown addresses" },
  { phrase: "breaks it off", instead: "drops the connection" },
  { phrase: "in silence", instead: "silently" },
  { phrase: "ever later", instead: "less and less often" },
  { phrase: "what it works on", instead: "scope" },
  { phrase: "what it tells", instead: "logs and metrics" },
  { phrase: "has|have it checked", instead: "check it" },
  { phrase: "who may write an AppSecret", instead: "anyone who can create an AppSecret" },
  { phrase: "look into its log", instead: "check its log" },
  { phrase: "we|our|us", instead: "name who does it, or speak to the reader", forUsers: true },
  // A document that this repository does not have.
  { phrase: "design §", instead: "the page under docs/ that says it", inTests: true },
];

/** Where texts are: what is written by hand, and the generated texts that users read. */
export const EVERYWHERE: readonly string[] = [
  "*.md",
  "docs/**/*.md",
  "crds/*.yaml",
  "install.yaml",
  "charts/**/*.{yaml,tpl,txt,json,mjs}",
  "gitops/**/*.{yaml,lua}",
  "examples/**/*.{yaml,ts}",
  "examples/**/Dockerfile",
  "{operator,testbed,demo,hack}/**/*.{ts,sh,yaml,go}",
  "test/**/*.ts",
  ".github/**/*.yml",
  "{Makefile,Dockerfile,package.json,eslint.config.js,.dependency-cruiser.js}",
];

/** Read by users: a page, or a text in an object that they install. */
const FOR_USERS = /\.(md|txt)$|^(crds|charts)\//;
const TESTS = /^test\//;
/** They have every phrase in them. */
const LIST: readonly string[] = ["hack/lint/prose.ts", "test/unit/hack/prose.test.ts"];

/** What may stand between two words of a phrase: blanks, the next line of a comment, the next part of a string. */
const GAP = String.raw`(?:\s|["'\`+*#/]|--)+`;

/** @returns a pattern that finds the phrase in running text */
export function pattern(phrase: string): RegExp {
  const words = phrase.split(" ").map((word) => `(?:${word})`);
  const end = /\w$/.test(phrase) ? String.raw`\b` : "";
  return new RegExp(String.raw`\b${words.join(GAP)}${end}`, "gi");
}

const PATTERNS = PHRASES.map((each) => ({ ...each, pattern: pattern(each.phrase) }));

/** @returns the phrases in the text, in its order */
export function findPhrases(file: string, text: string): Finding[] {
  const isForUsers = FOR_USERS.test(file);
  const isTest = TESTS.test(file);
  return PATTERNS.filter(({ forUsers, inTests }) => (!forUsers || isForUsers) && (!isTest || inTests))
    .flatMap(({ pattern: each, instead }) =>
      [...text.matchAll(each)].map(({ index, 0: found }) => ({
        index,
        found: found.replaceAll(/[\s"'`+*#/]+/g, " "),
        instead,
      })),
    )
    .sort((a, b) => a.index - b.index)
    .map(({ index, found, instead }) => ({ file, line: text.slice(0, index).split("\n").length, found, instead }));
}

function main(files: readonly string[]): void {
  const all = files.length > 0 ? files : EVERYWHERE.flatMap((glob) => globSync(glob));
  const missing = all.filter((file) => !existsSync(file));
  if (missing.length > 0 || all.length === 0) {
    console.error(`There is nothing to read: ${missing.join(", ")}`);
    process.exit(2);
  }
  const findings = all
    .filter((file) => !LIST.includes(file))
    .flatMap((file) => findPhrases(file, readFileSync(file, "utf8")));
  for (const { file, line, found, instead } of findings) {
    console.error(`${file}:${line}: "${found}": write instead: ${instead}`);
  }
  if (findings.length > 0) {
    console.error(`${findings.length} phrases in ${new Set(findings.map(({ file }) => file)).size} files.`);
    process.exit(1);
  }
  console.log(`${all.length} files, none of the ${PHRASES.length} phrases in them.`);
}

if (import.meta.main) main(parseArgs({ allowPositionals: true }).positionals);
