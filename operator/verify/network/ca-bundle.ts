/** The CAs to trust: those that come with Node, those of the system, and those in the operator's --ca-bundle. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { getCACertificates } from "node:tls";

import { OperatorError } from "#common/operator-error";
import type { Log } from "#common/log";

/** The kubelet takes a minute to update a mounted ConfigMap. This adds little to it. */
const READ_AGAIN_MS = 10_000;

/**
 * Follows the file that --ca-bundle names: a mounted file changes while the operator runs (trust-manager, cert-manager). New
 * content that cannot be used is logged once, and the last good bundle stays.
 *
 * @param monotonicMs a monotonic clock, in milliseconds
 * @returns gives the bundle as it is now, or was a few seconds ago
 * @throws OperatorError `InvalidCaBundle` if the file cannot be used at the start
 */
export function followCaBundle(
  file: string,
  log: Log,
  monotonicMs: () => number = () => performance.now(),
): () => string {
  let good = readBundle(file);
  let readAt = monotonicMs();
  let problem = "";
  return () => {
    if (monotonicMs() - readAt < READ_AGAIN_MS) return good;
    readAt = monotonicMs();
    try {
      const found = readBundle(file, good);
      if (found !== good) log.info({ file }, "the CA bundle has changed");
      good = found;
      problem = "";
    } catch (error) {
      const { message } = error as OperatorError;
      if (message !== problem)
        log.warn({ problem: message }, "the CA bundle cannot be used: the last good one stays in use");
      problem = message;
    }
    return good;
  };
}

/** @param known a good bundle, which need not be parsed again */
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
 * The certificates of a bundle, one PEM text each. Text around them (names, comments) is ignored.
 *
 * @param pem the content of the file that --ca-bundle names
 * @throws OperatorError `InvalidCaBundle` if there is none in it, or one of them cannot be parsed
 */
export function parseCaBundle(pem: string): string[] {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0) {
    throw new OperatorError("InvalidCaBundle", "contains no PEM certificate (-----BEGIN CERTIFICATE-----)");
  }
  for (const [index, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate);
    } catch {
      throw new OperatorError("InvalidCaBundle", `cannot be used: certificate ${index + 1} cannot be parsed`);
    }
  }
  return certificates;
}

/**
 * All CAs in PEM, each once. Node's own are included, because a minimal image has no system store.
 *
 * @throws OperatorError `InvalidCaBundle`
 */
export function certificateAuthorities(bundle?: string): string[] {
  const own = bundle === undefined ? [] : parseCaBundle(bundle);
  return [...new Set([...getCACertificates("default"), ...getCACertificates("system"), ...own])];
}
