/** The verdict for each outcome of a check. No message quotes the connection string or the server. */
import type { Verdict } from "#api/check";
import { Reason } from "#api/status";
import type { DialFailure } from "./dial.ts";
import type { ProbeOutcome } from "./probe.ts";
import { handshakeVerdict } from "../network/tls-alerts.ts";
import type { Party } from "../network/tls-alerts.ts";
import { no, notYet, silence, yes } from "../verdict.ts";

/** What came of one host. */
export type HostOutcome =
  | DialFailure
  | ProbeOutcome
  /** `message`: from the egress rules, which name the flag that helps. */
  | { kind: "AddressRefused"; message: string }
  | { kind: "NameNotFound" }
  | { kind: "ResolveFailed" };

const SERVER: Party = {
  who: "The database server",
  clientCertificate:
    'The check has none to show. If the application has one, set verify: "Off"; otherwise configure the server not to require one.',
};
const COMPARE_LOGIN = "Compare user name, password and authSource with the database's users.";

/** The verdict when this came of the only host. */
export function verdictOf(outcome: HostOutcome): Verdict {
  switch (outcome.kind) {
    case "Welcome":
      return yes("The database server accepted the login and answered in the named database.");
    case "LoginRefused":
      return no(Reason.RejectedAuthentication, `The database server refused the login. ${COMPARE_LOGIN}`);
    case "MechanismRefused":
      return no(
        Reason.RejectedAuthentication,
        "The database server does not allow this user to log in with this mechanism. Correct authMechanism, or leave it out.",
      );
    case "LoginImpossible":
      return no(
        Reason.RejectedURI,
        "The password contains characters that SCRAM-SHA-256 forbids (RFC 4013). Choose another password.",
      );
    case "LoginMissing":
      return no(
        Reason.RejectedAuthentication,
        "The database server requires a login, and the connection string has none. Add user name and password.",
      );
    case "ServerUnproven":
      return no(
        Reason.RejectedServer,
        "The database server accepted the login but could not prove that it knows the password. Check that host and port lead to the right server.",
      );
    case "IterationsOutOfBounds":
      return no(
        Reason.RejectedServer,
        "The database server demands an unsafe SCRAM iteration count for this user. Check that host and port lead to the right server, or set the user's password again.",
      );
    case "NotAuthorized":
      return no(
        Reason.RejectedNotAuthorized,
        "The login works, but the user has no rights in the named database. Grant a role there, or correct the database's name.",
      );
    case "UnsupportedVersion":
      return no(
        Reason.RejectedServer,
        "Current MongoDB drivers do not support the database server's version. If it is older than MongoDB 4.4, upgrade the server.",
      );
    case "NotLoadBalanced":
      return no(
        Reason.RejectedServer,
        "The database server is not behind a load balancer that supports loadBalanced=true. Remove that option, or correct the host.",
      );
    case "OtherReplicaSet":
      return no(
        Reason.RejectedServer,
        "The database server is not a member of the replica set that the option replicaSet names. Correct that name, or the host.",
      );
    case "NotMongoDB":
      return no(
        Reason.RejectedServer,
        "A server responded at that host and port, but not as a MongoDB server does. Correct host and port.",
      );
    case "CommandRefused":
      return no(
        Reason.RejectedServer,
        `The database server refused to list the named database (MongoDB error ${outcome.code}). Correct the database's name, or the host.`,
      );
    case "TlsFailed":
      return handshakeVerdict(outcome, SERVER) ?? no(Reason.RejectedTLS, tlsMessage(outcome.code));
    case "AddressRefused":
      return no(Reason.RejectedAddress, outcome.message);
    case "NameNotFound":
      return notYet(
        Reason.RejectedNameNotFound,
        "The database's host does not exist in DNS. Correct the name in the connection string, or create its DNS record.",
      );
    case "ResolveFailed":
      return silence(
        Reason.Unreachable,
        "DNS returned no answer for the database's host. The problem may be temporary; if it persists, check the cluster's DNS.",
      );
    case "Refused":
      return silence(
        Reason.UnreachableRefused,
        "The database's host refused the connection. Check that the server is running, and the port.",
      );
    case "TimedOut":
      return silence(
        Reason.UnreachableTimeout,
        "The database server did not respond in time. Check host and port, whether the server uses TLS, and network policies and firewalls on the way.",
      );
    case "NetworkFailed":
      return silence(
        Reason.Unreachable,
        `The connection to the database server failed (${outcome.code}). Check the network, and that both sides use TLS or neither does.`,
      );
    case "Closed":
      return silence(
        Reason.Unreachable,
        outcome.answered
          ? "The database server closed the connection in the middle of the check. Check the server's log."
          : "The database server closed the connection without responding. If it requires TLS, add tls=true; otherwise check the server's log.",
      );
    case "NotReady":
      return silence(
        Reason.Unreachable,
        "The database server responded, but is not ready: it is starting, recovering, overloaded or shutting down, or it is an arbiter.",
      );
  }
}

function tlsMessage(code: string): string {
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
    return "The database server's certificate has expired or is not valid yet. Renew it.";
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return "The database server's certificate is for another name. Use the name in the certificate, or issue one for this host.";
  }
  if (code.startsWith("ERR_SSL")) {
    return `The TLS handshake with the database server failed (${code}). Check that host and port lead to the right server, and its TLS settings.`;
  }
  return `The database server's certificate is signed by a CA that the operator does not trust (${code}). Add the CA to --ca-bundle.`;
}

/** A member of the set judged the login. The others would say the same, and another attempt could lock the account. */
const FINAL: readonly HostOutcome["kind"][] = [
  "Welcome",
  "LoginRefused",
  "MechanismRefused",
  "LoginImpossible",
  "LoginMissing",
  "NotAuthorized",
];

export function isFinal(outcome: HostOutcome): boolean {
  return FINAL.includes(outcome.kind);
}

/** The further down, the closer to a working connection, and the more it helps the reader. */
const TELLING: readonly HostOutcome["kind"][] = [
  "NameNotFound",
  "AddressRefused",
  "ResolveFailed",
  "NetworkFailed",
  "TimedOut",
  "Refused",
  "Closed",
  "NotReady",
  "NotMongoDB",
  "TlsFailed",
  "NotLoadBalanced",
  "OtherReplicaSet",
  "UnsupportedVersion",
  "IterationsOutOfBounds",
  "ServerUnproven",
  "CommandRefused",
];

/** The verdict on a list of hosts. A "No" needs all of them: as long as one host is silent, it may be the one that works. */
export function summarize(outcomes: readonly HostOutcome[]): Verdict {
  const final = outcomes.find(isFinal);
  if (final !== undefined) return verdictOf(final);
  const telling = outcomes.toSorted((a, b) => TELLING.indexOf(b.kind) - TELLING.indexOf(a.kind)).map(verdictOf);
  const said = telling.find(({ answer }) => answer === "Silence") ?? telling[0];
  return said ?? verdictOf({ kind: "ResolveFailed" });
}
