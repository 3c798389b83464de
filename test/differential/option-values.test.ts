/** Every option that takes more than a name, with every kind of value: what drivers validate, our check validates alike. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ensurePython } from "./clients/python.ts";
import { compareUris } from "./compare-uris.ts";

const BOOLEANS =
  "retryWrites retryReads tls ssl directConnection loadBalanced journal j fsync tlsInsecure tlsAllowInvalidCertificates tlsAllowInvalidHostnames tlsDisableOCSPEndpointCheck enableOverloadRetargeting";
const NUMBERS =
  "wTimeoutMS wtimeout maxPoolSize minPoolSize maxConnecting maxIdleTimeMS connectTimeoutMS socketTimeoutMS serverSelectionTimeoutMS heartbeatFrequencyMS minHeartbeatFrequencyMS localThresholdMS waitQueueTimeoutMS timeoutMS maxStalenessSeconds zlibCompressionLevel maxAdaptiveRetries srvMaxHosts";
const WORDS =
  "w readPreference readConcernLevel compressors authMechanism authSource replicaSet appName serverMonitoringMode uuidRepresentation srvServiceName readPreferenceTags";

const VALUES = ["", "true", "false", "TRUE", "yes", "1", "0", "-1", "10", "01", "1.5", "1e3", "0x10", "+5", "%205"];
const MORE_VALUES = [
  "10s",
  "9999999999999",
  "x",
  "a:b",
  "secondary",
  "Secondary",
  "zlib",
  "zlib,,zstd",
  "poll",
  "majority",
];

/** What needs another option beside it to be taken at all. */
const BESIDE: Readonly<Record<string, string>> = {
  maxStalenessSeconds: "readPreference=secondary&",
  readPreferenceTags: "readPreference=secondary&",
};

const cases = `${BOOLEANS} ${NUMBERS} ${WORDS}`.split(" ").flatMap((option) =>
  [...VALUES, ...MORE_VALUES].map((value) => ({
    what: option,
    uri: `mongodb${option.startsWith("srv") ? "+srv" : ""}://shop:secret@db.example.com/?${BESIDE[option] ?? ""}${option}=${value}`,
  })),
);
const python = await ensurePython();
const rows = await compareUris(cases, "path" in python ? python.path : undefined);
const wrong = rows.filter(
  ({ ours, class: found, breaks }) =>
    breaks ||
    (ours === "Yes" && (found === "None takes, one starts" || found === "All refuse")) ||
    (ours === "No" && found === "All start, one leaves an option out"),
);

const name = `${cases.length} values of options: what no driver takes is never a Yes, and what all start with is never a No`;
if ("missing" in python) test.skip(`${name} (${python.missing})`);
else {
  test(name, () => {
    const told = wrong.map(({ uri, ours, class: found, detail }) => `${uri}: we say ${ours}. ${found}. ${detail}`);
    assert.is(told.slice(0, 20).join("\n"), "");
  });
}

test.run();
