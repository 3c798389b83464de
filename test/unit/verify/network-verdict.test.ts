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
  [{ kind: "TlsFailed", code: "EPROTO" }, "No", "RejectedTLS", /the port is the one for https/],
  [{ kind: "BadRedirect" }, "No", "RejectedRedirect", /redirects/],
  [{ kind: "TooLarge" }, "No", "RejectedTooLarge", /exceeds the size limit/],
  [{ kind: "TimedOut" }, "Silence", "UnreachableTimeout", /in time/],
  [{ kind: "ConnectionRefused" }, "Silence", "UnreachableRefused", /refused the connection/],
  [{ kind: "Unreachable", code: "EAI_AGAIN" }, "Silence", "Unreachable", /DNS gave no answer.*\(EAI_AGAIN\)/],
  [{ kind: "Unreachable", code: "ECONNRESET" }, "Silence", "Unreachable", /was closed/],
  [{ kind: "Unreachable", code: "EHOSTUNREACH" }, "Silence", "Unreachable", /no route/],
  [{ kind: "Unreachable", code: "PROXY_REFUSED" }, "Silence", "Unreachable", /HTTPS_PROXY/],
  [{ kind: "Unreachable", code: "EPIPE" }, "Silence", "Unreachable", /the connection failed \(EPIPE\)/],
];
for (const [failure, answer, reason, says] of CASES) {
  test(`${failure.kind}${"code" in failure ? ` ${failure.code}` : ""} is ${answer}, ${reason}`, () => {
    const verdict = networkVerdict(failure, "Atlas");
    assert.is(verdict.answer, answer);
    assert.is(verdict.answer !== "Yes" && verdict.reason, reason);
    assert.match(verdict.message, says);
    if (failure.kind !== "AddressRefused") assert.match(verdict.message, /^Atlas.*\.$/);
    // Only a name may appear later.
    if (verdict.answer === "No") assert.is(verdict.passing, failure.kind === "NameNotFound");
  });
}

test.run();
