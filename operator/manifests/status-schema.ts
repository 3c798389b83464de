/** The schema of `status`, for the CRD alone: the operator writes the status and never parses one. */
import { z } from "zod";

import { structure, text } from "#api/schema/rules";
import type { AppSecretStatus } from "#api/status";

/** The most that the API server stores of a condition's message, in characters; see the API conventions. */
const MAX_MESSAGE_LENGTH = 32_768;

const generation = () => z.int().min(0);
const version = (of: string) => text({ max: 253 }).describe(`The metadata.resourceVersion of ${of}.`);
const uid = (of: string) => text({ max: 253 }).describe(`The metadata.uid of ${of}.`);

const conditionSchema = structure({
  type: text({ min: 1, max: 316 }).describe(
    "What the condition is about. Accepted: the spec is valid, its sources exist, and it holds its place in the namespace. Verified: the live check said yes. Published: the Secret holds what this generation asks. Ready: the summary. Reconciling and Stalled are there only while they are True: the first waits for something that may come by itself, the second for a person.",
  ),
  status: z.enum(["True", "False", "Unknown"]).describe("Whether it is so. Unknown until it was first looked at."),
  reason: text({ min: 1, max: 1024 }).describe("Why, in one CamelCase word that stays the same across releases."),
  message: text({ max: MAX_MESSAGE_LENGTH }).describe(
    "Why, for people: what happened and what to do. Never a secret value.",
  ),
  observedGeneration: generation().describe("The metadata.generation that the condition was found for."),
  lastTransitionTime: z
    .string()
    .meta({ format: "date-time" })
    .describe("When the condition's status last changed, in UTC."),
}).describe("One aspect of the state.");

const secretSchema = structure({
  name: text({ max: 253 }).describe("The Secret's name."),
  uid: uid("the Secret"),
  resourceVersion: version("the Secret when it was last written; a later one means that somebody else changed it"),
  generation: generation().describe(
    "The metadata.generation of the AppSecret whose content the Secret holds. Lower than observedGeneration while a broken update is held back.",
  ),
  contentVersion: z
    .int()
    .min(1)
    .describe(
      "With spec.restart: which content the workloads have, as the Secret's annotation appsecret.dev/content-version counts it. Lower than the annotation while workloads are still to be restarted.",
    )
    .optional(),
  keys: z
    .array(text({ max: 253 }).describe("A key of the Secret."))
    .meta({ maxItems: 256 })
    .describe("The keys of the Secret, sorted. Never values."),
}).describe("The Secret that is published now. Absent when there is none.");

const sourceSchema = structure({
  name: text({ max: 253 }).describe("Name of the Secret that was read."),
  uid: uid("the Secret that was read"),
  resourceVersion: version("the Secret that was read"),
}).describe("A Secret that a secretKeyRef named, as it was when it was last read.");

const verificationSchema = structure({
  generation: generation().describe("The metadata.generation that was checked."),
  answer: z
    .enum(["Yes", "No", "Silence"])
    .describe("What the live check said. Silence: the target could not be reached, or did not answer.")
    .optional(),
  passing: z
    .boolean()
    .describe(
      "With the answer No: whether the problem can resolve without you, for instance a cluster that is being created.",
    )
    .optional(),
  sources: z
    .array(sourceSchema)
    .meta({ maxItems: 256, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] })
    .describe("The Secrets whose values were checked, sorted by name.")
    .optional(),
  host: text({ max: 253 }).describe("The host of the MongoDB Atlas cluster, as Atlas told it last.").optional(),
  checkNow: text({ max: 253 })
    .describe("The last value of the annotation appsecret.dev/check-now that was answered.")
    .optional(),
}).describe(
  "The last result of the live check, and what it is about. It has no time: a check with the same result writes nothing.",
);

const bindingSchema = structure({
  name: text({ max: 253 }).describe("Name of the published Secret."),
}).describe(
  "The published Secret as the Service Binding specification wants it (a Provisioned Service), so that tools which know that specification can bind workloads to this AppSecret.",
);

export const appSecretStatusSchema: z.ZodType<Widened<AppSecretStatus>> = structure({
  observedGeneration: z
    .int()
    .min(-1)
    .describe("The metadata.generation that this status is about; -1 until the operator has looked at the AppSecret."),
  secret: secretSchema.optional(),
  verification: verificationSchema.optional(),
  sources: z
    .array(sourceSchema)
    .meta({ maxItems: 256, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] })
    .describe("The Secrets that values were read from, sorted by name.")
    .optional(),
  binding: bindingSchema.optional(),
  conditions: z
    .array(conditionSchema)
    .meta({ maxItems: 32, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] })
    .describe("The state in detail, one entry per aspect.")
    .optional(),
})
  .prefault({ observedGeneration: -1 })
  .describe("What the operator found and did. Written by the operator only.");

/** The type that zod infers for an equal schema: optional fields may be undefined, and names of conditions are any text. */
type Widened<T> = T extends (infer Item)[]
  ? Widened<Item>[]
  : T extends object
    ? { [Field in keyof T]: Widened<T[Field]> | (undefined extends T[Field] ? undefined : never) }
    : T extends string
      ? string
      : T;
