/** Connection strings that were written to make the operator do something else than check a database. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { mongodbUriProblem } from "#api/types/database/mongodb-uri";
import { UNCHECKED_MECHANISMS } from "#verify/mongodb/mechanisms";
import { MONGODB_OPTIONS } from "#verify/mongodb/options";
import { parseMongoUri } from "#verify/mongodb/uri";
import type { Reach } from "#verify/mongodb/refusal";
import type { MongoUri } from "#verify/mongodb/uri";

/** In every hostile string below: none of them may come back in a message. */
const CANARIES = ["canary-user", "canary-pass", "canary-host", "canary-value"];
const LOGIN = "canary-user:canary-pass@";
const AT = `mongodb://${LOGIN}canary-host`;

function refusal(uri: string): { reason: string; message: string } {
  const parsed = parseMongoUri(uri);
  assert.ok("refusal" in parsed, "it was taken");
  return parsed.refusal;
}

function doubted(uri: string): { reason: string; message: string } {
  const { doubts } = taken(uri);
  assert.ok(doubts.notes.length > 0, "there is no doubt");
  return { reason: doubts.reach, message: doubts.notes.join("; ") };
}

function taken(uri: string): MongoUri {
  const parsed = parseMongoUri(uri);
  if ("refusal" in parsed) throw new Error(`refused: ${parsed.refusal.message}`);
  return parsed;
}

const CERTAIN = {
  doubts: { notes: [], reach: "Login" },
  ownTrust: { cas: false, anyCertificate: false, anyName: false, shows: false },
};

const hosts = (count: number) => Array.from({ length: count }, (_, index) => `canary-host-${index}`).join(",");

/** Refused, or left to the application: how far the check then goes. */
type Hostile = [name: string, uri: string, reason: "RejectedURI" | "RejectedURIOption" | Reach, message: RegExp];

