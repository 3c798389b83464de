/** What is said of a database, for each thing that can come of asking it. None quotes the connection string or the server. */
import type { Verdict } from "#api/check";
import { Reason } from "#api/status";
import type { Answer } from "./driver.ts";

/** What came of one host. */
export type HostOutcome =
  | Answer
  /** `message`: of the egress rules, which says which flag helps. */
  | { kind: "AddressRefused"; message: string }
  | { kind: "NameNotFound" }
  | { kind: "ResolveFailed" };

const no = (reason: Reason, message: string, passing = false): Verdict => ({ answer: "No", reason, message, passing });
const silence = (reason: Reason, message: string): Verdict => ({ answer: "Silence", reason, message });

const MATCH_LOGIN = "Compare user name, password and authSource with the database's users";

/** The verdict when this came of the only host. */
export function verdictOf(outcome: HostOutcome): Verdict {
  switch (outcome.kind) {
    case "Welcome":
      return { answer: "Yes", message: "The database server took the login and answers in the named database." };
    case "LoginRefused":
      return no(Reason.RejectedAuthentication, `The database server refuses the login. ${MATCH_LOGIN}.`);
    case "MechanismRefused":
      return no(
        Reason.RejectedAuthentication,
        "The database server does not log this user in by the mechanism that was tried. Correct authMechanism, or leave it out.",
      );
    case "LoginImpossible":
      return no(
        Reason.RejectedURI,
        "The user name or password has characters that SCRAM-SHA-256 forbids (RFC 4013). Choose another password.",
      );
    case "LoginMissing":
      return no(
        Reason.RejectedAuthentication,
        "The database server wants a login, and the connection string has none. Add user name and password.",
      );
    case "NotAuthorized":
      return no(
        Reason.RejectedNotAuthorized,
        "The login works, but the user has no rights in the named database. Grant a role there, or correct the database's name.",
      );
    case "TooOld":
      return no(
        Reason.RejectedServer,
        "The database server's version cannot be used with the current MongoDB drivers: upgrade the server.",
      );
    case "OtherReplicaSet":
      return no(
        Reason.RejectedServer,
        "The database server is not a member of the replica set that the option replicaSet names. Correct that name, or the host.",
      );
    case "NotMongoDB":
      return no(
        Reason.RejectedServer,
        "Something answers at that host and port, but not as a MongoDB server does. Correct host and port.",
      );
    case "CommandRefused":
      return no(
        Reason.RejectedServer,
        `The database server refuses to list the named database (MongoDB error ${outcome.code}). Correct the database's name, or the host.`,
      );
    case "TlsFailed":
      return no(Reason.RejectedTLS, tlsMessage(outcome.code));
    case "AddressRefused":
      return no(Reason.RejectedAddress, outcome.message);
    case "NameNotFound":
      return no(
        Reason.RejectedNameNotFound,
        "DNS does not know the database's host. Correct the name in the connection string, or create its DNS record.",
        true,
      );
    case "ResolveFailed":
      return silence(
        Reason.Unreachable,
        "DNS does not say where the database's host is; it may be out of order for now.",
      );
    case "Refused":
      return silence(
        Reason.UnreachableRefused,
        "The database's host refuses the connection. Check that the server runs, and the port.",
      );
    case "TimedOut":
      return silence(
        Reason.UnreachableTimeout,
        "The database server does not answer in time. Check host and port, whether it speaks TLS there, and network policies and firewalls on the way.",
      );
    case "NetworkFailed":
      return silence(
        Reason.Unreachable,
        `The connection to the database server fails (${outcome.code}). Check the network, and that both sides mean TLS or both do not.`,
      );
    case "Closed":
      return silence(
        Reason.Unreachable,
        outcome.answered
          ? "The database server closed the connection in the middle of the check."
          : "The database server closes the connection without a word. If it wants TLS, add tls=true; else look into its log.",
      );
    case "NotReady":
      return silence(
        Reason.Unreachable,
        "The database server answers, but is not ready: it is starting, recovering, overloaded or shutting down, or an arbiter.",
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
  if (/CERTIFICATE_REQUIRED|ALERT_BAD_CERTIFICATE|HANDSHAKE_FAILURE/.test(code)) {
    return "The database server refuses the TLS handshake; perhaps it wants a client certificate, which a check cannot have. Then set verify: Off.";
  }
  if (code.startsWith("ERR_SSL") || code === "EPROTO") {
    return "The database's host does not speak TLS at that port, or none that we can. Correct the port, or leave out tls=true.";
  }
  return `The database server's certificate is signed by no CA that the operator trusts (${code}). Add the CA to --ca-bundle.`;
}

/** The login was judged by a member of the set: the others would say the same, and asking them could lock the account. */
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

/** The further down, the closer it came to a working connection: what a person should read first. */
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
  "OtherReplicaSet",
  "TooOld",
  "CommandRefused",
];

/**
 * The verdict on a list of hosts, one outcome or more each. A "no" needs all of them: as long as one host is silent it
 * may be the one that works.
 */
export function summarize(outcomes: readonly HostOutcome[]): Verdict {
  const final = outcomes.find(isFinal);
  if (final !== undefined) return verdictOf(final);
  const telling = outcomes.toSorted((a, b) => TELLING.indexOf(b.kind) - TELLING.indexOf(a.kind)).map(verdictOf);
  const said = telling.find(({ answer }) => answer === "Silence") ?? telling[0];
  return said ?? verdictOf({ kind: "ResolveFailed" });
}
