import type { CheckDefinition } from "../check.ts";
import { createAtlasCheck } from "./atlas.ts";

/** The check of a MongoDB Atlas cluster, by the Atlas Admin API. */
export const atlas: CheckDefinition<"Atlas"> = {
  purpose: "Atlas",
  mayBePrivate: false,
  // With the key: somebody else's AppSecrets with this project's ID and a wrong key use up none of its owner's turns.
  budgetOf: ({ projectId, publicKey }) => `atlas ${projectId} ${publicKey}`,
  create: ({ http, atlasBaseUrl, check }) =>
    createAtlasCheck({
      http,
      baseUrl: atlasBaseUrl,
      pingMongo: (subject, { signal }) => check(subject, { signal, fresh: false }),
    }),
};