const HOSTILE: Hostile[] = [
  // Files of the operator's container
  ["a CA file", `${AT}/?tls=true&tlsCAFile=/canary-value`, "Login", /tlsCAFile names a file.*--ca-bundle/],
  ["a client key file", `${AT}/?tlsCertificateKeyFile=/canary-value`, "Nothing", /tlsCertificateKeyFile/],
  [
    "the service-account token as a key file",
    `${AT}/?tls=true&tlsCertificateKeyFile=/var/run/secrets/kubernetes.io/serviceaccount/token`,
    "Login",
    /tlsCertificateKeyFile/,
  ],
  [
    "the passphrase of a key file",
    `${AT}/?tlsCertificateKeyFilePassword=canary-value`,
    "Nothing",
    /tlsCertificateKeyFilePassword/,
  ],
  ["a revocation list file", `${AT}/?tlsCRLFile=/canary-value`, "Nothing", /tlsCRLFile/],
  ["a file option in another case", `${AT}/?TLSCAFILE=/canary-value`, "Nothing", /tlsCAFile/],
  ["a file option with percent-encoded letters", `${AT}/?%74lsCAFile=/canary-value`, "Nothing", /tlsCAFile/],
  ["Go's client key file", `${AT}/?sslClientCertificateKeyFile=/canary-value`, "Login", /sslClientCertificateKeyFile/],
  // Proxies
  ["a SOCKS proxy", `${AT}/?proxyHost=169.254.169.254`, "Nothing", /proxyHost.*proxy/],
  ["a proxy's port", `${AT}/?proxyPort=1080`, "Nothing", /proxyPort/],
  ["a proxy's user", `${AT}/?proxyUsername=canary-value`, "Nothing", /proxyUsername/],
  ["a proxy's password", `${AT}/?proxyPassword=canary-value`, "Nothing", /proxyPassword/],
  // The operator's own identity
  [
    "AWS credentials of the operator",
    `mongodb://canary-host/?authMechanism=MONGODB-AWS&authSource=%24external`,
    "Hello",
    /login.*AWS identity/,
  ],
  [
    "a Kerberos ticket of the operator",
    `mongodb://canary-user@canary-host/?authMechanism=GSSAPI`,
    "Hello",
    /login.*Kerberos/,
  ],
  [
    "a workload token of the operator",
    `mongodb://canary-host/?authMechanism=MONGODB-OIDC`,
    "RejectedURIOption",
    /ENVIRONMENT/,
  ],
  [
    "properties of such a mechanism",
    `mongodb://canary-host/?authMechanismProperties=ENVIRONMENT:k8s`,
    "Login",
    /authMechanismProperties/,
  ],
  ["a Kerberos service name", `${AT}/?gssapiServiceName=canary-value`, "Login", /gssapiServiceName/],
  [
    "a client certificate",
    `mongodb://canary-host/?tls=true&authMechanism=MONGODB-X509`,
    "Hello",
    /login.*client certificate/,
  ],
  ["a mechanism that was removed", `${AT}/?authMechanism=MONGODB-CR`, "Hello", /MONGODB-CR/],
  [
    "a mechanism that nobody knows",
    `${AT}/?authMechanism=canary-value`,
    "RejectedURIOption",
    /authMechanism must be one of/,
  ],
  [
    "a mechanism named like a property of every object",
    `${AT}/?authMechanism=constructor`,
    "RejectedURIOption",
    /authMechanism must be one of/,
  ],
  [
    "a mechanism in lower case, which drivers do not know",
    `${AT}/?authMechanism=scram-sha-256`,
    "Nothing",
    /authMechanism/,
  ],
  [
    "a mechanism without a login",
    `mongodb://canary-host/?authMechanism=SCRAM-SHA-256`,
    "RejectedURIOption",
    /requires a user name/,
  ],
  ["a password in clear text", `${AT}/?authMechanism=PLAIN`, "Hello", /unencrypted/],
  // TLS that verifies nothing
  ["no look at certificates", `${AT}/?tls=true&tlsInsecure=true`, "Login", /tlsInsecure concerns/],
  [
    "certificates of anyone",
    `${AT}/?tls=true&tlsAllowInvalidCertificates=true`,
    "Login",
    /tlsAllowInvalidCertificates concerns/,
  ],
  [
    "certificates for any name",
    `${AT}/?tls=true&tlsAllowInvalidHostnames=true`,
    "Login",
    /tlsAllowInvalidHostnames concerns/,
  ],
  ["tls and ssl that contradict", `${AT}/?tls=true&ssl=false`, "RejectedURIOption", /ssl contradicts tls/],
  ["tls that is neither true nor false", `${AT}/?tls=canary-value`, "RejectedURIOption", /tls must be true or false/],
  // Options of Node's own sockets, which the driver takes from a connection string too
  ["a source address", `${AT}/?localAddress=127.0.0.1`, "Login", /option localAddress is known to no driver/],
  [
    "a switch for certificate checks of Node",
    `${AT}/?rejectUnauthorized=`,
    "Login",
    /rejectUnauthorized is known to some drivers/,
  ],
  ["a log file of the driver", `${AT}/?mongodbLogPath=stderr`, "Login", /option mongodbLogPath/],
  ["another class for connections", `${AT}/?connectionType=canary-value`, "Login", /option connectionType/],
  ["encryption with a key service", `${AT}/?autoEncryption=canary-value`, "Login", /option autoEncryption/],
  ["a prototype as an option", `${AT}/?__proto__=canary-value`, "Login", /number 1 \(of 1\)/],
  ["an option that nobody knows", `${AT}/?w=1&canary-value=1`, "Login", /number 2 \(of 2\)/],
  ["a password with a bare question mark", "mongodb://canary-user:1?canary-pass@canary-host/", "RejectedURI", /%3F/],
  ["a password with a bare slash", "mongodb://canary-user:1/canary-pass@canary-host/", "RejectedURI", /%2F/],
  ["the rest of a password as an option", "mongodb://canary-user:1?canary-pass", "RejectedURI", /name=value/],
  // Hosts
  ["hundreds of hosts", `mongodb://${LOGIN}${hosts(300)}/`, "Login", /20 only/],
  ["a Unix socket", `mongodb://${LOGIN}%2Ftmp%2Fcanary-host.sock/`, "Login", /Unix socket/],
  ["a Unix socket among hosts", `mongodb://${LOGIN}canary-host,%2Ftmp%2Fmongodb-27017.sock/`, "Login", /Unix socket/],
  ["a Unix socket with a bare name", `mongodb://${LOGIN}canary-host%2Esock/`, "Login", /Unix socket/],
  [
    "a loopback address in percent-encoding",
    `mongodb://${LOGIN}%31%32%37.0.0.1/`,
    "RejectedURI",
    /name or an IP address/,
  ],
  ["a NUL in the host", `mongodb://${LOGIN}canary-host%00.example.com/`, "RejectedURI", /name or an IP address/],
  ["a backslash in the host", `mongodb://${LOGIN}canary-host\\example.com/`, "RejectedURI", /name or an IP address/],
  ["letters that look like others", `mongodb://${LOGIN}①②⑦.0.0.1/`, "RejectedURI", /neither a name nor an IP address/],
  ["a zone in an IPv6 literal", `mongodb://${LOGIN}[fe80::1%25eth0]/`, "Login", /zone/],
  ["an IPv6 literal that is none", `mongodb://${LOGIN}[::1::2]/`, "RejectedURI", /neither a name nor an IP address/],
  [
    "a loopback address in digits of another script",
    `mongodb://${LOGIN}１２７.0.0.1/`,
    "RejectedURI",
    /neither a name nor an IP address/,
  ],
  ["port 0", `${AT}:0/`, "RejectedURI", /port from 1 to 65535/],
  ["port 65536", `${AT}:65536/`, "RejectedURI", /port from 1 to 65535/],
  ["two logins", `mongodb://canary-user:canary-pass@canary-host@canary-host/`, "RejectedURI", /./],
  [
    "two hosts and a direct connection",
    "mongodb://canary-host,canary-host-2/?directConnection=true",
    "RejectedURIOption",
    /directConnection/,
  ],
  [
    "two hosts behind one load balancer",
    "mongodb://canary-host,canary-host-2/?loadBalanced=true",
    "RejectedURIOption",
    /loadBalanced/,
  ],
  [
    "one host, named twice, behind a load balancer",
    "mongodb://canary-host,canary-host/?loadBalanced=true",
    "RejectedURIOption",
    /loadBalanced/,
  ],
  [
    "a load balancer and a direct connection",
    `${AT}/?loadBalanced=true&directConnection=true`,
    "RejectedURIOption",
    /loadBalanced/,
  ],
  [
    "a direct connection that is neither true nor false",
    `${AT}/?directConnection=canary-value`,
    "RejectedURIOption",
    /directConnection must be true or false/,
  ],
  [
    "a load balancer and a replica set",
    `${AT}/?loadBalanced=true&replicaSet=canary-value`,
    "RejectedURIOption",
    /loadBalanced/,
  ],
  // SRV
  [
    "an SRV record of another service",
    `mongodb+srv://${LOGIN}canary-host.example.com/?srvServiceName=_canary-value._udp`,
    "Nothing",
    /srvServiceName/,
  ],
  [
    "SRV records of a foreign domain",
    `mongodb+srv://${LOGIN}canary-host.example.com/?srvAllowedHostsSuffix=com`,
    "Nothing",
    /srvAllowedHostsSuffix/,
  ],
  ["an SRV option without SRV", `${AT}/?srvMaxHosts=1`, "RejectedURIOption", /srvMaxHosts/],
  [
    "a direct connection to an SRV record",
    `mongodb+srv://${LOGIN}canary-host.example.com/?directConnection=true`,
    "RejectedURIOption",
    /directConnection/,
  ],
  // Encoding
  ["an option given twice", `${AT}/?authSource=admin&authSource=canary-value`, "Nothing", /authSource is given twice/],
  [
    "an option given twice in two cases",
    `${AT}/?authSource=admin&AUTHSOURCE=canary-value`,
    "Nothing",
    /authSource is given twice/,
  ],
  ["an option without a value", `${AT}/?authSource=`, "RejectedURIOption", /authSource has no value/],
  ["an option without an equals sign", `${AT}/?canary-value`, "RejectedURI", /name=value/],
  ["a control character in a value", `${AT}/?replicaSet=canary-value%0d%0aX`, "Nothing", /replicaSet.*control/],
  [
    "a line break in the password",
    "mongodb://canary-user:canary-pass%0A@canary-host/",
    "Hello",
    /control character.*line break/,
  ],
  [
    "a command to another server in the path",
    `${AT}/x%0d%0aFLUSHALL%0d%0acanary-value`,
    "Nothing",
    /database.*control character/,
  ],
  ["a NUL in the user name", "mongodb://canary-user%00:canary-pass@canary-host/", "Hello", /control character/],
  ["a bare line break", `${AT}/\n`, "RejectedURI", /line breaks/],
  ["half a percent-encoding", "mongodb://canary-user:canary-pass%4@canary-host/", "RejectedURI", /%25/],
  ["bytes that are no UTF-8", "mongodb://canary-user:canary-pass%ff@canary-host/", "RejectedURI", /%25/],
  ["an @ in an option, without a login", "mongodb://canary-host/?appName=@canary-value", "Nothing", /%40/],
  ["a fragment without a slash", `${AT}#canary-value`, "RejectedURI", /must name its hosts/],
  ["a user name without a password", "mongodb://canary-user@canary-host/", "RejectedURI", /must have a password/],
  ["another scheme", "https://canary-host/", "RejectedURI", /must begin with mongodb/],
  ["nothing", "", "RejectedURI", /must not be empty/],
];

