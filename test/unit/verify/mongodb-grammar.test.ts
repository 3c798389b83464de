/** One grammar: what the rules at apply accept, what the check reads, and what the official driver reads. */
import { domainToASCII } from "node:url";
import fc from "fast-check";
import { MongoClient } from "mongodb";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { mongodbUriProblem } from "#api/types/database/mongodb-uri";
import { authSourceOf, parseMongoUri } from "#verify/mongodb/uri";

const one = fc.constantFrom;
const mostly = (usual: fc.Arbitrary<string>, rare: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: rare });
const rarely = (arbitrary: fc.Arbitrary<string>) => mostly(fc.constant(""), arbitrary);
const word = fc
  .array(mostly(one(...Array.from("ab1.-_~!$&'()*+;=^|äß"), "%40", "%3A", "%25", "%C3%A4"), one("%", "%zz", "%ff")), {
    maxLength: 4,
  })
  .map((characters) => `s${characters.join("")}t`);
/** What belongs somewhere else, so that parts run into each other. */
const stray = one(":", "/", "?", "#", "@", "[", "]", ",", "&", "=", "\\", " ", "");
const login = mostly(
  fc.oneof(
    fc.constant(""),
    fc.tuple(word, rarely(stray), word).map(([user, more, password]) => `${user}:${password}${more}@`),
  ),
  one("u@", "u:@", ":p@", "@"),
);
const host = fc
  .tuple(
    mostly(
      one("h", "db.example.com", "mongo_1", "10.0.0.1", "[fd00::5]", "bücher.example"),
      one("[::1::2]", "%31.0.0.1"),
    ),
    mostly(one("", ":27017", ":1"), one(":0", ":65536", ":", ":x")),
  )
  .map(([name, port]) => name + port);
/** Of the options that the check leaves out, only ones that may have any value. */
const option = mostly(
  fc.oneof(
    one("authSource", "replicaSet", "appName").chain((name) => word.map((value) => `${name}=${value}`)),
    one("tls=true", "ssl=true", "tls=false", "loadBalanced=true", "directConnection=true", "appName=@u@", "w=majority"),
    one("authMechanism=PLAIN", "authMechanism=SCRAM-SHA-1"),
  ),
  one("nobody=knows", "x", "authSource="),
);
const uri = fc
  .record({
    scheme: one("mongodb://", "mongodb://", "mongodb+srv://"),
    login,
    hosts: mostly(
      host,
      fc.tuple(host, host).map((hosts) => hosts.join(",")),
    ),
    database: fc.oneof(
      one("", "/"),
      fc.tuple(word, rarely(stray)).map((parts) => `/${parts.join("")}`),
    ),
    query: fc.array(option, { maxLength: 2 }).map((options) => (options.length === 0 ? "" : `?${options.join("&")}`)),
    end: rarely(fc.tuple(stray, word).map((parts) => parts.join(""))),
  })
  .map((parts) => Object.values(parts).join(""));

test("whatever passes at apply is read by the check, or refused with one of its own reasons", () => {
  let [read, doubted, refused] = [0, 0, 0];
  fc.assert(
    fc.property(uri, (text) => {
      const parsed = parseMongoUri(text);
      if (mongodbUriProblem(text) !== undefined) {
        assert.ok("refusal" in parsed, "what is refused at apply is refused by the check");
        return;
      }
      if (!("refusal" in parsed)) {
        if (parsed.doubts.notes.length > 0) doubted += 1;
        else read += 1;
        return;
      }
      refused += 1;
      assert.ok(["RejectedURI", "RejectedURIOption"].includes(parsed.refusal.reason));
      assert.match(parsed.refusal.message, /^[A-Z].*\.$/);
    }),
    { numRuns: 5_000 },
  );
  assert.ok(
    read > 800 && doubted > 300 && refused > 300,
    `${read} read, ${doubted} left to the application, ${refused} refused`,
  );
});

test("whatever the check reads, the official driver reads alike", () => {
  fc.assert(
    fc.property(uri, (text) => {
      const ours = parseMongoUri(text);
      // Where drivers do not agree, the check says so.
      if ("refusal" in ours || ours.doubts.notes.length > 0) return;
      const { options } = new MongoClient(text);
      const { credentials, replicaSet, srvHost } = options;
      // The driver's types promise more than is there.
      const { tls, loadBalanced } = options as Partial<typeof options>;
      const hosts = ours.srv === undefined ? ours.hosts : [{ host: ours.srv.host, port: undefined }];
      const theirs = srvHost === undefined ? options.hosts : [{ host: srvHost, port: undefined }];
      assert.equal(
        {
          hosts: new Set(hosts.map(({ host: name, port }) => `${name.replace(/[[\]]/g, "")} ${port}`)),
          ...{ tls: ours.tls, replicaSet: ours.replicaSet, loadBalanced: ours.loadBalanced },
          login: ours.credentials && [ours.credentials.username, ours.credentials.password, authSourceOf(ours)],
        },
        {
          hosts: new Set(theirs.map(({ host: name = "", port }) => `${domainToASCII(name) || name} ${port}`)),
          ...{ tls: tls ?? false, replicaSet, loadBalanced: loadBalanced ?? false },
          login: credentials && [credentials.username, credentials.password, credentials.source],
        },
      );
    }),
    { numRuns: 5_000 },
  );
});

test.run();
