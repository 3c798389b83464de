/** Valid specs of all types for the agreement of zod and the API server. Every secret value has `CANARY` in it. */
import fc from "fast-check";

export const CANARY = "cAnArY";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const GOOD_URIS = [
  `mongodb://${CANARY}`,
  `mongodb://u:${CANARY}@host`,
  `mongodb://u:${CANARY}@host:27017/db?tls=true`,
  `mongodb://u:${CANARY}@a:1,b:2,c/db?replicaSet=x`,
  `mongodb://u:${CANARY}@[::1]:27017/`,
  `mongodb://u:${CANARY}@host?x=y`,
  `mongodb+srv://u:${CANARY}@cluster.example.net/db`,
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

/** What stands around placeholders in a format: dollar signs and parentheses, too, of which some escape or break one. */
const aroundPlaceholders = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("", "-", " ", CANARY, "a)", "$", "$$", "(", "$$(", "$$$", "é😀") },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 4 }) },
);

/** The texts before, between and after placeholders. */
type Around = { first: string; between: string; last: string };

/** A value that is composed of others. */
function composed(literal: fc.Arbitrary<string>, around?: Around): fc.Arbitrary<Json> {
  return fc
    .tuple(
      fc.dictionary(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,5}$/), simpleValue(literal), {
        minKeys: 1,
        maxKeys: 3,
        noNullPrototype: true,
      }),
      fc.record({ first: aroundPlaceholders, between: aroundPlaceholders, last: aroundPlaceholders }),
    )
    .map(([values, random]) => {
      const { first, between, last } = around ?? random;
      const placeholders = Object.keys(values).map((one) => `$(${one})`);
      return { format: `${first}${placeholders.join(between)}${last}`, with: values };
    });
}

function simpleValue(literal: fc.Arbitrary<string>): fc.Arbitrary<Json> {
  return fc.oneof(
    fc.record({ value: literal }),
    fc.record({ valueFrom: fc.record({ secretKeyRef: fc.record({ name, key: dataKey }) }) }),
  );
}

function secretValue(literal: fc.Arbitrary<string>, around?: Around): fc.Arbitrary<Json> {
  return fc.oneof(simpleValue(literal), composed(literal, around));
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

const workload = fc.record({ kind: fc.constantFrom("Deployment", "StatefulSet", "DaemonSet"), name });

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
      restart: fc.uniqueArray(workload, { maxLength: 4, selector: ({ kind, name: of }) => `${kind} ${of}` }),
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

const uri = secretValue(fc.constantFrom(...GOOD_URIS), {
  first: "mongodb://u:",
  between: CANARY,
  last: "@host/db",
});
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

const custom = some(fc.tuple(dataKey, secretValue(canaried))).map((entries) => ({
  data: Object.fromEntries(entries),
}));

/** Specs of all types, most of them valid (renames may clash). */
export const specs: fc.Arbitrary<Json> = fc.oneof(
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

const from = (key: string): Json => ({ valueFrom: { secretKeyRef: { name: "source", key } } });

/** One valid spec of each kind, with every field that it may have. */
export const EXAMPLES: Record<string, Json> = {
  Authentication: {
    type: "Authentication",
    authentication: { enabled: true, jwksUri: "https://id.example.com/jwks.json", audience: "orders" },
    target: { name: "a", labels: { app: "b" }, annotations: { note: "c" }, keys: { AUDIENCE: "AUD" }, immutable: true },
    deletionPolicy: "Retain",
    verify: "Off",
    suspend: false,
    restart: [
      { kind: "Deployment", name: "web" },
      { kind: "DaemonSet", name: "web" },
    ],
  },
  "Database with a literal URI": {
    type: "Database",
    database: { name: "orders", mode: "Database", mongodbUri: { value: `mongodb://u:${CANARY}@host/db` } },
    target: { keys: { MONGODB_URI: "DATABASE_URL" } },
  },
  "Database with a referenced URI": { type: "Database", database: { name: "orders", mongodbUri: from("uri") } },
  "Database with a composed URI": {
    type: "Database",
    database: {
      name: "orders",
      mongodbUri: {
        format: `mongodb://$(user):${CANARY}$$(x)$(password)@host/db`,
        with: { user: { value: CANARY }, password: from("password") },
      },
    },
  },
  "Atlas cluster with literals": {
    type: "Database",
    database: {
      name: "orders",
      mode: "MongoDBAtlas",
      atlas: {
        projectId: "64f0c1a2b3c4d5e6f7a8b9c0",
        clusterName: "prod-eu",
        publicKey: { value: CANARY },
        privateKey: { value: CANARY },
        databaseUser: { username: "orders", password: { value: CANARY } },
        publishApiKeys: true,
      },
    },
    target: { keys: { ATLAS_PUBLIC_KEY: "KEY" } },
  },
  "Atlas cluster with references": {
    type: "Database",
    database: {
      name: "orders",
      mode: "MongoDBAtlas",
      atlas: {
        projectId: "64f0c1a2b3c4d5e6f7a8b9c0",
        clusterName: "prod-eu",
        publicKey: from("public"),
        privateKey: from("private"),
        databaseUser: { username: "orders", password: from("password") },
      },
    },
  },
  Custom: {
    type: "Custom",
    custom: {
      data: {
        A: { value: CANARY },
        B: from("b"),
        C: { format: `$(a) ${CANARY} $(b)$(a) a)$$(`, with: { a: from("c"), b: { value: CANARY } } },
      },
    },
    target: { keys: { A: "B", B: "A" } },
  },
};
