/** What an application needs to check the tokens of its users. */
import { z } from "zod";

import { matches } from "../../schema/formats.ts";
import { structure, text, withRules } from "../../schema/rules.ts";
import { JWKS_URI_DEMANDS } from "./jwks-uri.ts";

const AUDIENCE = /^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?$/;

const fields = structure({
  enabled: z
    .boolean()
    .default(true)
    .describe(
      "Whether to publish the login configuration. If false, nothing is published, and the operator deletes a Secret that it published before.",
    ),
  jwksUri: text({ max: 2048 }).describe(
    "The https URL of the identity provider's JSON Web Key Set (JWKS). Published as JWKS_URI.",
  ),
  audience: text({ max: 1024 }).describe(
    "The audience (the 'aud' claim) of tokens for this application, often the application's name or URL. Published as AUDIENCE.",
  ),
}).describe(
  "The login configuration, for type Authentication: which keys sign the tokens, and which application they are for.",
);

export const authenticationSchema = withRules(fields, [
  ...JWKS_URI_DEMANDS.map(({ cel, holds, message }) => ({
    cel: cel("self.jwksUri"),
    holds: ({ jwksUri }: { jwksUri: string }) => holds(jwksUri),
    message,
    at: "jwksUri",
  })),
  {
    cel: matches("self.audience", AUDIENCE),
    holds: ({ audience }) => AUDIENCE.test(audience),
    message: "must not be empty, begin or end with a space, or contain line breaks",
    at: "audience",
  },
]);
