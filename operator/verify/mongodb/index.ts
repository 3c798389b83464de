import { MONGODB_URI_PARTS } from "#api/types/database/mongodb-grammar";
import type { CheckDefinition } from "../check.ts";
import { createMongoCheck } from "./mongodb.ts";

/** The check of a MongoDB server. */
export const mongodb: CheckDefinition<"MongoDB"> = {
  purpose: "a database",
  mayBePrivate: true,
  budgetOf: ({ uri }) => MONGODB_URI_PARTS.exec(uri)?.groups?.["hosts"] ?? "",
  create: ({ egress }) => createMongoCheck({ egress }),
};
