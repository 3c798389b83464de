/** What `target.keys` may ask: only published keys are renamed, and no two keys end on one name. */
import {
  ATLAS_API_KEYS,
  ATLAS_KEYS,
  AUTHENTICATION_KEYS,
  DATABASE_KEYS,
  publishedKeys,
} from "../types/published-keys.ts";
import type { Rule } from "./rules.ts";
import type { AppSecretSpec, AppSecretType } from "../spec.ts";
import type { Target } from "./target.ts";

/** A spec whose members need not fit its type yet: the rules on that run beside these. */
type Fields = {
  type: AppSecretType;
  target: Target;
  database?: { mode: "Database" | "MongoDBAtlas"; atlas?: unknown } | undefined;
  custom?: unknown;
};

/** One kind of spec, with the CEL that recognises it and the CEL of what it publishes. */
type Kind = { when: string; is: (self: Fields) => boolean; published: string; named: string };

const API_KEYS_PUBLISHED =
  "has(self.database.atlas.publishApiKeys) ? self.database.atlas.publishApiKeys : !has(self.database.atlas.databaseUser)";

const KINDS: Kind[] = [
  {
    when: "self.type == 'Authentication'",
    is: ({ type }) => type === "Authentication",
    published: list(AUTHENTICATION_KEYS),
    named: AUTHENTICATION_KEYS.join(", "),
  },
  {
    when: "self.type == 'Database' && has(self.database) && self.database.mode == 'Database'",
    is: ({ type, database }) => type === "Database" && database?.mode === "Database",
    published: list(DATABASE_KEYS),
    named: DATABASE_KEYS.join(", "),
  },
  {
    when: "self.type == 'Database' && has(self.database) && has(self.database.atlas) && self.database.mode == 'MongoDBAtlas'",
    is: ({ type, database }) =>
      type === "Database" && database?.mode === "MongoDBAtlas" && database.atlas !== undefined,
    published: `((${API_KEYS_PUBLISHED}) ? ${list([...ATLAS_KEYS, ...ATLAS_API_KEYS])} : ${list(ATLAS_KEYS)})`,
    named: `${ATLAS_KEYS.join(", ")}, and where the API key is published ${ATLAS_API_KEYS.join(", ")}`,
  },
  {
    when: "self.type == 'Custom' && has(self.custom)",
    is: ({ type, custom }) => type === "Custom" && custom !== undefined,
    published: "self.custom.data",
    named: "the keys of spec.custom.data",
  },
];

function list(keys: readonly string[]): string {
  return `[${keys.map((key) => `'${key}'`).join(", ")}]`;
}

/**
 * Rules on the whole spec. That no two new names are the same is a rule of `target.keys` itself; here: a new name is not
 * that of a published key, unless that key is renamed too (so two keys may swap their names).
 */
export const RENAME_RULES: Rule<Fields>[] = KINDS.flatMap(({ when, is, published, named }): Rule<Fields>[] => [
  {
    cel: `!has(self.target.keys) || !(${when}) || self.target.keys.all(key, key in ${published})`,
    holds: (self) => !is(self) || newNames(self).every(([key]) => publishedBy(self).has(key)),
    message: `must rename only keys that are published: ${named}`,
    at: "target.keys",
  },
  {
    cel: `!has(self.target.keys) || !(${when}) || self.target.keys.all(key, !(self.target.keys[key] in ${published}) || self.target.keys[key] in self.target.keys)`,
    holds: (self) => {
      const renamed = new Set(newNames(self).map(([key]) => key));
      return !is(self) || newNames(self).every(([, name]) => !publishedBy(self).has(name) || renamed.has(name));
    },
    message: `must not give a key the name of another published key (${named})`,
    at: "target.keys",
  },
]);

function newNames({ target }: Fields): [string, string][] {
  return Object.entries(target.keys ?? {});
}

/** Only for specs that `is` has recognised: the member is there. */
function publishedBy(self: Fields): Set<string> {
  return new Set(publishedKeys(self as AppSecretSpec));
}
