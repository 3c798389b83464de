/**
 * The address of a JSON Web Key Set.
 *
 * The demands judge only the form. A few texts of the right form are still no URL (an unknown punycode, 999.0.0.1): parse
 * one before you dial it, and expect that to fail.
 */
import { type Demand, hasForm } from "../../schema/demands.ts";
import { IPV6 } from "../../schema/formats.ts";

const LABEL = "[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?";
/** The last label begins with a letter, or a URL parser takes the whole for a (broken) IPv4 address. */
const HOST_NAME = `(${LABEL}\\.)*[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?\\.?`;
const IPV4 = "[0-9]{1,3}(\\.[0-9]{1,3}){3}";
const HTTPS = /^https:\/\//;

export const JWKS_URI_DEMANDS: readonly Demand[] = [
  hasForm({
    form: HTTPS,
    message: "must begin with https://, because over http anyone on the network path could replace the keys",
  }),
  hasForm({
    of: HTTPS,
    form: new RegExp(`^https://(${HOST_NAME}|${IPV4}|${IPV6})(:[0-9]{1,5})?([/?][!-"$-~]*)?$`),
    message:
      "must be an absolute URL such as https://id.example.com/.well-known/jwks.json: with a host, and without a user name, password, fragment or spaces",
  }),
];