for (const [name, uri, reason, message] of HOSTILE) {
  test(`hostile: ${name}`, () => {
    const said = reason.startsWith("Rejected") ? refusal(uri) : doubted(uri);
    assert.is(said.reason, reason);
    assert.match(said.message, message);
    if (reason.startsWith("Rejected")) assert.match(said.message, /^[A-Z].*\.$/);
    for (const canary of CANARIES) assert.not.match(said.message, canary);
  });
}

test("hostile: a megabyte, of which none is read", () => {
  assert.match(refusal(`${AT}/?${"&w=1".repeat(250_000)}`).message, /longer than 16384 characters/);
});

test("hostile: the longest string that is read costs less than 100 ms of the processor, whatever it is full of", () => {
  for (const filler of [
    "&w=1",
    "&a=b",
    "&a",
    "%41",
    "&=",
    ",h",
    ",,",
    "@,",
    "@",
    "/",
    "[",
    "a",
    ":",
    ".sock,",
    "%2Esock,",
    "<user",
  ]) {
    const before = process.cpuUsage();
    parseMongoUri(`mongodb://h${filler.repeat(16_000 / filler.length)}`);
    parseMongoUri(`mongodb://h/?${filler.repeat(16_000 / filler.length)}`);
    const { user, system } = process.cpuUsage(before);
    assert.ok(user + system < 100_000, `${filler}: ${user + system} µs`);
  }
});

