/**
 * Specs for the agreement of zod and the API server: valid ones, and the same with things broken in them.
 *
 * Every secret value has `CANARY` in it, so that a reply can be searched for it.
 */
import fc from "fast-check";

export const CANARY = "cAnArY";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Texts at the edges of all the forms: what one side might take and the other not. */
const EDGES = [
  "",
  " ",
  "a",
  ".",
  "..",
  "..a",
  "a..b",
  "a b",
  "a\n",
  "\u0000",
  "\u0085",
  "\u00a0a",
  "\u2028",
  "\ufeff",
  "é",
  "😀",
  "A-b_c.d",
  "-a",
  "a-",
  "example.com/x",
  "Example.com/x",
  "/x",
  "appsecret.dev/x",
  "sub.appsecret.dev/x",
  "app.kubernetes.io/managed-by",
  "app.kubernetes.io/name",
  "kubernetes.io/service-account.name",
  "constructor",
  "toString",
  "__proto__",
  "MONGODB_URI",
  "DATABASE_NAME",
  "JWKS_URI",
  "ATLAS_PUBLIC_KEY",
  "true",
  "0",
  "64f0c1a2b3c4d5e6f7a8b9c0",
  "64F0c1a2b3c4d5e6f7a8b9c0",
  "64f0c1a2b3c4d5e6f7a8b9cg",
  "https://",
  "http://id.example.com/jwks",
  "HTTPS://id.example.com/jwks",
  "https://id.example.com",
  "https://id.example.com:65536/jwks?x=y",
  "https://id.example.com:port/jwks",
  "https://user@id.example.com/jwks",
  "https://id.example.com/jwks#a",
  "https://1.2.3.4/jwks",
  "https://1.2.3/jwks",
  "https://[::1]:8443/jwks",
  "https://[::1/jwks",
  "https://a..b/",
  "https://-a/",
  "https://é.example/",
  "https://id.example.com/é",
  "https://id.example.com/a b",
  "/jwks.json",
  "a".repeat(63),
  "a".repeat(64),
  "a".repeat(253),
  "a".repeat(254),
  "😀".repeat(63),
  "😀".repeat(64),
  "a".repeat(1024),
  "a".repeat(1025),
  `https://id.example.com/${"a".repeat(2025)}`,
  `https://id.example.com/${"a".repeat(2026)}`,
];

const URIS = [
  `mongodb://${CANARY}`,
  `mongodb://u:${CANARY}@host`,
  `mongodb://u:${CANARY}@host:27017/db?tls=true`,
  `mongodb://u:${CANARY}@a:1,b:2,c/db?replicaSet=x`,
  `mongodb://u:${CANARY}@[::1]:27017/`,
  `mongodb://u:${CANARY}@host?x=y`,
  `mongodb+srv://u:${CANARY}@cluster.example.net/db`,
  `mongodb+srv://u:${CANARY}@cluster.example.net:27017/db`,
  `mongodb+srv://u:${CANARY}@a.example.net,b.example.net/db`,
  `mongodb+srv://u:${CANARY}@/db`,
  `mongodb://u:${CANARY}@`,
  `mongodb://u:${CANARY}@/db`,
  `mongodb://u:${CANARY}@:27017/db`,
  `mongodb://u:${CANARY}@host:port/db`,
  `mongodb://u:${CANARY}@@host/db`,
  `mongodb://u:${CANARY}/@host/db`,
  `mongodb://:${CANARY}@host/db`,
  `mongodb://@host/${CANARY}`,
  `mongodb://u:${CANARY}@host/db\n`,
  `mongodb://u:${CANARY}@host /db`,
  `mongodb://u:${CANARY}é😀@host/db`,
  `mongodb://u:${CANARY}\u00a0@host/db`,
  `MONGODB://u:${CANARY}@host/db`,
  `mongo://u:${CANARY}@host/db`,
  `postgres://u:${CANARY}@host/db`,
  `xmongodb://u:${CANARY}@host/db`,
  `mongodb://u:${CANARY}@${"h".repeat(8192 - 12 - CANARY.length)}`,
  `mongodb://u:${CANARY}@${"h".repeat(8192 - 11 - CANARY.length)}`,
];

/** A canary, somewhere in a text. */
const canaried = fc
  .tuple(fc.string({ unit: "binary", maxLength: 8 }), fc.string({ unit: "grapheme", maxLength: 8 }))
  .map(([before, after]) => `${before}${CANARY}${after}`);

