/** The verdict when no reply came over HTTPS: the same for a login provider and for Atlas. Pure. */
import type { Verdict } from "#api/check";
import { Reason } from "#api/status";
import { no, notYet, silence } from "../verdict.ts";
import type { HttpOutcome } from "./http.ts";
import { handshakeVerdict } from "./tls-alerts.ts";

export type NetworkFailure = Exclude<HttpOutcome, { kind: "Reply" }>;

/**
 * @param who begins a sentence, such as "The login provider"
 * @returns a definite No for what only a person can change, Silence for what may pass
 */
export function networkVerdict(failure: NetworkFailure, who: string): Verdict {
  switch (failure.kind) {
    case "AddressRefused":
      return no(Reason.RejectedAddress, failure.message);
    case "NameNotFound":
      return notYet(
        Reason.RejectedNameNotFound,
        `${who}'s host name does not exist in DNS as seen from the cluster. Check its spelling.`,
      );
    case "TlsFailed":
      return tlsVerdict(failure, who);
    case "BadRedirect":
      return no(
        Reason.RejectedRedirect,
        `${who} redirects too often, or to a URL that is not https or contains a user name. Use the URL at the end of the redirects.`,
      );
    case "TooLarge":
      return no(Reason.RejectedTooLarge, `${who}'s response exceeds the size limit. Check that the URL is correct.`);
    case "TimedOut":
      return silence(
        Reason.UnreachableTimeout,
        failure.proxied
          ? `${who} did not answer in time ${THROUGH}. Check that it is up, and that the proxy can reach it.`
          : `${who} did not answer in time. Check that it is up, and that firewalls and network policies allow connections from the operator.`,
      );
    case "ConnectionRefused":
      return silence(
        Reason.UnreachableRefused,
        `${who} refused the connection. Check the port, and that the server is up.`,
      );
    case "Unreachable":
      return silence(
        Reason.Unreachable,
        `${who} cannot be reached${failure.proxied ? ` ${THROUGH}` : ""}: ${networkProblem(failure.code)} (${failure.code}).`,
      );
    case "ProxyFailed":
      return silence(
        failure.code === "TIMED_OUT" ? Reason.UnreachableTimeout : Reason.Unreachable,
        `${who} cannot be reached ${THROUGH}: ${proxyProblem(failure)}`,
      );
  }
}

const THROUGH = "through the proxy in HTTPS_PROXY";

/** A proxy that inspects TLS shows certificates of its own, by a CA that clients behind it have to trust. */
function tlsVerdict(failure: Extract<NetworkFailure, { kind: "TlsFailed" }>, who: string): Verdict {
  const { code, proxied } = failure;
  const handshake = handshakeVerdict(failure, {
    who,
    clientCertificate: "The operator has none to show. Configure the server not to require one.",
  });
  if (handshake !== undefined) return handshake;
  if (proxied && UNTRUSTED.has(code)) {
    return silence(
      Reason.Unreachable,
      `The certificate that the operator gets for ${lowerFirst(who)} ${THROUGH} was issued by a CA that it does not trust (${code}). If the proxy inspects TLS, add the proxy's CA to the operator's --ca-bundle; otherwise add the server's.`,
    );
  }
  return no(Reason.RejectedTLS, tlsMessage(code, who));
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

const UNTRUSTED: ReadonlySet<string> = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

function tlsMessage(code: string, who: string): string {
  if (UNTRUSTED.has(code)) {
    return `${who}'s certificate was issued by a CA that the operator does not trust (${code}). Add the CA to the operator's --ca-bundle, or configure the server to send its whole certificate chain.`;
  }
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return `${who}'s certificate has expired (${code}). Renew it.`;
    case "CERT_NOT_YET_VALID":
      return `${who}'s certificate is not valid yet (${code}). Check the clocks of the server and of the cluster.`;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `${who}'s certificate is for another host name (${code}). Use a host name that is in the certificate.`;
    default:
      return `${who} did not complete the TLS handshake (${code}). Check that the port is the one for https, and check the server's certificate.`;
  }
}

function networkProblem(code: string): string {
  switch (code) {
    case "EAI_AGAIN":
      return "DNS gave no answer for its host name";
    case "ECONNRESET":
    case "UND_ERR_SOCKET":
      return "the connection was closed";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "there is no route to it";
    default:
      return "the connection failed";
  }
}

/** Why there was no tunnel, and what to do. Ends the sentence, and adds one. */
function proxyProblem({ code, status }: Extract<NetworkFailure, { kind: "ProxyFailed" }>): string {
  switch (status) {
    case undefined:
      return proxyUnreachable(code);
    case 407:
      return "the proxy requires a login (HTTP status 407). Put a valid user name and password into HTTPS_PROXY.";
    case 502:
    case 503:
    case 504:
      return `the proxy could not connect to it (HTTP status ${status}). Check that the server is up, and that the proxy can reach it.`;
    default:
      return `the proxy refused to connect to it (HTTP status ${status}). Allow the host in the proxy, or add it to NO_PROXY.`;
  }
}

const CHECK_PROXY = "Check HTTPS_PROXY, and that the proxy is up.";

function proxyUnreachable(code: string): string {
  switch (code) {
    case "TIMED_OUT":
    case "UND_ERR_CONNECT_TIMEOUT":
      return `the proxy did not answer in time. ${CHECK_PROXY}`;
    case "ECONNREFUSED":
      return `the proxy refused the connection (${code}). ${CHECK_PROXY}`;
    case "ENOTFOUND":
      return `the proxy's host name does not exist in DNS (${code}). ${CHECK_PROXY}`;
    case "EAI_AGAIN":
      return `DNS gave no answer for the proxy's host name (${code}). ${CHECK_PROXY}`;
  }
  if (UNTRUSTED.has(code)) {
    return `the proxy's certificate was issued by a CA that the operator does not trust (${code}). Add the CA to the operator's --ca-bundle.`;
  }
  if (/^(CERT_|ERR_TLS_|ERR_SSL_|EPROTO$|UND_ERR_PRX_TLS$)/.test(code)) {
    return `the TLS handshake with the proxy failed (${code}). Check the proxy's certificate, and whether HTTPS_PROXY must begin with http://.`;
  }
  return `the connection to the proxy failed (${code}). ${CHECK_PROXY}`;
}
