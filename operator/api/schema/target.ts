/** The Secret that is published: its name, and what people may add to it. */
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

/** Refused on labels and annotations alike: the operator's own keys, and those that Kubernetes gives a meaning of its own. */
const metadataKeys: Rule<Record<string, string>>[] = [
  {
    cel: `self.all(key, ${matches("key", QUALIFIED_NAME)})`,
    holds: (map) => Object.keys(map).every((key) => QUALIFIED_NAME.test(key)),
    message:
      "must have only keys such as app or example.com/team: up to 63 letters, digits, '-', '_' and '.', after an optional domain name",
  },
  {
    cel: `!self.exists(key, ${matches("key", RESERVED_METADATA)})`,
    holds: (map) => !Object.keys(map).some((key) => RESERVED_METADATA.test(key)),
    message:
      "must not have app.kubernetes.io/managed-by nor keys of appsecret.dev, kubernetes.io and kubectl.kubernetes.io: the operator and Kubernetes itself set these",
    reason: "FieldValueForbidden",
  },
];

const labelsSchema = withRules(
  mapOf(text({ max: 63 }).describe("The label's value."), { max: 32 }).describe(
    "Labels for the Secret. Labels that others put on it stay.",
  ),
  [
    ...metadataKeys,
    {
      cel: `self.all(key, ${matches("self[key]", LABEL_VALUE)})`,
      holds: (labels) => Object.values(labels).every((value) => LABEL_VALUE.test(value)),
      message:
        "must have only values of letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
    },
  ],
);

const annotationsSchema = withRules(
  mapOf(text({ max: 4096 }).describe("The annotation's value."), { max: 32 }).describe(
    "Annotations for the Secret. Annotations that others put on it stay.",
  ),
  metadataKeys,
);

/** At most so many renamed keys; they are compared with one another, so the bound is also one on the rule's cost. */
const MAX_RENAMED = 64;

const keysSchema = withRules(
  mapOf(text({ max: 253 }).describe("The key in the Secret."), { max: MAX_RENAMED }).describe(
    "Renames published keys: on the left the key as the operator names it, on the right the key in the Secret, as in MONGODB_URI: DATABASE_URL. Keys that are not named keep their name.",
  ),
  [
    {
      cel: `self.all(key, ${isDataKeyCel("self[key]")})`,
      holds: (keys) => Object.values(keys).every(isDataKey),
      message:
        "must rename to keys of at most 253 letters, digits, '-', '_' and '.', and to none that is '.' or begins with '..'",
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
        "The Secret's name. When absent: the name of the AppSecret. When it changes, the new Secret is published before the old one is withdrawn.",
      )
      .optional(),
    labels: labelsSchema.optional(),
    annotations: annotationsSchema.optional(),
    keys: keysSchema.optional(),
    immutable: z
      .boolean()
      .default(false)
      .describe(
        "Whether the Secret is immutable. Kubernetes then refuses every change of it: to publish other content, choose another target.name.",
      ),
  }).describe("The Secret that is published. It is always of type Opaque and in the AppSecret's namespace."),
  [
    {
      cel: `!has(self.name) || ${matches("self.name", DNS_SUBDOMAIN)}`,
      holds: ({ name }) => name === undefined || DNS_SUBDOMAIN.test(name),
      message:
        "must be the name of a Secret: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit",
      at: "name",
    },
  ],
);

export type Target = z.output<typeof targetSchema>;

/** The name that a published key has in the Secret. */
export function secretKey(key: string, renames: Target["keys"]): string {
  return (renames && Object.hasOwn(renames, key) ? renames[key] : undefined) ?? key;
}
