/** Whom to trust: the CAs that Node brings, those of the system, and those that the operator was given. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { getCACertificates } from "node:tls";

import { OperatorError } from "#common/operator-error";
import type { Logger } from "#observe/logger";

/** The kubelet takes a minute to bring a changed ConfigMap; this adds little to it. */
const READ_AGAIN_MS = 10_000;

/**
 * Follows the file that --ca-bundle names: a mounted one changes while we run (trust-manager, cert-manager). A new content
 * that is of no use is told in the log, once, and the last good one stays.
 *
 * @param now a monotonic clock, in milliseconds
 * @returns gives the bundle as it is now, or was a few seconds ago
 * @throws OperatorError `InvalidCaBundle` when it is of no use at the start
 */
export function followCaBundle(file: string, log: Logger, now: () => number = () => performance.now()): () => string {
  let good = readBundle(file);
  let readAt = now();
  let problem = "";
  return () => {
    if (now() - readAt < READ_AGAIN_MS) return good;
    readAt = now();
    try {
      const found = readBundle(file, good);
      if (found !== good) log.info({ file }, "the CA bundle has changed");
      good = found;
      problem = "";
    } catch (error) {
      const { message } = error as OperatorError;
      if (message !== problem) log.warn({ problem: message }, "the CA bundle is of no use: the last good one stays");
      problem = message;
    }
    return good;
  };
}

/** @param known is good, and need not be looked at again */
function readBundle(file: string, known?: string): string {
  const refuse = (why: string) => new OperatorError("InvalidCaBundle", `--ca-bundle: ${file} ${why}`);
  let pem: string;
  try {
    pem = readFileSync(file, "utf8");
  } catch {
    throw refuse("cannot be read");
  }
  if (pem === known) return known;
  try {
    parseCaBundle(pem);
  } catch (error) {
    throw error instanceof OperatorError ? refuse(error.message) : error;
  }
  return pem;
}

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
