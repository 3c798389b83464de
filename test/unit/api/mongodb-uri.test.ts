/** The form of connection strings, where zod and CEL cannot be asked: of those that were read from a Secret. */
import { test } from "uvu";
import * as assert from "uvu/assert";

import { mongodbUriProblem } from "#api/types/database/mongodb-uri";

const GOOD = [
  "mongodb://localhost",
  "mongodb://u:p@host:27017/db",
  "mongodb://u:p%40ss%2F@host/db?authSource=admin",
  "mongodb://a:1,b:2,c/?replicaSet=rs0",
  "mongodb://[2001:db8::1]:27017/db",
  "mongodb://db_1.orders.svc?tls=true",
  "mongodb://u:@host",
  "mongodb+srv://u:p@cluster0.abcde.mongodb.net/?retryWrites=true",
  "mongodb://acct:key%3D%3D@acct.mongo.cosmos.azure.com:10255/?ssl=true&appName=@acct@",
  "mongodb://u:p@host/?appName=50%#1",
];
for (const uri of GOOD) {
  test(`taken: ${uri}`, () => {
    assert.is(mongodbUriProblem(uri), undefined);
  });
}

const BAD: [uri: string, problem: RegExp][] = [
  ["", /must begin with/],
  ["host:27017", /must begin with/],
  ["MongoDB://host", /must begin with/],
  ["mongodb://", /must name a host/],
  ["mongodb:///db", /must name a host/],
  ["mongodb://u:p@", /must name a host/],
  ["mongodb://u:p@ss@host", /must name a host.*percent-encode/],
  ["mongodb://u:p/w@host", /must name a host.*percent-encode/],
  ["mongodb://u:100%@host", /percent sign.*%25/],
  ["mongodb://u%zz:p@host", /percent sign.*%25/],
  ["mongodb+srv://u:%4@host", /percent sign.*%25/],
  ["mongodb://host:port", /must name a host/],
  ["mongodb://a,,b", /must name a host/],
  ["mongodb://host\n", /line breaks/],
  ["mongodb://a, b", /spaces/],
  ["mongodb+srv://a,b", /exactly one host/],
  ["mongodb+srv://a:27017", /no port/],
];
for (const [uri, problem] of BAD) {
  test(`refused: ${JSON.stringify(uri)}`, () => {
    assert.match(mongodbUriProblem(uri) ?? "", problem);
  });
}

test("a hostile text costs no time: 100,000 characters are judged in under a second of the processor", () => {
  const before = process.cpuUsage();
  mongodbUriProblem(`mongodb://${"a:".repeat(50_000)}`);
  mongodbUriProblem(`mongodb://${"a,".repeat(50_000)} `);
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 1_000_000, `${user + system} µs`);
});

test.run();
