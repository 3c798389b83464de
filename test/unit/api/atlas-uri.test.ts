/** The published connection string of an Atlas cluster, read by the driver that will read it. */
import fc from "fast-check";
import { MongoClient } from "mongodb";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { atlasUri } from "#api/types/database/atlas-uri";
import { mongodbUriProblem } from "#api/types/database/mongodb-uri";

const HOST = "cluster0.ab1cd.mongodb.net";

test("without a user it is the address alone", () => {
  assert.is(atlasUri(HOST), "mongodb+srv://cluster0.ab1cd.mongodb.net/");
});

test("separators in user name and password are percent-encoded", () => {
  assert.is(
    atlasUri(HOST, { username: "o@ps", password: "p:a/s?s#w[o]r%d é" }),
    `mongodb+srv://o%40ps:p%3Aa%2Fs%3Fs%23w%5Bo%5Dr%25d%20%C3%A9@${HOST}/`,
  );
});

test("the driver reads back the user name and password of any user", () => {
  const text = fc.string({ unit: "binary", minLength: 1 });
  fc.assert(
    fc.property(text, text, (username, password) => {
      const uri = atlasUri(HOST, { username, password });
      assert.is(mongodbUriProblem(uri), undefined);
      const { credentials, srvHost, tls } = new MongoClient(uri).options;
      assert.is(credentials?.username, username);
      assert.is(credentials?.password, password);
      assert.is(srvHost, HOST);
      assert.is(tls, true);
    }),
  );
});

test("half a surrogate pair is replaced, not thrown at", () => {
  assert.is(atlasUri(HOST, { username: "\ud800", password: "a\udfff" }), `mongodb+srv://%EF%BF%BD:a%EF%BF%BD@${HOST}/`);
});

test.run();
