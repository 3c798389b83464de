/**
 * Which certificates an application accepts that the check does not: it has CAs and a certificate of its own in files of its
 * container, or does not look at the server's. The check never gives a login to a server that did not prove who it is.
 */
import { isOfClientCertificate } from "../network/tls-alerts.ts";
import type { HandshakeFailure } from "../network/tls-alerts.ts";
import type { Options } from "./refusal.ts";

export type OwnTrust = {
  /** CAs of its own. */
  cas: boolean;
  /** Any certificate. */
  anyCertificate: boolean;
  /** A certificate for another name. */
  anyName: boolean;
  /** It shows a client certificate. */
  shows: boolean;
};

const CAS = ["tlsCAFile", "sslCertificateAuthorityFile", "sslCA", "ssl_ca_certs"];
const SHOWN = ["tlsCertificateKeyFile", "tlsCertificateFile", "sslClientCertificateKeyFile", "ssl_certfile"];
const ANY_CERTIFICATE: readonly (readonly [name: string, value: string])[] = [
  ["tlsInsecure", "true"],
  ["tlsAllowInvalidCertificates", "true"],
  ["sslInsecure", "true"],
  ["sslAllowInvalidCertificates", "true"],
  ["sslValidate", "false"],
  ["sslVerifyCertificate", "false"],
  ["rejectUnauthorized", "false"],
  ["ssl_cert_reqs", "CERT_NONE"],
];
const ANY_NAME: typeof ANY_CERTIFICATE = [
  ["tlsInsecure", "true"],
  ["tlsAllowInvalidHostnames", "true"],
  ["sslInsecure", "true"],
  ["sslAllowInvalidHostnames", "true"],
  ["sslInvalidHostNameAllowed", "true"],
  ["ssl_match_hostname", "false"],
];

export function ownTrust(options: Options): OwnTrust {
  const has = (name: string) => options.has(name);
  const says = ([name, value]: readonly [string, string]) => options.get(name) === value;
  return {
    cas: CAS.some(has),
    anyCertificate: ANY_CERTIFICATE.some(says),
    anyName: ANY_NAME.some(says),
    shows: SHOWN.some(has) || options.get("authMechanism") === "MONGODB-X509",
  };
}

/**
 * Why the application may be able to connect where the check was not. Reads on after "Not checked: ".
 *
 * @param failure of TLS, with the code as Node.js gives it
 */
export function excuse(failure: HandshakeFailure, own: OwnTrust): string | undefined {
  const { code, alert } = failure;
  const { cas, anyCertificate, anyName, shows } = own;
  const isOfName = code === "ERR_TLS_CERT_ALTNAME_INVALID";
  const isOfTime = code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID";
  const isOfHandshake = alert !== undefined || code.startsWith("ERR_SSL") || code === "EPROTO";
  if (isOfHandshake) {
    return shows && isOfClientCertificate(failure)
      ? "the server wants a client certificate, and the check has none"
      : undefined;
  }
  if (anyCertificate || (isOfName && anyName))
    return `the server's certificate, which the check does not accept (${code})`;
  if (cas && !isOfName && !isOfTime) {
    return `the server's certificate is signed by a CA that the operator does not trust (${code}); add the CA to --ca-bundle to check the rest`;
  }
  return undefined;
}
