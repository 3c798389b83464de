/** HTTP Digest authentication: the RFC's own example, and every challenge that must not be answered. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { type Challenge, digestAuthorization, parseChallenge } from "#verify/atlas/digest";

const MUFASA = {
  count: 1,
  clientNonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
  method: "GET",
  uri: "/dir/index.html",
  username: "Mufasa",
  password: "Circle of Life",
};
const RFC_CHALLENGE = (algorithm: string): string =>
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ` +
  'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';

const VECTORS: [algorithm: string, response: string][] = [
  ["MD5", "8ca523f5e9506fed4657c9700eebdbec"],
  ["SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"],
];
for (const [algorithm, response] of VECTORS) {
  test(`RFC 7616 §3.9.1: ${algorithm}`, () => {
    const header = digestAuthorization({ challenge: parsed(RFC_CHALLENGE(algorithm)), ...MUFASA });
    assert.is(
      header,
      'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", ' +
        `algorithm=${algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, ` +
        `cnonce="${MUFASA.clientNonce}", qop=auth, response="${response}", ` +
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    );
  });
}

test("without an algorithm it is MD5, and none is sent back", () => {
  const challenge = parsed(RFC_CHALLENGE("MD5").replace(" algorithm=MD5,", ""));
  const header = digestAuthorization({ challenge, ...MUFASA });
  assert.match(header, 'response="8ca523f5e9506fed4657c9700eebdbec"');
  assert.not.match(header, "algorithm");
});

test("the count is eight hexadecimal digits and part of the response", () => {
  const challenge = parsed(RFC_CHALLENGE("MD5"));
  const header = digestAuthorization({ challenge, ...MUFASA, count: 0x2a });
  assert.match(header, "nc=0000002a,");
  assert.not.match(header, "8ca523f5e9506fed4657c9700eebdbec");
});

test("a password with colons counts to its end", () => {
  const challenge = parsed(RFC_CHALLENGE("SHA-256"));
  const [one, two] = ["a:b", "a:c"].map((password) => digestAuthorization({ challenge, ...MUFASA, password }));
  assert.is.not(one, two);
});

test("quotes and backslashes are escaped on the way out as they were on the way in", () => {
  const challenge = parsed(String.raw`Digest realm="a \"b\" \\c", nonce="n\"1", opaque="", qop="auth"`);
  assert.equal(challenge, {
    realm: String.raw`a "b" \c`,
    nonce: 'n"1',
    opaque: "",
    algorithm: undefined,
    stale: false,
  });
  const header = digestAuthorization({ challenge, ...MUFASA, username: 'u"v' });
  assert.match(header, String.raw`username="u\"v", realm="a \"b\" \\c", `);
  assert.match(header, String.raw`nonce="n\"1", `);
  assert.match(header, 'opaque=""');
});

const GOOD: [name: string, header: string, expected: Partial<Challenge>][] = [
  [
    "what Atlas sends",
    'Digest realm="MMS Public API", domain="", nonce="x/1", algorithm=MD5, qop="auth", stale=false',
    { realm: "MMS Public API", nonce: "x/1", algorithm: "MD5", stale: false },
  ],
  [
    "scheme and parameter names in any case",
    'DIGEST Realm="r",NONCE="n",Qop="AUTH",ALGORITHM=sha-256,STALE=TRUE',
    { algorithm: "sha-256", stale: true },
  ],
  ["blanks around = and unquoted values", "Digest realm = r ,nonce= n, qop =auth", { realm: "r", nonce: "n" }],
  [
    "commas within quotes",
    'Digest realm="a, nonce=b", nonce="n", qop="auth-int,auth"',
    { realm: "a, nonce=b", nonce: "n" },
  ],
  ["empty list elements", ', ,Digest realm="r",, nonce="n", qop="auth",', { nonce: "n" }],
  ["Basic before it", 'Basic realm="x", charset="UTF-8", Digest realm="r", nonce="n", qop="auth"', { realm: "r" }],
  ["Basic after it", 'Digest realm="r", nonce="n", qop="auth", Basic realm="x"', { realm: "r" }],
  ["a scheme without parameters before it", 'Negotiate, Digest realm="r", nonce="n", qop="auth"', { realm: "r" }],
  [
    "a scheme with one bare value before it",
    'Negotiate YWJj/+==, Digest realm="r", nonce="n", qop="auth"',
    { realm: "r" },
  ],
  [
    "two of it: the server's first",
    'Digest realm="r", nonce="1", qop="auth", algorithm=SHA-256, Digest realm="r", nonce="2", qop="auth", algorithm=MD5',
    { nonce: "1", algorithm: "SHA-256" },
  ],
  [
    "an unknown algorithm first",
    'Digest realm="r", nonce="1", qop="auth", algorithm=SHA-512-256, Digest realm="r", nonce="2", qop="auth"',
    { nonce: "2" },
  ],
  [
    "parameters that nobody knows",
    'Digest realm="r", nonce="n", qop="auth", userhash=true, charset=UTF-8, future="\\,"',
    { nonce: "n" },
  ],
];
for (const [name, header, expected] of GOOD) {
  test(`read: ${name}`, () => {
    const challenge = parsed(header);
    for (const [key, value] of Object.entries(expected)) assert.is(challenge[key as keyof Challenge], value, key);
  });
}

const BAD: [name: string, header: string][] = [
  ["nothing", ""],
  ["Basic alone", 'Basic realm="r"'],
  ["Digest without parameters", "Digest"],
  ["missing qop (RFC 2069)", 'Digest realm="r", nonce="n"'],
  ["only qop=auth-int", 'Digest realm="r", nonce="n", qop="auth-int"'],
  ["qop that only contains auth", 'Digest realm="r", nonce="n", qop="xauth"'],
  ["missing nonce", 'Digest realm="r", qop="auth"'],
  ["missing realm", 'Digest nonce="n", qop="auth"'],
  ["unknown algorithm", 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-1'],
  ["session algorithm", 'Digest realm="r", nonce="n", qop="auth", algorithm=MD5-sess'],
  [
    "an algorithm named like a property of every object",
    'Digest realm="r", nonce="n", qop="auth", algorithm=constructor',
  ],
  ["a parameter twice", 'Digest realm="r", nonce="n", nonce="m", qop="auth"'],
  ["a parameter three times", 'Digest realm="r", nonce="n", nonce="m", nonce="n", qop="auth"'],
  ["parameters without a scheme", 'realm="r", nonce="n", qop="auth"'],
  ["parameters of another scheme", 'Digestive realm="r", nonce="n", qop="auth"'],
  ["an open quote", 'Digest realm="r", qop="auth", nonce="n'],
  ["rubbish behind a parameter", 'Digest realm="r", qop="auth", nonce="n" evil'],
  ["a line break in the nonce", 'Digest realm="r", qop="auth", nonce="a\r\nX-Evil: 1"'],
  ["a zero byte in the realm", 'Digest realm="\0", qop="auth", nonce="n"'],
  ["more than ASCII", 'Digest realm="r", qop="auth", nonce="né"'],
  ["a nonce of 2 KiB", `Digest realm="r", qop="auth", nonce="${"n".repeat(2048)}"`],
];
for (const [name, header] of BAD) {
  test(`not answered: ${name}`, () => {
    assert.is(parseChallenge(header), undefined);
  });
}

test("a long hostile header takes no longer than its length", () => {
  const before = process.cpuUsage();
  for (const piece of ['"', "\\", ",", "a=", 'a="', "a ", 'a="\\"', "Digest "])
    parseChallenge(`Digest ${piece.repeat(16_384)}`);
  // 8 headers of at most 128 KiB, eight times what Node accepts: far below a second unless something backtracks.
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 2_000_000, `${user + system} µs`);
});

test("any header is read without an error, and what it leads to can be sent", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "Digest ",
      "Basic ",
      'realm="',
      "nonce=",
      'qop="auth"',
      '"',
      "\\",
      ",",
      "=",
      " ",
      "algorithm=MD5",
      "a",
    ),
    fc.string({ maxLength: 4 }),
  );
  const header = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(header, (text) => {
      const challenge = parseChallenge(text);
      if (challenge === undefined) return;
      assert.match(digestAuthorization({ challenge, ...MUFASA }), /^[\x20-\x7e]+$/);
    }),
    { numRuns: 2_000 },
  );
});

test("what is quoted is read back", () => {
  const text = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });
  const quoted = (value: string): string => `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
  fc.assert(
    fc.property(text, text, text, (realm, nonce, opaque) => {
      const challenge = parsed(
        `Digest realm=${quoted(realm)}, nonce=${quoted(nonce)}, opaque=${quoted(opaque)}, qop="auth"`,
      );
      assert.equal(challenge, { realm, nonce, opaque, algorithm: undefined, stale: false });
    }),
  );
});

function parsed(header: string): Challenge {
  const challenge = parseChallenge(header);
  assert.ok(challenge, `nothing to answer in: ${header}`);
  return challenge;
}

test.run();
