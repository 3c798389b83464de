/** The workloads that restart when a published value changes. */
import { z } from "zod";

import { DNS_SUBDOMAIN, matches } from "./formats.ts";
import { keyedListOf, structure, text, withRules } from "./rules.ts";

const WORKLOAD_KINDS = ["Deployment", "StatefulSet", "DaemonSet"] as const;

const workloadSchema = withRules(
  structure({
    kind: z.enum(WORKLOAD_KINDS).describe("What kind of workload it is, of the API group apps."),
    name: text({ max: 253 }).describe("The workload's name; it is in the AppSecret's namespace."),
  }).describe("A workload that reads the Secret."),
  [
    {
      cel: matches("self.name", DNS_SUBDOMAIN),
      holds: ({ name }) => DNS_SUBDOMAIN.test(name),
      message:
        "must be the name of a workload: lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit",
      at: "name",
    },
  ],
);

export const restartSchema = keyedListOf(workloadSchema, { keys: ["kind", "name"], max: 16 }).describe(
  "Workloads of the same namespace whose Pods are replaced, as by kubectl rollout restart, each time that a published value changes. Nothing else restarts them: not the first publication, not a change of labels, nor of this list.",
);

export type Workload = z.output<typeof workloadSchema>;
