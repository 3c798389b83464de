/** The verdict when no reply came over HTTPS: the same for a login provider and for Atlas. Pure. */
import type { Verdict } from "#api/check";
import { Reason } from "#api/status";
import { no, notYet, silence } from "../verdict.ts";
import type { HttpOutcome } from "./http.ts";

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
      return no(Reason.RejectedTLS, tlsMessage(failure.code, who));
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
        `${who} did not answer in time. Check that it is up, and that firewalls and network policies allow connections from the operator.`,
      );
    case "ConnectionRefused":
      return silence(
        Reason.UnreachableRefused,
        `${who} refused the connection. Check the port, and that the server is up.`,
      );
    case "Unreachable":
      return silence(
        Reason.Unreachable,
        `${who} cannot be reached: ${networkProblem(failure.code)} (${failure.code}).`,
      );
  }
}

function tlsMessage(code: string, who: string): string {
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return `${who}'s certificate has expired (${code}). Renew it.`;
    case "CERT_NOT_YET_VALID":
      return `${who}'s certificate is not valid yet (${code}). Check the clocks of the server and of the cluster.`;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `${who}'s certificate is for another host name (${code}). Use a host name that is in the certificate.`;
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return `${who}'s certificate was issued by a CA that the operator does not trust (${code}). Add the CA to the operator's --ca-bundle, or configure the server to send its whole certificate chain.`;
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
    case "PROXY_REFUSED":
      return "the proxy in HTTPS_PROXY refused to connect to it";
    default:
      return "the connection failed";
  }
}
