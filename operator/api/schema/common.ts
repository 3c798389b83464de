/** The fields of a spec that are the same for every type. */
import { z } from "zod";

import { restartSchema } from "./restart.ts";
import { targetSchema } from "./target.ts";

export const COMMON_FIELDS = {
  target: targetSchema.prefault({}),
  deletionPolicy: z
    .enum(["Delete", "Retain"])
    .default("Delete")
    .describe(
      "What becomes of the Secret when the AppSecret is deleted. Delete: it is deleted too. Retain: it stays, and an AppSecret of the same name takes it up again.",
    ),
  verify: z
    .enum(["Strict", "BestEffort", "Off"])
    .default("BestEffort")
    .describe(
      "How much the live check decides. Strict: only content that the identity provider or database has confirmed is published. BestEffort: a definite no holds it back, an unreachable target does not. Off: no connection is made.",
    ),
  suspend: z
    .boolean()
    .default(false)
    .describe("With true, changes wait: what is published stays as it is until suspend is false again."),
  restart: restartSchema.optional(),
};

export type Common = z.output<z.ZodObject<typeof COMMON_FIELDS>>;
