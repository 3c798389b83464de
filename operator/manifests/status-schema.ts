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
    "What the condition describes. Accepted: the spec is valid, its sources exist, and no other AppSecret holds its type in the namespace. Verified: the live check succeeded. Published: the Secret holds the content of this generation. Ready: the summary of the others. Reconciling: the operator is waiting for something that can resolve without you. Stalled: you need to act. Reconciling and Stalled exist only while they are True.",
  ),
  status: z
    .enum(["True", "False", "Unknown"])
    .describe("Whether the condition holds. Unknown until the operator has evaluated it."),
  reason: text({ min: 1, max: 1024 }).describe(
    "Why the condition has this status: one CamelCase word that does not change between releases.",
  ),
  message: text({ max: MAX_MESSAGE_LENGTH }).describe(
    "What happened and what to do. The message never contains a secret value.",
  ),
  observedGeneration: generation().describe("The metadata.generation that the condition describes."),
  lastTransitionTime: z
    .string()
    .meta({ format: "date-time" })
    .describe("When the condition's status last changed, in UTC."),
}).describe("A condition of the AppSecret.");

const secretSchema = structure({
  name: text({ max: 253 }).describe("The Secret's name."),
  uid: uid("the Secret"),
  resourceVersion: version(
    "the Secret when the operator last wrote it. If it differs now, someone else has changed the Secret",
  ),
  generation: generation().describe(
    "The metadata.generation of the AppSecret whose content the Secret holds. It is lower than observedGeneration while the operator holds a broken update back.",
  ),
  contentVersion: z
    .int()
    .min(1)
    .describe(
      "With spec.restart: the content version that the workloads were last restarted for, as the Secret's annotation appsecret.dev/content-version counts it. It is lower than the annotation while workloads still have to be restarted.",
    )
    .optional(),
  verified: z
    .boolean()
    .describe(
      'Whether a live check has confirmed what the Secret holds. If true, only content that was confirmed replaces it, unless spec.verify is "Off". Absent if there is no live check to make.',
    )
    .optional(),
  keys: z
    .array(text({ max: 253 }).describe("A key of the Secret."))
    .meta({ maxItems: 256 })
    .describe("The keys of the Secret, sorted. Values never appear here."),
}).describe("The published Secret. Absent if there is none.");

const sourceSchema = structure({
  name: text({ max: 253 }).describe("The name of the Secret that was read."),
  uid: uid("the Secret that was read"),
  resourceVersion: version("the Secret that was read"),
}).describe("A Secret that a secretKeyRef refers to, as it was when the operator last read it.");

const verificationSchema = structure({
  generation: generation().describe("The metadata.generation that was checked."),
  answer: z
    .enum(["Yes", "Unverifiable", "No", "Silence"])
    .describe(
      "What the live check said. Unverifiable: only the application can use all of it. Silence: the target could not be reached, or did not answer.",
    )
    .optional(),
  passing: z
    .boolean()
    .describe(
      "With the answer No: whether the problem can resolve without you, for instance a cluster that is being created.",
    )
    .optional(),
  failingSince: z
    .string()
    .meta({ format: "date-time" })
    .describe(
      "When the live check first failed, if it has not succeeded since, in UTC. For two minutes after it the operator checks again every few seconds, and waits (Reconciling) before it says that you need to act (Stalled).",
    )
    .optional(),
  sources: z
    .array(sourceSchema)
    .meta({ maxItems: 256, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] })
    .describe("The Secrets whose values were checked, sorted by name.")
    .optional(),
  host: text({ max: 253 }).describe("The host of the MongoDB Atlas cluster, as Atlas last returned it.").optional(),
  checkNow: text({ max: 253 })
    .describe("The last value of the annotation appsecret.dev/check-now that the operator has acted on.")
    .optional(),
}).describe(
  "What the live check behind the condition Verified looked at. The time of the check is not recorded, so that a repeated check with the same result writes nothing.",
);

const bindingSchema = structure({
  name: text({ max: 253 }).describe("The name of the published Secret."),
}).describe(
  "The published Secret in the form of a Provisioned Service. Tools that implement the Service Binding specification use it to bind workloads to this AppSecret.",
);

export const appSecretStatusSchema: z.ZodType<Widened<AppSecretStatus>> = structure({
  observedGeneration: z
    .int()
    .min(-1)
    .describe(
      "The metadata.generation that this status describes. It is -1 until the operator has evaluated the AppSecret.",
    ),
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
    .describe("The state in detail: one condition per type.")
    .optional(),
})
  .prefault({ observedGeneration: -1 })
  .describe("The state of the AppSecret. Only the operator writes it.");

/** The type that zod infers for an equal schema: optional fields may be undefined, and names of conditions are any text. */
type Widened<T> = T extends (infer Item)[]
  ? Widened<Item>[]
  : T extends object
    ? { [Field in keyof T]: Widened<T[Field]> | (undefined extends T[Field] ? undefined : never) }
    : T extends string
      ? string
      : T;
