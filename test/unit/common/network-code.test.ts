import { test } from "uvu";
import * as assert from "uvu/assert";

import { networkCode } from "#common/network-code";

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
  ["nothing", undefined, "UNKNOWN"],
  ["a text", "ECONNREFUSED", "UNKNOWN"],
];
for (const [what, error, code] of CASES) test(`the code of ${what}`, () => assert.is(networkCode(error), code));

test.run();
