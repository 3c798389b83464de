import { test } from "uvu";
import * as assert from "uvu/assert";

import { networkCode, tlsAlert } from "#common/network-code";

const coded = (code: unknown, more: object = {}): Error => Object.assign(new Error("canary"), { code, ...more });
const itself = coded(undefined);
itself.cause = itself;

const CASES: [what: string, error: unknown, code: string][] = [
  ["an error of the system", coded("ECONNREFUSED"), "ECONNREFUSED"],
  ["its cause", new TypeError("fetch failed", { cause: coded("ENOTFOUND") }), "ENOTFOUND"],
  ["the first of several addresses", new AggregateError([coded("EHOSTUNREACH"), coded("ETIMEDOUT")]), "EHOSTUNREACH"],
  ["no addresses, but a cause", coded(undefined, { errors: [], cause: coded("EPIPE") }), "EPIPE"],
  ["a code that is a sentence", coded("no such thing: canary"), "UNKNOWN"],
  ["a code that is a number", coded(7), "UNKNOWN"],
  ["an error that is its own cause", itself, "UNKNOWN"],
  [
    "an alert with a slash",
    coded("ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE"),
    "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE",
  ],
  [
    "an alert of TLS 1.3",
    coded("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"),
    "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
  ],
  ["a code that is a path", coded("/etc/passwd"), "UNKNOWN"],
  ["a code that ends in a slash", coded("ERR_SSL/"), "UNKNOWN"],
  ["a code that is far too long", coded("A".repeat(81)), "UNKNOWN"],
  ["nothing", undefined, "UNKNOWN"],
  ["a text", "ECONNREFUSED", "UNKNOWN"],
];
for (const [what, error, code] of CASES) test(`the code of ${what}`, () => assert.is(networkCode(error), code));

const says = (message: string, code = "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR") =>
  Object.assign(new Error(message), { code });
const ALERTS: [what: string, error: unknown, alert: number | undefined][] = [
  [
    "OpenSSL's message",
    says("00:error:0A000438:SSL routines:f:tlsv1 alert internal error:x.c:9:SSL alert number 80\n"),
    80,
  ],
  ["what caused it", new TypeError("fetch failed", { cause: says("SSL alert number 40") }), 40],
  ["one of several addresses", new AggregateError([says("SSL alert number 112")]), 112],
  ["a message without an alert", says("wrong version number", "ERR_SSL_WRONG_VERSION_NUMBER"), undefined],
  ["a number that no alert has", says("SSL alert number 256"), undefined],
  ["a message that is not OpenSSL's", says("SSL alert number 80", "ECONNRESET"), undefined],
  ["nothing", undefined, undefined],
];
for (const [what, error, alert] of ALERTS) test(`the alert in ${what}`, () => assert.is(tlsAlert(error), alert));

test.run();
