/** The Secret to publish: its name, and what users can add to it. */
import { z } from "zod";

import {
  DNS_SUBDOMAIN,
  isDataKey,
  isDataKeyCel,
  LABEL_VALUE,
  matches,
  QUALIFIED_NAME,
  RESERVED_METADATA,
} from "./formats.ts";
import { mapOf, type Rule, structure, text, withRules } from "./rules.ts";

/** Rules for labels and annotations alike. They refuse the operator's own keys and those that Kubernetes gives a meaning. */
const metadataKeys: Rule<Record<string, string>>[] = [
  {
    cel: `self.all(key, ${matches("key", QUALIFIED_NAME)})`,
    holds: (map) => Object.keys(map).every((key) => QUALIFIED_NAME.test(key)),
    message:
      "must have only keys such as app or example.com/team: an optional domain name and '/', then up to 63 letters, digits, '-', '_' and '.'",
  },
  {
    cel: `!self.exists(key, ${matches("key", RESERVED_METADATA)})`,
    holds: (map) => !Object.keys(map).some((key) => RESERVED_METADATA.test(key)),
    message:
      "must not have app.kubernetes.io/managed-by or keys of appsecret.dev, kubernetes.io and kubectl.kubernetes.io: these are reserved for the operator and Kubernetes",
    reason: "FieldValueForbidden",
  },
];

const labelsSchema = withRules(
  mapOf(text({ max: 63 }).describe("The label's value."), { max: 32 }).describe(
    "Labels for the Secret. Labels that others add to it are kept.",
  ),
  [
    ...metadataKeys,
    {
      cel: `self.all(key, ${matches("self[key]", LABEL_VALUE)})`,
      holds: (labels) => Object.values(labels).every((value) => LABEL_VALUE.test(value)),
      message: "must have only values of letters, digits, '-', '_' and '.' that begin and end with a letter or digit",
    },
  ],
);

const annotationsSchema = withRules(
  mapOf(text({ max: 4096 }).describe("The annotation's value."), { max: 32 }).describe(
    "Annotations for the Secret. Annotations that others add to it are kept.",
  ),
  metadataKeys,
);

/** The most keys that can be renamed. The rule compares each with all others, so this also bounds its cost. */
const MAX_RENAMED = 64;

const keysSchema = withRules(
  mapOf(text({ max: 253 }).describe("The key's name in the Secret."), { max: MAX_RENAMED }).describe(
    "New names for published keys. For example, MONGODB_URI: DATABASE_URL publishes the key MONGODB_URI as DATABASE_URL. Keys that are not listed keep their names.",
  ),
  [
    {
      cel: `self.all(key, ${isDataKeyCel("self[key]")})`,
      holds: (keys) => Object.values(keys).every(isDataKey),
      message:
        "must have only new names of at most 253 letters, digits, '-', '_' and '.', and no new name that is '.' or begins with '..'",
    },
    {
      cel: "self.all(key, self.exists_one(other, self[other] == self[key]))",
      holds: (keys) => new Set(Object.values(keys)).size === Object.keys(keys).length,
      message: "must not rename two keys to the same name",
    },
  ],
);

export const targetSchema = withRules(
  structure({
    name: text({ max: 253 })
      .describe(
        "The Secret's name. Defaults to the AppSecret's name. If you change it, the operator publishes the new Secret before it deletes the old one.",
      )
      .optional(),
    labels: labelsSchema.optional(),
    annotations: annotationsSchema.optional(),
    keys: keysSchema.optional(),
    immutable: z
      .boolean()
      .default(false)
      .describe(
        "Whether the Secret is immutable. Kubernetes refuses to change an immutable Secret: to publish other content, choose another target.name.",
      ),
  }).describe("The Secret to publish. It is always of type Opaque and in the AppSecret's namespace."),
  [
    {
      cel: `!has(self.name) || ${matches("self.name", DNS_SUBDOMAIN)}`,
      holds: ({ name }) => name === undefined || DNS_SUBDOMAIN.test(name),
      message:
        "must be a valid Secret name: lowercase letters, digits, '-' and '.', beginning and ending with a letter or digit",
      at: "name",
    },
  ],
);

export type Target = z.output<typeof targetSchema>;

/** The name that a published key has in the Secret. */
export function secretKey(key: string, renames: Target["keys"]): string {
  return (renames && Object.hasOwn(renames, key) ? renames[key] : undefined) ?? key;
}
