/** Connection strings that were written to make the operator do something else than check a database. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { mongodbUriProblem } from "#api/types/database/mongodb-uri";
import { MONGODB_OPTIONS, REFUSED_MECHANISMS } from "#verify/mongodb/options";
import { parseMongoUri } from "#verify/mongodb/uri";
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

function taken(uri: string): MongoUri {
  const parsed = parseMongoUri(uri);
  if ("refusal" in parsed) throw new Error(`refused: ${parsed.refusal.message}`);
  return parsed;
}

const hosts = (count: number) => Array.from({ length: count }, (_, index) => `canary-host-${index}`).join(",");

type Hostile = [name: string, uri: string, reason: "RejectedURI" | "RejectedURIOption", message: RegExp];

const HOSTILE: Hostile[] = [
  // Files of the operator's container
  ["a CA file", `${AT}/?tls=true&tlsCAFile=/canary-value`, "RejectedURIOption", /tlsCAFile names a file.*--ca-bundle/],
  ["a client key file", `${AT}/?tlsCertificateKeyFile=/canary-value`, "RejectedURIOption", /tlsCertificateKeyFile/],
  [
    "the service-account token as a key file",
    `${AT}/?tls=true&tlsCertificateKeyFile=/var/run/secrets/kubernetes.io/serviceaccount/token`,
    "RejectedURIOption",
    /tlsCertificateKeyFile/,
  ],
  [
    "the passphrase of a key file",
    `${AT}/?tlsCertificateKeyFilePassword=canary-value`,
    "RejectedURIOption",
    /tlsCertificateKeyFilePassword/,
  ],
  ["a revocation list file", `${AT}/?tlsCRLFile=/canary-value`, "RejectedURIOption", /tlsCRLFile/],
  ["a file option in another case", `${AT}/?TLSCAFILE=/canary-value`, "RejectedURIOption", /tlsCAFile/],
  ["a file option with percent-encoded letters", `${AT}/?%74lsCAFile=/canary-value`, "RejectedURIOption", /tlsCAFile/],
  [
    "Go's client key file",
    `${AT}/?sslClientCertificateKeyFile=/canary-value`,
    "RejectedURIOption",
    /sslClientCertificateKeyFile/,
  ],
  // Proxies
  ["a SOCKS proxy", `${AT}/?proxyHost=169.254.169.254`, "RejectedURIOption", /proxyHost.*proxy/],
  ["a proxy's port", `${AT}/?proxyPort=1080`, "RejectedURIOption", /proxyPort/],
  ["a proxy's user", `${AT}/?proxyUsername=canary-value`, "RejectedURIOption", /proxyUsername/],
  ["a proxy's password", `${AT}/?proxyPassword=canary-value`, "RejectedURIOption", /proxyPassword/],
  // The operator's own identity
  [
    "AWS credentials of the operator",
    `mongodb://canary-host/?authMechanism=MONGODB-AWS&authSource=%24external`,
    "RejectedURIOption",
    /authMechanism.*AWS identity/,
  ],
  [
    "a Kerberos ticket of the operator",
    `mongodb://canary-user@canary-host/?authMechanism=GSSAPI`,
    "RejectedURIOption",
    /authMechanism.*Kerberos/,
  ],
  [
    "a workload token of the operator",
    `mongodb://canary-host/?authMechanism=MONGODB-OIDC`,
    "RejectedURIOption",
    /authMechanism.*token/,
  ],
  [
    "properties of such a mechanism",
    `mongodb://canary-host/?authMechanismProperties=ENVIRONMENT:k8s`,
    "RejectedURIOption",
    /authMechanismProperties/,
  ],
  ["a Kerberos service name", `${AT}/?gssapiServiceName=canary-value`, "RejectedURIOption", /gssapiServiceName/],
  [
    "a client certificate",
    `mongodb://canary-host/?tls=true&authMechanism=MONGODB-X509`,
    "RejectedURIOption",
    /authMechanism.*client certificate/,
  ],
  ["a mechanism that was removed", `${AT}/?authMechanism=MONGODB-CR`, "RejectedURIOption", /authMechanism.*removed/],
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
    "RejectedURIOption",
    /authMechanism/,
  ],
  [
    "a mechanism without a login",
    `mongodb://canary-host/?authMechanism=SCRAM-SHA-256`,
    "RejectedURIOption",
    /requires a user name/,
  ],
  ["a password in clear text", `${AT}/?authMechanism=PLAIN`, "RejectedURIOption", /PLAIN without tls/],
  // TLS that verifies nothing
  ["no look at certificates", `${AT}/?tls=true&tlsInsecure=true`, "RejectedURIOption", /tlsInsecure disables/],
  [
    "certificates of anyone",
    `${AT}/?tls=true&tlsAllowInvalidCertificates=true`,
    "RejectedURIOption",
    /tlsAllowInvalidCertificates disables/,
  ],
  [
    "certificates for any name",
    `${AT}/?tls=true&tlsAllowInvalidHostnames=true`,
    "RejectedURIOption",
    /tlsAllowInvalidHostnames disables/,
  ],
  ["tls and ssl that contradict", `${AT}/?tls=true&ssl=false`, "RejectedURIOption", /ssl contradicts tls/],
  ["tls that is neither true nor false", `${AT}/?tls=canary-value`, "RejectedURIOption", /tls must be true or false/],
  // Options of Node's own sockets, which the driver takes from a connection string too
  ["a source address", `${AT}/?localAddress=127.0.0.1`, "RejectedURIOption", /number 1 \(of 1\) is unknown/],
  ["a switch for certificate checks of Node", `${AT}/?rejectUnauthorized=`, "RejectedURIOption", /is unknown/],
  ["a log file of the driver", `${AT}/?mongodbLogPath=stderr`, "RejectedURIOption", /is unknown/],
  ["another class for connections", `${AT}/?connectionType=canary-value`, "RejectedURIOption", /is unknown/],
  ["encryption with a key service", `${AT}/?autoEncryption=canary-value`, "RejectedURIOption", /is unknown/],
  ["a prototype as an option", `${AT}/?__proto__=canary-value`, "RejectedURIOption", /is unknown/],
  ["an option that nobody knows", `${AT}/?w=1&canary-value=1`, "RejectedURIOption", /number 2 \(of 2\)/],
  [
    "a password with a bare question mark",
    "mongodb://canary-user:1?canary-pass@canary-host/",
    "RejectedURI",
    /Percent-encode/,
  ],
  ["a password with a bare slash", "mongodb://canary-user:1/canary-pass@canary-host/", "RejectedURI", /Percent-encode/],
  ["the rest of a password as an option", "mongodb://canary-user:1?canary-pass", "RejectedURI", /name=value/],
  // Hosts
  ["hundreds of hosts", `mongodb://${LOGIN}${hosts(300)}/`, "RejectedURI", /more than 20 hosts/],
  ["a Unix socket", `mongodb://${LOGIN}%2Ftmp%2Fcanary-host.sock/`, "RejectedURI", /Unix sockets/],
  [
    "a Unix socket among hosts",
    `mongodb://${LOGIN}canary-host,%2Ftmp%2Fmongodb-27017.sock/`,
    "RejectedURI",
    /Unix sockets/,
  ],
  ["a Unix socket with a bare name", `mongodb://${LOGIN}canary-host%2Esock/`, "RejectedURI", /Unix sockets/],
  [
    "a loopback address in percent-encoding",
    `mongodb://${LOGIN}%31%32%37.0.0.1/`,
    "RejectedURI",
    /name or an IP address/,
  ],
  ["a NUL in the host", `mongodb://${LOGIN}canary-host%00.example.com/`, "RejectedURI", /name or an IP address/],
  ["a backslash in the host", `mongodb://${LOGIN}canary-host\\example.com/`, "RejectedURI", /name or an IP address/],
  ["letters that look like others", `mongodb://${LOGIN}①②⑦.0.0.1/`, "RejectedURI", /name or an IP address/],
  ["a zone in an IPv6 literal", `mongodb://${LOGIN}[fe80::1%25eth0]/`, "RejectedURI", /./],
  ["an IPv6 literal that is none", `mongodb://${LOGIN}[::1::2]/`, "RejectedURI", /name or an IP address/],
  ["a loopback address in digits of another script", `mongodb://${LOGIN}１２７.0.0.1/`, "RejectedURI", /name or an IP/],
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
    "RejectedURIOption",
    /srvServiceName/,
  ],
  [
    "SRV records of a foreign domain",
    `mongodb+srv://${LOGIN}canary-host.example.com/?srvAllowedHostsSuffix=com`,
    "RejectedURIOption",
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
  [
    "an option given twice",
    `${AT}/?authSource=admin&authSource=canary-value`,
    "RejectedURIOption",
    /authSource is given twice/,
  ],
  [
    "an option given twice in two cases",
    `${AT}/?authSource=admin&AUTHSOURCE=canary-value`,
    "RejectedURIOption",
    /authSource is given twice/,
  ],
  ["an option without a value", `${AT}/?authSource=`, "RejectedURIOption", /authSource has no value/],
  ["an option without an equals sign", `${AT}/?canary-value`, "RejectedURI", /name=value/],
  [
    "a control character in a value",
    `${AT}/?replicaSet=canary-value%0d%0aX`,
    "RejectedURIOption",
    /replicaSet.*control/,
  ],
  [
    "a line break in the password",
    "mongodb://canary-user:canary-pass%0A@canary-host/",
    "RejectedURI",
    /control character.*line break/,
  ],
  [
    "a command to another server in the path",
    `${AT}/x%0d%0aFLUSHALL%0d%0acanary-value`,
    "RejectedURI",
    /database.*control character/,
  ],
  ["a NUL in the user name", "mongodb://canary-user%00:canary-pass@canary-host/", "RejectedURI", /control character/],
  ["a bare line break", `${AT}/\n`, "RejectedURI", /line breaks/],
  ["half a percent-encoding", "mongodb://canary-user:canary-pass%4@canary-host/", "RejectedURI", /%25/],
  ["bytes that are no UTF-8", "mongodb://canary-user:canary-pass%ff@canary-host/", "RejectedURI", /%25/],
  ["an @ in an option, without a login", "mongodb://canary-host/?appName=@canary-value", "RejectedURI", /%40/],
  ["a fragment without a slash", `${AT}#canary-value`, "RejectedURI", /must name a host/],
  ["a user name without a password", "mongodb://canary-user@canary-host/", "RejectedURI", /without a password/],
  ["another scheme", "https://canary-host/", "RejectedURI", /must begin with mongodb/],
  ["nothing", "", "RejectedURI", /must begin with mongodb/],
];

for (const [name, uri, reason, message] of HOSTILE) {
  test(`hostile: ${name}`, () => {
    const refused = refusal(uri);
    assert.is(refused.reason, reason);
    assert.match(refused.message, message);
    assert.match(refused.message, /^[A-Z].*\.$/);
    for (const canary of CANARIES) assert.not.match(refused.message, canary);
  });
}

test("hostile: a megabyte, of which none is read", () => {
  assert.match(refusal(`${AT}/?${"&w=1".repeat(250_000)}`).message, /longer than 16384 characters/);
});

test("hostile: the longest string that is read costs less than 100 ms of the processor, whatever it is full of", () => {
  for (const filler of ["&w=1", "&a", "%41", "&=", ",h", "@", "/", "[", "a", ":"]) {
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

test("a # behind the hosts begins a fragment, which means nothing", () => {
  assert.equal(taken("mongodb://u:p@h/db#x"), taken("mongodb://u:p@h/db"));
  assert.equal(taken("mongodb://h/?authSource=a#x"), taken("mongodb://h/?authSource=a"));
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
  if (use === "Ignored") {
    test(`an option that is ignored is taken, whatever its value: ${name}`, () => {
      assert.equal(taken(`mongodb://h/?${name}=whatever`), taken("mongodb://h/"));
    });
  }
  if (use === "Refused") {
    test(`an option that is refused is named: ${name}`, () => {
      assert.match(refusal(`mongodb://h/?${name}=whatever`).message, new RegExp(`option ${name} `));
    });
  }
}

for (const mechanism of REFUSED_MECHANISMS.keys()) {
  test(`a mechanism that is refused: ${mechanism}`, () => {
    assert.is(refusal(`mongodb://u:p@h/?tls=true&authMechanism=${mechanism}`).reason, "RejectedURIOption");
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