const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?(\.[a-z0-9]{1,5})?$/);
const dataKey = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^[A-Z][A-Z0-9_]{0,6}$/) },
  { weight: 1, arbitrary: fc.stringMatching(/^[a-zA-Z0-9_-][-._a-zA-Z0-9]{0,8}$/) },
);

function secretValue(literal: fc.Arbitrary<string>): fc.Arbitrary<Json> {
  return fc.oneof(
    fc.record({ value: literal }),
    fc.record({ valueFrom: fc.record({ secretKeyRef: fc.record({ name, key: dataKey }) }) }),
  );
}

function some<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(arbitrary, { minLength: 1, maxLength: 4 });
}

/** Renames that often hit: published names on both sides, swapped and chained. */
function renames(published: string[]): fc.Arbitrary<Record<string, string>> {
  const names = [...published, "DATABASE_URL", "a.b"];
  return fc.dictionary(fc.constantFrom(...published), fc.constantFrom(...names), { maxKeys: 4, noNullPrototype: true });
}

const labels = fc.dictionary(
  fc.constantFrom("app", "team.example.com/owner", "app.kubernetes.io/part-of", "a_B.c"),
  fc.stringMatching(/^([a-zA-Z0-9]([-._a-zA-Z0-9]{0,8}[a-zA-Z0-9])?)?$/),
  { maxKeys: 3, noNullPrototype: true },
);
const annotations = fc.dictionary(
  fc.constantFrom("note", "argocd.argoproj.io/sync-wave", "reloader.stakater.com/match"),
  fc.string({ unit: "binary", maxLength: 8 }),
  { maxKeys: 3, noNullPrototype: true },
);

function common(published: string[]) {
  const target = fc.record(
    { name, labels, annotations, keys: renames(published), immutable: fc.boolean() },
    { requiredKeys: [] },
  );
  return fc.record(
    {
      target,
      deletionPolicy: fc.constantFrom("Delete", "Retain"),
      verify: fc.constantFrom("Strict", "BestEffort", "Off"),
      suspend: fc.boolean(),
    },
    { requiredKeys: [] },
  );
}

const authentication = fc.record(
  {
    enabled: fc.boolean(),
    jwksUri: fc.constantFrom(
      "https://id.example.com/.well-known/jwks.json",
      "https://localhost:8443/jwks?x=y",
      "https://10.0.0.1/",
    ),
    audience: fc.constantFrom("orders-api", "https://api.example.com", "a b", "é😀"),
  },
  { requiredKeys: ["jwksUri", "audience"] },
);

const uri = secretValue(fc.constantFrom(...URIS.slice(0, 7)));
const databaseName = fc.constantFrom("orders", "Ünï", "a-b_c", "x".repeat(63));
const mongodb = fc.record(
  { name: databaseName, mode: fc.constant("Database"), mongodbUri: uri },
  { requiredKeys: ["name", "mongodbUri"] },
);

const atlas = fc.record(
  {
    projectId: fc.constantFrom("64f0c1a2b3c4d5e6f7a8b9c0", "0123456789ABCDEFabcdef00"),
    clusterName: fc.constantFrom("prod-eu", "a", "0", "A".repeat(64)),
    publicKey: secretValue(canaried),
    privateKey: secretValue(canaried),
    databaseUser: fc.record({ username: fc.constantFrom("orders", "a b", "é"), password: secretValue(canaried) }),
    publishApiKeys: fc.boolean(),
  },
  { requiredKeys: ["projectId", "clusterName", "publicKey", "privateKey"] },
);

const DATABASE = ["MONGODB_URI", "DATABASE_NAME"];
const ATLAS = [...DATABASE, "ATLAS_PROJECT_ID", "ATLAS_CLUSTER_NAME", "ATLAS_PUBLIC_KEY", "ATLAS_PRIVATE_KEY"];

const custom = some(fc.tuple(dataKey, secretValue(canaried))).map((entries) => ({ data: Object.fromEntries(entries) }));

