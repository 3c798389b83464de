import { mongoUriParts } from "#api/types/database/mongodb-grammar";
import type { CheckDefinition } from "../check.ts";
import { createMongoCheck } from "./mongodb.ts";

/** The check of a MongoDB server. */
export const mongodb: CheckDefinition<"MongoDB"> = {
  purpose: "a database",
  mayBePrivate: true,
  budgetOf: ({ uri }) => mongoUriParts(uri)?.hosts.join(",") ?? "",
  create: ({ egress }) => createMongoCheck({ egress }),
};
