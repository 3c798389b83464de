import type { CheckDefinition } from "../check.ts";
import { createJwksCheck } from "./jwks.ts";

/** The check of a login provider. */
export const jwks: CheckDefinition<"JWKS"> = {
  purpose: "a login provider",
  mayBePrivate: false,
  budgetOf: ({ uri }) => URL.parse(uri)?.host ?? "",
  create: ({ http }) => createJwksCheck({ http }),
};
