/** The verdict and its message when no reply came. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { networkVerdict } from "#verify/network/network-verdict";
import type { NetworkFailure } from "#verify/network/network-verdict";

const CASES: [failure: NetworkFailure, answer: string, reason: string, says: RegExp][] = [
  [{ kind: "AddressRefused", message: "Because." }, "No", "RejectedAddress", /^Because\.$/],
  [{ kind: "NameNotFound" }, "No", "RejectedNameNotFound", /does not exist in DNS/],
  [{ kind: "TlsFailed", code: "CERT_HAS_EXPIRED" }, "No", "RejectedTLS", /has expired.*\(CERT_HAS_EXPIRED\)/],
  [{ kind: "TlsFailed", code: "CERT_NOT_YET_VALID" }, "No", "RejectedTLS", /clocks/],
  [{ kind: "TlsFailed", code: "ERR_TLS_CERT_ALTNAME_INVALID" }, "No", "RejectedTLS", /another host name/],
  [{ kind: "TlsFailed", code: "SELF_SIGNED_CERT_IN_CHAIN" }, "No", "RejectedTLS", /--ca-bundle/],
  [{ kind: "TlsFailed", code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" }, "No", "RejectedTLS", /whole certificate chain/],
  [{ kind: "TlsFailed", code: "EPROTO" }, "No", "RejectedTLS", /does not speak TLS at that port/],
  [{ kind: "TlsFailed", code: "CRL_HAS_EXPIRED" }, "No", "RejectedTLS", /the port is the one for https/],
  [{ kind: "TlsFailed", code: "ERR_SSL_UNSUPPORTED_PROTOCOL" }, "No", "RejectedTLS", /1\.2 and 1\.3/],
  [{ kind: "TlsFailed", code: "ERR_SSL_DH_KEY_TOO_SMALL" }, "No", "RejectedTLS", /too weak/],
  [{ kind: "TlsFailed", code: "X", alert: 116 }, "No", "RejectedTLS", /requires a client certificate/],
  [
    { kind: "TlsFailed", code: "X", alert: 80 },
    "Silence",
    "Unreachable",
    /internal error \(TLS alert 80, internal_error\)/,
  ],
  [{ kind: "TlsFailed", code: "X", alert: 199 }, "Silence", "Unreachable", /TLS alert 199\)/],
  [{ kind: "TlsFailed", code: "CERT_HAS_EXPIRED", proxied: true }, "No", "RejectedTLS", /has expired/],
  [{ kind: "BadRedirect" }, "No", "RejectedRedirect", /redirects/],
  [{ kind: "TooLarge" }, "No", "RejectedTooLarge", /exceeds the size limit/],
  [{ kind: "TimedOut" }, "Silence", "UnreachableTimeout", /in time/],
  [{ kind: "ConnectionRefused" }, "Silence", "UnreachableRefused", /refused the connection/],
  [{ kind: "Unreachable", code: "EAI_AGAIN" }, "Silence", "Unreachable", /DNS gave no answer.*\(EAI_AGAIN\)/],
  [{ kind: "Unreachable", code: "ECONNRESET" }, "Silence", "Unreachable", /was closed/],
  [{ kind: "Unreachable", code: "EHOSTUNREACH" }, "Silence", "Unreachable", /no route/],
  [
    { kind: "Unreachable", code: "ECONNRESET", proxied: true },
    "Silence",
    "Unreachable",
    /HTTPS_PROXY: the connection was closed/,
  ],
  [{ kind: "TimedOut", proxied: true }, "Silence", "UnreachableTimeout", /in time through the proxy in HTTPS_PROXY/],
  [
    { kind: "ProxyFailed", code: "ECONNREFUSED" },
    "Silence",
    "Unreachable",
    /proxy in HTTPS_PROXY: the proxy refused the connection/,
  ],
  [
    { kind: "ProxyFailed", code: "TIMED_OUT" },
    "Silence",
    "UnreachableTimeout",
    /HTTPS_PROXY: the proxy did not answer in time/,
  ],
  [{ kind: "ProxyFailed", code: "ENOTFOUND" }, "Silence", "Unreachable", /the proxy's host name does not exist/],
  [{ kind: "ProxyFailed", code: "EAI_AGAIN" }, "Silence", "Unreachable", /DNS gave no answer for the proxy's/],
  [
    { kind: "ProxyFailed", code: "SELF_SIGNED_CERT_IN_CHAIN" },
    "Silence",
    "Unreachable",
    /the proxy's certificate.*--ca-bundle/,
  ],
  [{ kind: "ProxyFailed", code: "EPROTO" }, "Silence", "Unreachable", /TLS handshake with the proxy/],
  [{ kind: "ProxyFailed", code: "EPIPE" }, "Silence", "Unreachable", /connection to the proxy failed \(EPIPE\)/],
  [
    { kind: "ProxyFailed", code: "X", status: 407 },
    "Silence",
    "Unreachable",
    /user name and password into HTTPS_PROXY/,
  ],
  [{ kind: "ProxyFailed", code: "X", status: 403 }, "Silence", "Unreachable", /refused to connect to it.*NO_PROXY/],
  [
    { kind: "ProxyFailed", code: "X", status: 502 },
    "Silence",
    "Unreachable",
    /could not connect to it \(HTTP status 502\)/,
  ],
  [{ kind: "Unreachable", code: "EPIPE" }, "Silence", "Unreachable", /the connection failed \(EPIPE\)/],
];
for (const [failure, answer, reason, says] of CASES) {
  test(`${Object.values(failure).join(" ")} is ${answer}, ${reason}: ${says.source}`, () => {
    const verdict = networkVerdict(failure, "Atlas");
    assert.is(verdict.answer, answer);
    assert.is(verdict.answer !== "Yes" && verdict.reason, reason);
    assert.match(verdict.message, says);
    if (failure.kind !== "AddressRefused") assert.match(verdict.message, /^Atlas.*\.$/);
    // Only a name may appear later.
    if (verdict.answer === "No") assert.is(verdict.passing, failure.kind === "NameNotFound");
  });
}

test("a CA that is not trusted, through a proxy, may be the proxy's own", () => {
  const verdict = networkVerdict(
    { kind: "TlsFailed", code: "SELF_SIGNED_CERT_IN_CHAIN", proxied: true },
    "The provider",
  );
  assert.is(verdict.answer, "Silence");
  assert.match(verdict.message, /^The certificate .* the provider through the proxy in HTTPS_PROXY .*--ca-bundle/);
});

test.run();
