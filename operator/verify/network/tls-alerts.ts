/**
 * Why a TLS handshake failed, other than because of the server's certificate: the server ended it with an alert, or what came was
 * no TLS that the operator can use. Pure. The alerts are those of IANA's registry (RFC 8446 §6, RFC 5246 §7.2, RFC 6066 §9).
 *
 * A No is for what the server refuses to every client: a version, a name, a client without a certificate. An alert about the protocol
 * may come of a fault on the way, and another client may not meet it, so it proves nothing.
 */
import type { Verdict } from "#api/check";
import { Reason } from "#api/status";
import { no, silence } from "../verdict.ts";

export type HandshakeFailure = {
  /** As OpenSSL and Node name it. */
  code: string;
  /** The number of the server's alert, if it sent one. */
  alert?: number | undefined;
  /** The TLS version that was agreed on, "TLSv1.2"; before one was, the newest that the operator offers. */
  protocol?: string | undefined;
  /** The host that was dialled, if it may be one of MongoDB Atlas. Not shown. */
  host?: string | undefined;
};

export type Party = {
  /** Begins a sentence: "The login provider". */
  who: string;
  /** What to do where the server wants a client certificate, in a sentence. */
  clientCertificate: string;
};

/** @returns undefined if it was neither an alert nor the protocol: then it was the certificate, or the network */
export function handshakeVerdict(failure: HandshakeFailure, party: Party): Verdict | undefined {
  const { code, alert, host = "" } = failure;
  if (alert === undefined) {
    const problem = PROBLEMS.find(({ codes }) => codes.test(code));
    return problem && no(Reason.RejectedTLS, `${party.who} ${problem.says} (${code}). ${problem.advice}`);
  }
  if (alert === INTERNAL_ERROR && ATLAS_HOST.test(host)) {
    return no(
      Reason.RejectedTLS,
      `MongoDB Atlas ended the TLS handshake (alert ${alert}), as it does for addresses that are not on the project's IP access list. Add the address that the Kubernetes cluster uses for outgoing connections to that list.`,
    );
  }
  const { name, answer, says, advice } = ALERTS[alert] ?? UNKNOWN_ALERT;
  const message = `${party.who} ${says} (TLS alert ${alert}${name === "" ? "" : `, ${name}`}). ${advice === CLIENT_CERTIFICATE ? party.clientCertificate : advice}`;
  return answer === "No" ? no(Reason.RejectedTLS, message) : silence(Reason.Unreachable, message);
}

const INTERNAL_ERROR = 80;
/** Clusters of MongoDB Atlas, and of Atlas for Government. */
const ATLAS_HOST = /(^|\.)(mongodb\.net|mongodbgov\.net)\.?$/i;

/** `says` follows the server's name, and `advice` is a sentence. */
type Meaning = { name: string; answer: "No" | "Silence"; says: string; advice: string };

/** Stands for the party's own advice. */
const CLIENT_CERTIFICATE = "client certificate";

const PROTOCOL_ADVICE =
  "Check the server's log, and whether a proxy, firewall or load balancer on the way changes the traffic.";
const VERSION_ADVICE = "Update the server, or enable TLS 1.2 or 1.3 there.";

function protocol(name: string): Meaning {
  return {
    name,
    answer: "Silence",
    says: "ended the TLS handshake because of a protocol error",
    advice: PROTOCOL_ADVICE,
  };
}

function certificate(name: string, says: string): Meaning {
  return { name, answer: "No", says, advice: CLIENT_CERTIFICATE };
}

function refused(name: string, says: string, advice: string): Meaning {
  return { name, answer: "No", says, advice };
}

function passing(name: string, says: string, advice: string): Meaning {
  return { name, answer: "Silence", says, advice };
}

const ENDED = "ended the TLS handshake before it was complete";
const UNKNOWN_ALERT = passing("", ENDED, PROTOCOL_ADVICE);

