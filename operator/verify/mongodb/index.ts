import type { CheckDefinition } from "../check.ts";
import { createMongoCheck } from "./mongodb.ts";

/** The hosts of a connection string, as they stand there. */
const HOSTS = /^mongodb(?:\+srv)?:\/\/(?:[^/?]*@)?([^/?]*)/;

/** The check of a MongoDB server. */
export const mongodb: CheckDefinition<"MongoDB"> = {
  purpose: "a database",
  mayBePrivate: true,
  budgetOf: ({ uri }) => HOSTS.exec(uri)?.[1] ?? "",
  create: ({ egress }) => createMongoCheck({ egress }),
};
