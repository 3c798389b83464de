/** Connection strings put together from parts that are right and parts that are not, the same ones in every run. */
import fc from "fast-check";

const SEED = 20_261_128;

const oneOf = (ascii: string) => fc.nat(ascii.length - 1).map((index) => ascii.charAt(index));

/** Every printable character of ASCII, and a few others. */
const character = fc.oneof(
  { weight: 3, arbitrary: oneOf("abc019-._~") },
  { weight: 4, arbitrary: oneOf("!$&'()*+,;=%^{}|<>`\"\\ ") },
  { weight: 2, arbitrary: oneOf("@:/?#[]") },
  { weight: 2, arbitrary: fc.constantFrom("%40", "%3A", "%2F", "%25", "%C3%A4", "%23", "%ff", "%zz", "ä", "€", "\n") },
);
const word = fc.array(character, { minLength: 1, maxLength: 3 }).map((middle) => `s${middle.join("")}t`);
const plain = fc.constantFrom("shop", "orders", "a1", "x-y", "p.q", "u_v");

const login = fc.oneof(
  { weight: 4, arbitrary: fc.constant("") },
  { weight: 3, arbitrary: fc.tuple(plain, plain).map(([user, password]) => `${user}:${password}@`) },
  { weight: 3, arbitrary: fc.tuple(plain, word).map(([user, password]) => `${user}:${password}@`) },
  { weight: 1, arbitrary: word.map((user) => `${user}:secret@`) },
  { weight: 1, arbitrary: fc.constantFrom("shop@", "shop:@", ":secret@", "@") },
);
const port = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("", ":27017", ":10255", ":1", ":65535") },
  { weight: 1, arbitrary: fc.constantFrom(":0", ":65536", ":", ":x", ":027017", ":-1", ":1.5", ":27017:1") },
);
const name = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom("db.example.com", "mongo-0", "mongo_1", "10.0.0.5", "[fd00::5]", "DB.Example.com."),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom("", "[fd00::5", "fd00::5", "%2Ftmp%2Fmongo.sock", "db%2Eexample", "a b", "mün.de"),
  },
);
const host = fc.tuple(name, port).map((parts) => parts.join(""));
const hosts = fc.oneof(
  { weight: 3, arbitrary: host },
  { weight: 1, arbitrary: fc.array(host, { minLength: 2, maxLength: 3 }).map((several) => several.join(",")) },
);
const database = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("", "/", "/shop", "/shop") },
  { weight: 1, arbitrary: word.map((text) => `/${text}`) },
);

const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  retryWrites: ["true", "false", "flase", "TRUE", ""],
  w: ["majority", "1", "-2", ""],
  tls: ["true", "false", "yes"],
  ssl: ["true", "false"],
  authSource: ["admin", "$external", "%24external", ""],
  authMechanism: ["SCRAM-SHA-256", "SCRAM-SHA-1", "DEFAULT", "PLAIN", "SCRAM-SHA-512", "MONGODB-X509"],
  replicaSet: ["rs0", ""],
  readPreference: ["secondary", "nearest", "Nearest", "secundary"],
  directConnection: ["true", "false", "no"],
  loadBalanced: ["true", "false"],
  maxPoolSize: ["10", "ten", "-1"],
  maxIdleTimeMS: ["120000", "x"],
  connectTimeoutMS: ["5000", "0", "soon"],
  compressors: ["zlib", "snappy,zstd", "lzma"],
  journal: ["true", "perhaps"],
  appName: ["shop", "@shop@", "my%20shop"],
  tlsCAFile: ["/etc/ssl/ca.pem"],
  readConcernLevel: ["majority", "anything"],
  srvServiceName: ["mongo"],
  retryWrite: ["true"],
};
const option = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .constantFrom(...Object.entries(OPTIONS))
      .chain(([key, values]) => fc.constantFrom(...values).map((value) => `${key}=${value}`)),
  },
  { weight: 1, arbitrary: word.map((value) => `appName=${value}`) },
);
const query = fc.oneof(
  { weight: 2, arbitrary: fc.constant("") },
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.constantFrom("/?", "/?", "/?", "?"), fc.array(option, { minLength: 1, maxLength: 3 }))
      .map(([start, options]) => `${start}${options.join("&")}`),
  },
);
const scheme = fc.oneof(
  { weight: 12, arbitrary: fc.constant("mongodb://") },
  { weight: 4, arbitrary: fc.constant("mongodb+srv://") },
  { weight: 1, arbitrary: fc.constantFrom("mongo://", "mongodb:/", "MONGODB://", "") },
);

const uri = fc
  .tuple(scheme, login, hosts, database, query)
  // A database brings its own slash.
  .map(([begin, user, at, path, rest]) => begin + user + at + path + (path === "" ? rest : rest.replace("/?", "?")));

/** Without repetitions, so a few fewer than `count`. */
export function generateUris(count: number): string[] {
  return [...new Set(fc.sample(uri, { seed: SEED, numRuns: count }))];
}