// prettier-ignore
const ALERTS: Readonly<Record<number, Meaning>> = {
  0: passing("close_notify", ENDED, "Check the server's log."),
  10: protocol("unexpected_message"),
  20: protocol("bad_record_mac"),
  21: protocol("decryption_failed"),
  22: protocol("record_overflow"),
  30: protocol("decompression_failure"),
  40: refused("handshake_failure", "has no TLS cipher or curve in common with the operator, has no certificate, or requires a client certificate", "Check the server's TLS settings and its log."),
  41: certificate("no_certificate", "requires a client certificate"),
  42: certificate("bad_certificate", "requires a client certificate that it can read and verify"),
  43: certificate("unsupported_certificate", "requires a client certificate of another kind"),
  44: certificate("certificate_revoked", "refuses a client certificate as revoked"),
  45: certificate("certificate_expired", "refuses a client certificate as expired"),
  46: certificate("certificate_unknown", "requires a client certificate that it accepts"),
  47: protocol("illegal_parameter"),
  48: certificate("unknown_ca", "requires a client certificate of a CA that it trusts"),
  49: refused("access_denied", "denies access to this client", "Check its rules of access, such as a list of allowed addresses or names."),
  50: protocol("decode_error"),
  51: protocol("decrypt_error"),
  52: protocol("too_many_cids_requested"),
  60: refused("export_restriction", "accepts only encryption that is too weak", VERSION_ADVICE),
  70: refused("protocol_version", "supports no TLS version that the operator does, which are 1.2 and 1.3", VERSION_ADVICE),
  71: refused("insufficient_security", "requires stronger ciphers than the operator offers", "Check which ciphers the server allows: current clients use those of TLS 1.2 and 1.3."),
  80: passing("internal_error", "ended the TLS handshake because of an internal error", "Check the server's log, its certificate, and whether it accepts connections from the Kubernetes cluster's addresses."),
  86: refused("inappropriate_fallback", "refuses this TLS version as too old", VERSION_ADVICE),
  90: passing("user_canceled", ENDED, "Check the server's log."),
  100: protocol("no_renegotiation"),
  109: protocol("missing_extension"),
  110: protocol("unsupported_extension"),
  111: certificate("certificate_unobtainable", "could not fetch a client certificate"),
  112: refused("unrecognized_name", "does not serve this host name", "Correct the host name, or configure the server for it."),
  113: certificate("bad_certificate_status_response", "refuses the status of a client certificate"),
  114: certificate("bad_certificate_hash_value", "refuses the hash of a client certificate"),
  115: refused("unknown_psk_identity", "requires a pre-shared key", "Configure it to accept connections with certificates."),
  116: certificate("certificate_required", "requires a client certificate"),
  117: passing("general_error", ENDED, "Check the server's log."),
  120: refused("no_application_protocol", "speaks another protocol at that port", "Correct the port, or the protocols that the server offers (ALPN)."),
  121: protocol("ech_required"),
};

const HANDSHAKE_FAILURE = 40;

/**
 * Whether a client that has a certificate may not get this alert. Where TLS 1.2 is agreed on, servers send 40 to a client that has
 * none: it says nothing of ciphers there, since those are agreed on together with the version.
 */
export function isOfClientCertificate({ alert, protocol: version }: HandshakeFailure): boolean {
  if (alert === undefined) return false;
  return ALERTS[alert]?.advice === CLIENT_CERTIFICATE || (alert === HANDSHAKE_FAILURE && version === "TLSv1.2");
}

/** What OpenSSL itself finds wrong with what the server sends. */
const PROBLEMS: readonly { codes: RegExp; says: string; advice: string }[] = [
  {
    codes:
      /^ERR_SSL_(UNSUPPORTED_PROTOCOL|UNSUPPORTED_SSL_VERSION|VERSION_TOO_LOW|VERSION_TOO_HIGH|UNKNOWN_SSL_VERSION)$/,
    says: "supports no TLS version that the operator does, which are 1.2 and 1.3",
    advice: VERSION_ADVICE,
  },
  {
    codes:
      /^ERR_SSL_((DH|EE|CA|RSA|EC)_KEY_TOO_SMALL|CA_MD_TOO_WEAK|EE_MD_TOO_WEAK|MODULUS_TOO_SMALL|BAD_DH_VALUE|WRONG_SIGNATURE_TYPE|LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED|UNSAFE_LEGACY_RENEGOTIATION_DISABLED|NO_SHARED_\w+)$/,
    says: "uses keys, signatures or settings of TLS that are too weak for current clients",
    advice: "Update its certificate and its TLS settings.",
  },
  {
    codes:
      /^(EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|RECORD_TOO_SMALL|HTTPS?_(PROXY_)?REQUEST|UNKNOWN_PROTOCOL|BAD_RECORD_TYPE|UNEXPECTED_MESSAGE|DATA_LENGTH_TOO_LONG))$/,
    says: "does not speak TLS at that port",
    advice: "Correct the port, or enable TLS on the server.",
  },
];
