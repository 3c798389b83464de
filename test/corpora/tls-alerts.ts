/**
 * Every alert with which a server can refuse a TLS client (RFC 8446 §6, RFC 5246 §7.2, IANA's registry), with the `code` that
 * Node's client gives its error. OpenSSL makes it of the alert's name, blanks replaced by underscores: some have a slash.
 *
 * The number is also in the error's message, "SSL alert number 80", whatever the version of OpenSSL calls the alert.
 */
export type TlsAlert = {
  number: number;
  /** As the RFC has it. */
  name: string;
  /** `error.code` on Node 24 (OpenSSL 3.5). */
  code: string;
  /** Whether a server refuses this client, its certificate, its name or its version, or has a fault of its own. */
  about:
    | "client certificate"
    | "server name"
    | "version or cipher"
    | "protocol"
    | "server"
    | "application protocol"
    | "access";
};

/** A connection that ends: OpenSSL does not know the alert, or it is no fatal one. */
const RESET = "ECONNRESET";

// prettier-ignore
export const TLS_ALERTS: readonly TlsAlert[] = [
  { number: 0, name: "close_notify", code: RESET, about: "server" },
  { number: 10, name: "unexpected_message", code: "ERR_SSL_SSL/TLS_ALERT_UNEXPECTED_MESSAGE", about: "protocol" },
  { number: 20, name: "bad_record_mac", code: "ERR_SSL_SSL/TLS_ALERT_BAD_RECORD_MAC", about: "protocol" },
  { number: 21, name: "decryption_failed", code: "ERR_SSL_TLSV1_ALERT_DECRYPTION_FAILED", about: "protocol" },
  { number: 22, name: "record_overflow", code: "ERR_SSL_TLSV1_ALERT_RECORD_OVERFLOW", about: "protocol" },
  { number: 30, name: "decompression_failure", code: "ERR_SSL_SSL/TLS_ALERT_DECOMPRESSION_FAILURE", about: "protocol" },
  { number: 40, name: "handshake_failure", code: "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", about: "version or cipher" },
  { number: 41, name: "no_certificate", code: "ERR_SSL_SSL/TLS_ALERT_NO_CERTIFICATE", about: "client certificate" },
  { number: 42, name: "bad_certificate", code: "ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE", about: "client certificate" },
  { number: 43, name: "unsupported_certificate", code: "ERR_SSL_SSL/TLS_ALERT_UNSUPPORTED_CERTIFICATE", about: "client certificate" },
  { number: 44, name: "certificate_revoked", code: "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_REVOKED", about: "client certificate" },
  { number: 45, name: "certificate_expired", code: "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED", about: "client certificate" },
  { number: 46, name: "certificate_unknown", code: "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN", about: "client certificate" },
  { number: 47, name: "illegal_parameter", code: "ERR_SSL_SSL/TLS_ALERT_ILLEGAL_PARAMETER", about: "protocol" },
  { number: 48, name: "unknown_ca", code: "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", about: "client certificate" },
  { number: 49, name: "access_denied", code: "ERR_SSL_TLSV1_ALERT_ACCESS_DENIED", about: "access" },
  { number: 50, name: "decode_error", code: "ERR_SSL_TLSV1_ALERT_DECODE_ERROR", about: "protocol" },
  { number: 51, name: "decrypt_error", code: "ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR", about: "protocol" },
  { number: 52, name: "too_many_cids_requested", code: RESET, about: "protocol" },
  { number: 60, name: "export_restriction", code: "ERR_SSL_TLSV1_ALERT_EXPORT_RESTRICTION", about: "version or cipher" },
  { number: 70, name: "protocol_version", code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", about: "version or cipher" },
  { number: 71, name: "insufficient_security", code: "ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY", about: "version or cipher" },
  // Atlas: the client's address is not on the project's IP access list.
  { number: 80, name: "internal_error", code: "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", about: "server" },
  { number: 86, name: "inappropriate_fallback", code: "ERR_SSL_TLSV1_ALERT_INAPPROPRIATE_FALLBACK", about: "version or cipher" },
  { number: 90, name: "user_canceled", code: "ERR_SSL_TLSV1_ALERT_USER_CANCELLED", about: "server" },
  { number: 100, name: "no_renegotiation", code: "ERR_SSL_TLSV1_ALERT_NO_RENEGOTIATION", about: "protocol" },
  { number: 109, name: "missing_extension", code: "ERR_SSL_TLSV13_ALERT_MISSING_EXTENSION", about: "protocol" },
  { number: 110, name: "unsupported_extension", code: "ERR_SSL_TLSV1_UNSUPPORTED_EXTENSION", about: "protocol" },
  { number: 111, name: "certificate_unobtainable", code: "ERR_SSL_TLSV1_CERTIFICATE_UNOBTAINABLE", about: "client certificate" },
  { number: 112, name: "unrecognized_name", code: "ERR_SSL_TLSV1_UNRECOGNIZED_NAME", about: "server name" },
  { number: 113, name: "bad_certificate_status_response", code: "ERR_SSL_TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE", about: "client certificate" },
  { number: 114, name: "bad_certificate_hash_value", code: "ERR_SSL_TLSV1_BAD_CERTIFICATE_HASH_VALUE", about: "client certificate" },
  { number: 115, name: "unknown_psk_identity", code: "ERR_SSL_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY", about: "access" },
  { number: 116, name: "certificate_required", code: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", about: "client certificate" },
  { number: 117, name: "general_error", code: RESET, about: "server" },
  { number: 120, name: "no_application_protocol", code: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL", about: "application protocol" },
  { number: 121, name: "ech_required", code: RESET, about: "protocol" },
];
