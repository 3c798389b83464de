/** The verdict for each outcome of a check. No message quotes the connection string or the server. */
import type { Verdict } from "#api/check";
import { Reason } from "#api/status";
import type { DialFailure } from "../network/dial.ts";
import type { ProbeOutcome } from "./probe.ts";
import type { Doubts } from "./refusal.ts";
import { handshakeVerdict } from "../network/tls-alerts.ts";
import type { Party } from "../network/tls-alerts.ts";
import { no, notYet, silence, unverifiable, yes } from "../verdict.ts";

/** What came of one host. */
export type HostOutcome =
  | DialFailure
  | ProbeOutcome
  /** `message`: from the egress rules, which name the flag that helps. */
  | { kind: "AddressRefused"; message: string }
  | { kind: "NameNotFound" }
  | { kind: "ResolveFailed" }
  /** The application's own container, which has another one's address here. */
  | { kind: "Local" }
  /** The TLS handshake failed, which it need not for the application. `why` reads on after "Not checked: ". */
  | { kind: "TlsUnchecked"; why: string };

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
      return answered("The database server accepted the login and answered in the named database.", outcome.isOld);
    case "Greeted":
      return answered("The database server responded.", outcome.isOld);
    case "Local":
      return unverifiable(unchecked("The connection string leads to the application's own container.", [LOCAL]));
    case "TlsUnchecked":
      return unverifiable(unchecked("A server responded at the database's host and port.", [outcome.why]));
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

const LOCAL = "localhost is another container for the operator";
const OLD = "drivers of today do not support the server's version (they want MongoDB 4.4 or newer), older ones do";

function answered(message: string, isOld: boolean): Verdict {
  return isOld ? unverifiable(unchecked(message, [OLD])) : yes(message);
}

/** @param notes sentences without a capital letter and a full stop */
function unchecked(message: string, notes: readonly string[]): string {
  return `${message} Not checked: ${notes.join("; ")}.`;
}

/** What the string says is left to the application, added to a verdict that has nothing against it. */
export function withDoubts(verdict: Verdict, { notes }: Doubts): Verdict {
  if (notes.length === 0) return verdict;
  if (verdict.answer === "Yes") return unverifiable(unchecked(verdict.message, notes));
  return verdict.answer === "Unverifiable"
    ? unverifiable(`${verdict.message.slice(0, -1)}; ${notes.join("; ")}.`)
    : verdict;
}

/** What the mistake may be, where the server did not accept the login. */
export function withHint(verdict: Verdict, hint: string | undefined): Verdict {
  const isOfLogin = verdict.answer === "No" && verdict.reason === Reason.RejectedAuthentication;
  return isOfLogin && hint !== undefined ? { ...verdict, message: `${verdict.message} ${hint}` } : verdict;
}

/** The verdict without a connection. */
export function notDialled({ notes }: Doubts): Verdict {
  return unverifiable(
    unchecked("Only the application can tell whether the connection string works.", notes.length > 0 ? notes : [LOCAL]),
  );
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
  "Greeted",
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
  "TlsUnchecked",
  "Local",
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
  const said = (answer: Verdict["answer"]) => telling.find((verdict) => verdict.answer === answer);
  return said("Silence") ?? said("Unverifiable") ?? telling[0] ?? verdictOf({ kind: "ResolveFailed" });
}
