/** Whom to trust: the CAs that Node brings, those of the system, and those that the operator was given. */
import { X509Certificate } from "node:crypto";
import { getCACertificates } from "node:tls";

import { OperatorError } from "../api/errors.ts";

/**
 * The certificates of a bundle, one PEM text each. Text around them (names, comments) is left out.
 *
 * @param pem the content of the file that --ca-bundle names
 * @throws OperatorError `InvalidCaBundle` when there is none in it, or one of them cannot be read
 */
export function parseCaBundle(pem: string): string[] {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) {
    throw new OperatorError("InvalidCaBundle", "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)");
  }
  for (const [index, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate);
    } catch {
      throw new OperatorError("InvalidCaBundle", `holds a certificate that cannot be read, the ${index + 1}. in it`);
    }
  }
  return certificates;
}

/**
 * All of them in PEM, each once. Node's own come too: a minimal image has no system store.
 *
 * @throws OperatorError `InvalidCaBundle`
 */
export function certificateAuthorities(bundle?: string): string[] {
  const own = bundle === undefined ? [] : parseCaBundle(bundle);
  return [...new Set([...getCACertificates("default"), ...getCACertificates("system"), ...own])];
}