test("an ordinary string is read as a driver reads it", () => {
  assert.equal(
    taken(
      "mongodb://o%40rders:p%2Fss@A.example.com,b.example.com:27018,[2001:DB8::1]:1/shop?replicaSet=rs0&tls=true&w=majority&appName=my+app",
    ),
    {
      hosts: [
        { host: "a.example.com", port: 27017 },
        { host: "b.example.com", port: 27018 },
        { host: "[2001:db8::1]", port: 1 },
      ],
      tls: true,
      credentials: { username: "o@rders", password: "p/ss" },
      defaultDatabase: "shop",
      replicaSet: "rs0",
      loadBalanced: false,
      ...CERTAIN,
    },
  );
});

test("mongodb+srv stands for a record, and for TLS unless it is switched off", () => {
  assert.equal(taken("mongodb+srv://u:p@c0.abcde.mongodb.net/?retryWrites=true"), {
    hosts: [],
    srv: { host: "c0.abcde.mongodb.net", serviceName: "mongodb" },
    tls: true,
    credentials: { username: "u", password: "p" },
    loadBalanced: false,
    ...CERTAIN,
  });
  assert.is(taken("mongodb+srv://c0.abcde.mongodb.net/?tls=false&srvServiceName=orders&srvMaxHosts=2").tls, false);
});

test("after the question mark no character is reserved: @, % and ? stand for themselves", () => {
  const uri = "mongodb://u:p@h:10255/?ssl=true&replicaSet=50%&authSource=a%zz?b&appName=@u@";
  const { tls, replicaSet, authSource } = taken(uri);
  assert.equal({ tls, replicaSet, authSource }, { tls: true, replicaSet: "50%", authSource: "a%zz?b" });
});

