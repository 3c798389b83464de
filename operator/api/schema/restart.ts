/** The workloads that the operator restarts when a published value changes. */
import { z } from "zod";

import { DNS_SUBDOMAIN, matches } from "./formats.ts";
import { keyedListOf, structure, text, withRules } from "./rules.ts";

const WORKLOAD_KINDS = ["Deployment", "StatefulSet", "DaemonSet"] as const;

const workloadSchema = withRules(
  structure({
    kind: z.enum(WORKLOAD_KINDS).describe("The kind of the workload, in the API group apps."),
    name: text({ max: 253 }).describe("The workload's name. The workload is in the AppSecret's namespace."),
  }).describe("A workload that reads the Secret."),
  [
    {
      cel: matches("self.name", DNS_SUBDOMAIN),
      holds: ({ name }) => DNS_SUBDOMAIN.test(name),
      message:
        "must be a valid workload name: lowercase letters, digits, '-' and '.', beginning and ending with a letter or digit",
      at: "name",
    },
  ],
);

export const restartSchema = keyedListOf(workloadSchema, { keys: ["kind", "name"], max: 16 }).describe(
  "Workloads in the AppSecret's namespace that the operator restarts each time a published value changes, as kubectl rollout restart does. Nothing else restarts them: neither the first publication nor a change of labels or of this list.",
);

export type Workload = z.output<typeof workloadSchema>;
