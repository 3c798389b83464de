/** What a person is told when no reply came over HTTPS: the same for a login provider and for Atlas. Pure. */
import type { Verdict } from "#api/check";
import { Reason } from "#api/status";
import type { HttpOutcome } from "./http.ts";

export type NetworkFailure = Exclude<HttpOutcome, { kind: "Reply" }>;

/**
 * @param who begins a sentence, such as "The login provider"
 * @returns a definite No for what only a person can change, Silence for what may pass
 */
export function networkVerdict(failure: NetworkFailure, who: string): Verdict {
  const no = (reason: Reason, message: string, passing = false): Verdict => ({
    answer: "No",
    reason,
    message,
    passing,
  });
  const silence = (reason: Reason, message: string): Verdict => ({ answer: "Silence", reason, message });
  switch (failure.kind) {
    case "AddressRefused":
      return no(Reason.RejectedAddress, failure.message);
    case "NameNotFound":
      return no(
        Reason.RejectedNameNotFound,
        `${who}'s host name does not exist in DNS, as seen from the cluster. Check it for typing errors.`,
        true,
      );
    case "TlsFailed":
      return no(Reason.RejectedTLS, `${who} ${tlsProblem(failure.code)} (${failure.code}).`);
    case "BadRedirect":
      return no(
        Reason.RejectedRedirect,
        `${who} redirects too often, or to an address that is not https or holds a user name. Use the address where the redirects end.`,
      );
    case "TooLarge":
      return no(
        Reason.RejectedTooLarge,
        `${who}'s answer is larger than any right one. Check the address: it seems to lead to something else.`,
      );
    case "TimedOut":
      return silence(
        Reason.UnreachableTimeout,
        `${who} did not answer in time. Check whether it is up, and whether firewalls and network policies let the operator through.`,
      );
    case "ConnectionRefused":
      return silence(
        Reason.UnreachableRefused,
        `${who} refuses connections. Check the port, and whether the server is up.`,
      );
    case "Unreachable":
      return silence(
        Reason.Unreachable,
        `${who} cannot be reached: ${networkProblem(failure.code)} (${failure.code}).`,
      );
  }
}

/** Reads on after the name of the server. */
function tlsProblem(code: string): string {
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return "has a certificate that has expired: it must be renewed";
    case "CERT_NOT_YET_VALID":
      return "has a certificate that is not valid yet: check the clocks";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return "has a certificate for another host: use the name that the certificate is for";
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return "has a certificate of a CA that the operator does not trust: give it to the operator by --ca-bundle, or let the server send the whole chain";
    default:
      return "cannot be spoken to over TLS: check that the port is the one for https, and its certificate";
  }
}

function networkProblem(code: string): string {
  switch (code) {
    case "EAI_AGAIN":
      return "DNS gave no answer for its host name";
    case "ECONNRESET":
    case "UND_ERR_SOCKET":
      return "the connection was cut";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return "there is no route to it";
    case "PROXY_REFUSED":
      return "the proxy of HTTPS_PROXY does not let the operator through to it";
    default:
      return "the connection failed";
  }
}