/** Specs of all types, most of them valid (renames may clash). */
const spec: fc.Arbitrary<Json> = fc.oneof(
  fc.tuple(common(["JWKS_URI", "AUDIENCE"]), authentication).map(([rest, member]) => ({
    type: "Authentication",
    authentication: member,
    ...rest,
  })),
  fc.tuple(common(DATABASE), mongodb).map(([rest, member]) => ({ type: "Database", database: member, ...rest })),
  fc.tuple(common(ATLAS), databaseName, atlas).map(([rest, databaseNamed, member]) => ({
    type: "Database",
    database: { name: databaseNamed, mode: "MongoDBAtlas", atlas: member },
    ...rest,
  })),
  custom.chain((member) =>
    common([...Object.keys(member.data), "MISSING"]).map((rest) => ({ type: "Custom", custom: member, ...rest })),
  ),
);

/** One thing that a person or a program gets wrong. */
export type Break =
  | { what: "remove" | "rename"; where: number }
  | { what: "replace"; where: number; with: Json }
  | { what: "add"; where: number; field: string; with: Json };

const FIELDS = [
  "authentication",
  "database",
  "custom",
  "data",
  "value",
  "valueFrom",
  "secretKeyRef",
  "namespace",
  "mode",
  "atlas",
  "mongodbUri",
  "target",
  "keys",
  "labels",
  "annotations",
  "unknown",
  "sealed",
];

const junk: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(
    null,
    true,
    false,
    0,
    7,
    -1.5,
    [],
    {},
    [""],
    { value: CANARY },
    "Database",
    "MongoDBAtlas",
    "Custom",
  ),
  fc.constantFrom(...EDGES),
);

const breaks: fc.Arbitrary<Break> = fc.oneof(
  fc.record({ what: fc.constantFrom("remove" as const, "rename" as const), where: fc.nat(63) }),
  fc.record({ what: fc.constant("replace" as const), where: fc.nat(63), with: junk }),
  fc.record({
    what: fc.constant("add" as const),
    where: fc.nat(63),
    field: fc.oneof(fc.constantFrom(...FIELDS), fc.constantFrom(...EDGES)),
    with: fc.oneof(
      junk,
      authentication as fc.Arbitrary<Json>,
      mongodb as fc.Arbitrary<Json>,
      fc.constant({ value: CANARY }),
    ),
  }),
);

/** A spec with up to three things broken; shrinks to a small spec with as few as possible. */
export const cases: fc.Arbitrary<Json> = fc
  .tuple(spec, fc.array(breaks, { maxLength: 3 }))
  .map(([whole, wrong]) => wrong.reduce(broken, whole));

/** Below these names everything is a secret: what replaces it must not come back either. */
const SECRET_PLACES = new Set(["mongodbUri", "publicKey", "privateKey", "password", "data", "value"]);

function broken(whole: Json, wrong: Break): Json {
  const copy = structuredClone(whole);
  const places = [...placesIn(copy)];
  if (places.length === 0) return copy;
  const { holder, key, secret } = places[wrong.where % places.length]!;
  switch (wrong.what) {
    case "remove":
      Reflect.deleteProperty(holder, key);
      return copy;
    case "rename": {
      const value = holder[key]!;
      Reflect.deleteProperty(holder, key);
      put(holder, `${key}x`, value);
      return copy;
    }
    case "replace":
      holder[key] = secret ? asSecret(wrong.with, wrong.where) : withoutCanary(wrong.with);
      return copy;
    case "add": {
      const inside = holder[key];
      const into = typeof inside === "object" && inside !== null && !Array.isArray(inside) ? inside : holder;
      put(into, wrong.field, wrong.with);
      return copy;
    }
  }
}

/** Assignment would set the prototype where the name is `__proto__`. */
function put(holder: { [key: string]: Json }, key: string, value: Json): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function* placesIn(
  at: Json,
  secret = false,
): Generator<{ holder: { [key: string]: Json }; key: string; secret: boolean }> {
  if (typeof at !== "object" || at === null || Array.isArray(at)) return;
  for (const key of Object.keys(at)) {
    const below = secret || SECRET_PLACES.has(key);
    yield { holder: at, key, secret: below };
    yield* placesIn(at[key]!, below);
  }
}

/** What a person pastes where a secret belongs holds the secret; connection strings are tried with all their faults. */
function asSecret(value: Json, pick: number): Json {
  if (typeof value !== "string") return value;
  return pick % 2 === 0 ? URIS[(pick * 7 + value.length) % URIS.length]! : `${value}${CANARY}`;
}

/** Where no secret belongs, a reply may quote what it found. */
function withoutCanary(value: Json): Json {
  return JSON.parse(JSON.stringify(value).replaceAll(CANARY, "x")) as Json;
}