test("a + in an option is a space, in a login it is a +", () => {
  const { credentials, replicaSet } = taken("mongodb://u:a+b@h/?replicaSet=a+b");
  assert.equal([credentials?.password, replicaSet], ["a+b", "a b"]);
});

test("a # is a fragment for some drivers only: nobody logs in with what is in front of it", () => {
  assert.is(taken("mongodb://u:p@h/db#x").doubts.reach, "Nothing");
  assert.is(taken("mongodb://h/?authSource=a#x").authSource, "a");
  assert.is(taken("mongodb://h/?authSource=a#x").doubts.reach, "Hello");
});

test("an @ in the database's name is part of it", () => {
  assert.is(taken("mongodb://u:p@h/d@b").defaultDatabase, "d@b");
});

test("a host in letters outside ASCII is looked up by its ASCII name", () => {
  assert.equal(taken("mongodb://Bücher.example:1/").hosts, [{ host: "xn--bcher-kva.example", port: 1 }]);
});

test("a string without a slash after its hosts is taken, as drivers do", () => {
  assert.is(taken("mongodb://localhost?authSource=shop").authSource, "shop");
});

test("a host that is named twice is asked once", () => {
  assert.is(taken("mongodb://a,A:27017,a").hosts.length, 1);
});

test("20 hosts are taken", () => {
  assert.is(taken(`mongodb://${hosts(20)}/`).hosts.length, 20);
});

test("PLAIN is taken over TLS", () => {
  assert.is(taken("mongodb://u:p@h/?tls=true&authMechanism=PLAIN").credentials?.mechanism, "PLAIN");
});

test("switches for certificate checks are taken where they switch nothing off", () => {
  taken("mongodb://h/?tlsInsecure=false");
  taken("mongodb://h/?tlsAllowInvalidCertificates=false&tlsAllowInvalidHostnames=false");
});

for (const [name, { use }] of Object.entries(MONGODB_OPTIONS)) {
  if (use === "Used") continue;
  test(`an option that the check does not use is taken or its value refused, and changes nothing: ${name}`, () => {
    const values = ["true", "1", "5000", "a:b", "secondary", "zlib", "poll", "standard", "C:d"];
    const parsed = values.map((value) => parseMongoUri(`mongodb://h/?tls=true&${name}=${value}`));
    const read = parsed.flatMap((each) => ("refusal" in each ? [] : [each]));
    assert.ok(read.length > 0);
    for (const { doubts, ownTrust: _ownTrust, ...rest } of read) {
      assert.equal({ ...rest, ...CERTAIN }, taken("mongodb://h/?tls=true"));
      if (use === "Unchecked")
        assert.ok(
          doubts.notes.some((note) => note.includes(name)),
          `nobody names it: ${doubts.notes.join()}`,
        );
    }
  });
}

for (const mechanism of UNCHECKED_MECHANISMS.keys()) {
  test(`a mechanism with which the check does not log in: ${mechanism}`, () => {
    const properties =
      mechanism === "MONGODB-OIDC" ? "&authMechanismProperties=ENVIRONMENT:azure,TOKEN_RESOURCE:a" : "";
    const login = /X509|OIDC/.test(mechanism) ? "u" : "u:p";
    const { credentials, doubts } = taken(`mongodb://${login}@h/?tls=true&authMechanism=${mechanism}${properties}`);
    assert.is(credentials, undefined);
    assert.is(doubts.reach, "Hello");
  });
}

test("what the schema takes is read or refused, and never thrown at", () => {
  const parts = [
    "mongodb://",
    "mongodb+srv://",
    "u:p@",
    "%",
    "%zz",
    "[",
    "]",
    "[::1]",
    ":",
    "1",
    ",",
    "/",
    "?",
    "&",
    "=",
    "h",
    "é",
    "\\",
    "tls",
  ];
  let seed = 7;
  const next = () => (seed = (seed * 48_271) % 2_147_483_647);
  let judged = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const uri =
      parts[next() % 2]! + Array.from({ length: 1 + (next() % 8) }, () => parts[next() % parts.length]).join("");
    if (mongodbUriProblem(uri) !== undefined) continue;
    parseMongoUri(uri);
    judged += 1;
  }
  assert.ok(judged > 100);
});

test.run();
