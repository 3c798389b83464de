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
  "mongodb://host:065535",
  "mongodb://bücher.example/",
  "mongodb://u:pass word@host/",
  "mongodb://u:p%C3%A4%e2%82%ac%F0%9F%94%91@host/",
  "mongodb://,u,:p,,@host",
  "mongodb://%2Ftmp%2Fmongodb-27017.sock,host/db",
  "mongodb://CN=shop@host/?tls=true&authMechanism=MONGODB-X509",
  "mongodb+srv://u:p@cluster0.abcde.mongodb.net/?retryWrites=true",
  "mongodb://acct:key%3D%3D@acct.mongo.cosmos.azure.com:10255/?ssl=true&appName=@acct@",
  "mongodb://u:p@host/?appName=50%#1",
  "mongodb://u:p@host/?&a=&b=1;2",
  "mongodb://u:<p>@host",
  "mongodb://u:%24%7BPASSWORD%7D@host",
];
for (const uri of GOOD) {
  test(`taken: ${uri}`, () => {
    assert.is(mongodbUriProblem(uri), undefined);
  });
}

const BAD: [uri: string, problem: RegExp][] = [
  ["", /must not be empty/],
  ["m\0o\0n\0g\0", /UTF-16/],
  ["\ufffd\ufffdm\0o\0n\0", /UTF-16/],
  ["\ufeffmongodb://host", /byte order mark/],
  ['"mongodb://host"', /quotes/],
  ["'mongodb://host'", /quotes/],
  ["“mongodb://host”", /quotes/],
  [Buffer.from("mongodb://host").toString("base64"), /encoded twice/],
  ["MONGODB_URI=mongodb://host", /name of a variable/],
  [" mongodb://host", /spaces in front/],
  ["mongodb://host\n", /line breaks/],
  ["host:27017", /must begin with/],
  ["mongo://host", /must begin with/],
  ["MongoDB://host", /in lower case/],
  ["mongodb://", /must name its hosts/],
  ["mongodb:///db", /must name its hosts/],
  ["mongodb://u:p@", /must name its hosts/],
  ["mongodb://host:port", /must name its hosts/],
  ["mongodb://host:0", /from 1 to 65535/],
  ["mongodb://host:65536", /from 1 to 65535/],
  ["mongodb://a, b", /must name its hosts/],
  ["mongodb://db\u200b.example.com", /must name its hosts/],
  ["mongodb://db–main", /must name its hosts/],
  ["mongodb://<cluster>.mongodb.net", /must name its hosts/],
  ["mongodb://db%2Eexample", /must name its hosts/],
  ["mongodb://host#1", /must name its hosts/],
  ["mongodb://u:p@ss@host", /%40/],
  ["mongodb://u:p:w@host", /percent-encoded/],
  ["mongodb://u:p#w@host", /percent-encoded/],
  ["mongodb://:p@host", /user name/],
  ["mongodb://@host", /user name/],
  ["mongodb://u:p/w@host", /%2F/],
  ["mongodb://u:p?w@host", /%3F/],
  ["mongodb://u:100%@host", /percent sign.*%25/],
  ["mongodb://u:%ff@host", /percent sign.*%25/],
  ["mongodb://u:%ED%A0%80@host", /percent sign.*%25/],
  ["mongodb://u%zz:p@host", /percent sign.*%25/],
  ["mongodb+srv://u:%4@host", /percent sign.*%25/],
  ["mongodb://u@host", /password/],
  ["mongodb://u:@host", /password/],
  ["mongodb://u:<db_password>@host", /placeholders/],
  ["mongodb://<db_username>:p@host", /placeholders/],
  // eslint-disable-next-line no-template-curly-in-string -- as it is met
  ["mongodb://u:${PASSWORD}@host", /placeholders/],
  ["mongodb://u:$(PASSWORD)@host", /placeholders/],
  ["mongodb://$MONGO_USER:p@host", /placeholders/],
  ["mongodb://u:{{ .Values.password }}@host", /placeholders/],
  ["mongodb://a,,b", /comma too many/],
  ["mongodb://,a", /comma too many/],
  ["mongodb://u:p@a:1,/db", /comma too many/],
  ["mongodb+srv://a,b", /exactly one host/],
  ["mongodb+srv://a:27017", /no port/],
  ["mongodb+srv://10.0.0.1", /SRV records/],
  ["mongodb+srv://u:p@localhost/", /SRV records/],
  ["mongodb://host/my shop", /database/],
  ["mongodb://host/my%20shop", /database/],
  ["mongodb://host/a/b", /database/],
  ["mongodb://host/%22a%22", /database/],
  ["mongodb://host/100%", /database.*%25/],
  ["mongodb://host/?tls", /name=value/],
  ["mongodb://host/?=true", /name=value/],
  ["mongodb://host/?a=b&amp;c=d", /XML/],
];
for (const [uri, problem] of BAD) {
  test(`refused: ${JSON.stringify(uri)}`, () => {
    assert.match(mongodbUriProblem(uri) ?? "", problem);
  });
}

test("a hostile text costs no time: 100,000 characters of any kind are judged in under a second of the processor", () => {
  const before = process.cpuUsage();
  for (const filler of ["a:", "a,", "@,", ",,", "@", ".sock,", "%2Esock", "%41", "<user", "{{", "?&amp", "?a=&", "/"]) {
    mongodbUriProblem(`mongodb://${filler.repeat(100_000 / filler.length)} `);
  }
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 1_000_000, `${user + system} µs`);
});

test.run();
