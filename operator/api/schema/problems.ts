/** The problems of a spec, as sentences for a status message or a terminal. */
import type { z } from "zod";

/**
 * One sentence per problem, each beginning with the path of its field.
 *
 * zod's own messages are not used, because they can quote the value. These never do.
 */
export function problemsOf(error: z.core.$ZodError, root: string): string[] {
  return [...new Set(error.issues.flatMap((issue) => sentences(issue, root)))];
}

function sentences(issue: z.core.$ZodIssue, root: string): string[] {
  const path = [root, ...issue.path.map(String)].join(".");
  switch (issue.code) {
    case "custom":
      return [`${path} ${issue.message}`];
    case "invalid_type":
      // Do not have zod report the input: it would end up wherever the error is logged.
      return [`${path} must be ${issue.message.endsWith("received undefined") ? "set" : articled(issue.expected)}`];
    case "unrecognized_keys":
      return issue.keys.map((key) => `${path}.${key} is not a known field`);
    case "invalid_value":
      return [`${path} must be one of ${issue.values.map(String).join(", ")}`];
    case "too_small":
      return [`${path} must not be empty`];
    default:
      return [`${path} is not valid (${issue.code})`];
  }
}

function articled(type: string): string {
  return `${/^[aeiou]/.test(type) ? "an" : "a"} ${type === "record" ? "object" : type}`;
}
