import { always, defineType } from "../define.ts";
import { authenticationSchema } from "./schema.ts";

export const authentication = defineType({
  name: "Authentication",
  member: "authentication",
  onePerNamespace: true,
  schema: authenticationSchema,
  variants: [{ is: () => true, when: undefined, keys: always(["JWKS_URI", "AUDIENCE"]) }],
  secretFields: () => [],
  data: ({ jwksUri, audience }) => ({ JWKS_URI: jwksUri, AUDIENCE: audience }),
  check: {
    subject: ({ jwksUri }) => ({ kind: "JWKS", uri: jwksUri }),
    keys: () => ["JWKS_URI"],
    // All namespaces with this key set can share one check of it.
    group: ({ jwksUri }) => [jwksUri],
  },
  disabled: ({ enabled }) => (enabled ? undefined : "Nothing is published while spec.authentication.enabled is false."),
});
