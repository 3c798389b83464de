/** A type of AppSecret that exists only in tests: what a fourth type has to say, and all that has to know of it. */
import { NOT_EMPTY } from "#api/schema/demands";
import { matches } from "#api/schema/formats";
import { structure, text, withRules } from "#api/schema/rules";
import { secretField } from "#api/secret-value";
import { defineType, sometimes } from "#api/types/define";
import { TYPES } from "#api/types/index";

const NAME = /^[a-z]+$/;

const url = secretField("url", { description: "The broker's address.", max: 1024, demands: [NOT_EMPTY] });
const token = secretField("admin.token", { description: "The administrator's token.", max: 64, demands: [NOT_EMPTY] });

const queueSchema = withRules(
  structure({
    name: text({ max: 16 }).describe("The queue's name."),
    url: url.schema,
    admin: structure({ token: token.schema }).describe("The broker's administrator.").optional(),
  }).describe("A message queue."),
  [
    {
      cel: matches("self.name", NAME),
      holds: ({ name }) => NAME.test(name),
      message: "must be lower-case letters",
      at: "name",
    },
  ],
);

export const queue = defineType({
  name: "Queue",
  member: "queue",
  onePerNamespace: true,
  schema: queueSchema,
  variants: [
    {
      is: () => true,
      when: undefined,
      keys: sometimes(["QUEUE_URL", "QUEUE_NAME"], {
        keys: ["QUEUE_TOKEN"],
        is: ({ admin }: { admin?: object | undefined }) => admin !== undefined,
        when: (content) => `has(${content}.admin)`,
        named: "if there is an administrator",
      }),
    },
  ],
  secretFields: (content) => [url.of(content.url), ...(content.admin ? [token.of(content.admin.token)] : [])],
  data: (content) => ({
    QUEUE_URL: content.url,
    QUEUE_NAME: content.name,
    ...(content.admin ? { QUEUE_TOKEN: content.admin.token } : {}),
  }),
  check: {
    subject: (content, read) => ({ kind: "JWKS", uri: read(content.url) }),
    keys: () => ["QUEUE_URL"],
    group: ({ name }, namespace) => [namespace, name],
  },
  disabled: ({ name }) => (name === "none" ? "Nothing is published while spec.queue.name is none." : undefined),
});

export const FOUR_TYPES = [...TYPES, queue] as const;
