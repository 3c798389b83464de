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
      "What happens to the Secret when you delete the AppSecret. Delete: the Secret is deleted, too. Retain: the Secret stays, and a new AppSecret of the same name takes it over.",
    ),
  verify: z
    .enum(["Strict", "BestEffort", "Off"])
    .default("BestEffort")
    .describe(
      "How the live check affects publishing. Strict: the operator publishes only what the identity provider or database has confirmed. BestEffort: the operator does not publish what the check rejects. If the target cannot be reached, it publishes what replaces nothing that was verified, and holds any other update until the target answers. Off: the operator makes no connection.",
    ),
  suspend: z
    .boolean()
    .default(false)
    .describe(
      "Whether to pause the AppSecret. While true, the operator ignores changes and leaves the published Secret as it is.",
    ),
  restart: restartSchema.optional(),
};

export type Common = z.output<z.ZodObject<typeof COMMON_FIELDS>>;
