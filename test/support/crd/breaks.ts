/**
 * What people and programs get wrong. Every mistake that can be made in a given spec is listed, each as a few edits; so
 * all of them can be tried on one spec, and a random few on random specs, which then shrink to the one that counts.
 */
import fc from "fast-check";

import { EDGES, FORMATS, KEYS, NAMES, PLACEHOLDERS, SECRETS, SECRET_EDGES, URIS } from "./edges.ts";
import { CANARY, type Json, specs } from "./specs.ts";

type Fields = { [key: string]: Json };
/** Sets the value at a path, or removes it when there is no value. */
type Edit = { path: string[]; value?: Json };
export type Mistake = Edit[];

const REF: Json = { secretKeyRef: { name: "a", key: "b" } };
const FORMS: Json[] = [
  { value: CANARY, valueFrom: REF },
  {},
  { valueFrom: {} },
  { value: 7 },
  { value: null },
  { value: { value: CANARY } },
  { valueFrom: { secretKeyRef: CANARY } },
  { valueFrom: CANARY },
  { format: CANARY },
  { with: { a: { value: CANARY } } },
  { format: CANARY, with: {} },
  { format: CANARY, with: null },
  { format: `${CANARY}$(a)`, with: { a: { value: CANARY } } },
  { format: `${CANARY}$(a)`, with: { a: { value: CANARY } }, value: CANARY },
  { format: `${CANARY}$(a)`, with: { a: { value: CANARY } }, valueFrom: REF },
  { format: `${CANARY}$(a)`, with: { a: { value: CANARY, valueFrom: REF } } },
  { format: `${CANARY}$(a)`, with: { a: { format: "$(b)", with: { b: { value: CANARY } } } } },
  { format: `${CANARY}$(a)`, with: { a: CANARY } },
  { format: `${CANARY}$(a)`, with: { a: null } },
  { format: 7, with: { a: { value: CANARY } } },
  { format: "$(a)", with: [CANARY] },
  { format: "$(a)", with: CANARY },
  [CANARY],
  CANARY,
];

/** What may stand at the end of a list: what it has already, what differs in one field, and what is nothing. */
const ITEMS = (given: Json[]): Json[] => [
  ...given,
  ...given.map((item) => (isObject(item) ? { ...item, kind: "StatefulSet" } : item)),
  ...["Deployments", "deployment", "Job", "ReplicaSet", ""].map((kind) => ({ kind, name: "api" })),
  null,
  "Deployment/api",
  [],
];
const workloads = (length: number): Json =>
  Array.from({ length }, (_, index) => ({ kind: "Deployment", name: `web-${index}` }));

const MEMBERS: Fields = {
  authentication: { jwksUri: "https://id.example.com/jwks", audience: "a" },
  database: { name: "a", mongodbUri: { value: `mongodb://${CANARY}` } },
  custom: { data: { A: { value: CANARY } } },
};
const ATLAS: Json = {
  projectId: "64f0c1a2b3c4d5e6f7a8b9c0",
  clusterName: "a",
  publicKey: { value: CANARY },
  privateKey: { valueFrom: REF },
};

const JUNK: Json[] = [null, true, false, 0, 7, -1.5, [], {}, [""], { value: "x" }, "", "a", "MongoDBAtlas", "Custom"];
const UNKNOWN = ["namespace", "sealed", "Value", "stringData", "__proto__", "toString"];

/** Every single mistake of one kind that can be made in a spec. */
export const KINDS_OF_MISTAKES: ((spec: Json) => Mistake[])[] = [
  function atTheEdge(spec) {
    const texts = placesIn(spec).filter(({ value }) => typeof value === "string");
    return texts.flatMap(({ path }) => edges(path).map((value) => [{ path, value }]));
  },
  function anotherEntry(spec) {
    return placesIn(withMaps(spec))
      .filter(({ path }) => ["data", "with", "labels", "annotations", "keys"].includes(path.at(-1)!))
      .flatMap(({ path }) => KEYS.map((key) => [{ path: [...path, key], value: entry(path.at(-1)!) }]));
  },
  function otherForm(spec) {
    const values = placesIn(spec).filter(
      ({ value }) => isObject(value) && ["value", "valueFrom", "format"].some((form) => form in value),
    );
    return values.flatMap(({ path }) => FORMS.map((value) => [{ path, value }]));
  },
  function otherPlaceholders(spec) {
    const composed = placesIn(spec).filter(({ value }) => isObject(value) && "format" in value);
    const scheme = (path: string[]) => (path.includes("mongodbUri") ? "mongodb://" : "");
    const using = (names: string[]): Json => ({
      format: names.map((name) => `$(${name})`).join(""),
      with: Object.fromEntries(names.map((name) => [name, { value: CANARY }])),
    });
    const numbered = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`);
    const many = [...PLACEHOLDERS.map((name) => [name]), numbered(16), numbered(17)].map(using);
    return composed.flatMap(({ path }) =>
      many.map((value) => [
        { path, value },
        { path: [...path, "format"], value: `${scheme(path)}${(value as { format: string }).format}` },
      ]),
    );
  },
  function missing(spec) {
    return placesIn(spec).map(({ path }) => [{ path }]);
  },
  function misspelt(spec) {
    return placesIn(spec).map(({ path, value }) => [
      { path },
      { path: [...path.slice(0, -1), `${path.at(-1)!}x`], value },
    ]);
  },
  function anotherMember() {
    return Object.entries(MEMBERS).map(([member, value]) => [{ path: [member], value }]);
  },
  function anotherMode(spec) {
    if (!isObject(spec) || !isObject(spec["database"])) return [];
    const modes = ["Database", "MongoDBAtlas", "mongodb", null, undefined];
    const members: [string, Json][] = [
      ["mongodbUri", { value: `mongodb://${CANARY}` }],
      ["atlas", ATLAS],
    ];
    const edit = (key: string, value: Json | undefined): Edit => ({
      path: ["database", key],
      ...(value === undefined ? {} : { value }),
    });
    return modes.flatMap((mode) =>
      [0, 1, 2, 3].map((given) => [
        edit("mode", mode),
        ...members.map(([key, value], bit) => edit(key, (given >> bit) % 2 === 1 ? value : undefined)),
      ]),
    );
  },
  function anotherItem(spec) {
    const lists = placesIn(spec).filter(({ value }) => Array.isArray(value));
    return lists.flatMap(({ path, value }) =>
      ITEMS(value as Json[]).map((item) => [{ path: [...path, `${(value as Json[]).length}`], value: item }]),
    );
  },
  function ofAnotherLength(spec) {
    const lists = placesIn(spec).filter(({ value }) => Array.isArray(value));
    return lists.flatMap(({ path }) => [0, 1, 16, 17].map((length) => [{ path, value: workloads(length) }]));
  },
  function junk(spec) {
    return placesIn(spec).flatMap(({ path }) => JUNK.map((value) => [{ path, value }]));
  },
  function unknownField(spec) {
    const objects = placesIn(spec).filter(({ value }) => isObject(value));
    return objects.flatMap(({ path }) => UNKNOWN.map((field) => [{ path: [...path, field], value: "x" }]));
  },
];

/** Random specs with up to two mistakes. */
export const cases: fc.Arbitrary<Json> = fc
  .tuple(specs, fc.array(fc.tuple(fc.constantFrom(...KINDS_OF_MISTAKES), fc.nat(4_095)), { maxLength: 2 }))
  .map(([spec, picks]) =>
    picks.reduce<Json>((before, [kind, pick]) => {
      const mistakes = kind(before);
      return mistakes.length === 0 ? before : withMistake(before, mistakes[pick % mistakes.length]!);
    }, spec),
  );

/** A copy of the spec with the mistake in it. Edits at places that are not there do nothing. */
export function withMistake(spec: Json, mistake: Mistake): Json {
  const copy = structuredClone(mistake.some(({ path }) => path[0] === "target") ? withMaps(spec) : spec);
  for (const { path, value } of mistake) {
    let holder: Json | undefined = copy;
    for (const key of path.slice(0, -1)) holder = hasPlaces(holder) ? holder[key] : undefined;
    if (!hasPlaces(holder)) continue;
    const key = path.at(-1)!;
    if (value === undefined) Reflect.deleteProperty(holder, key);
    // Assignment would set the prototype where the name is `__proto__`.
    else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return copy;
}

function edges(path: string[]): string[] {
  if (path.at(-1) === "format") return FORMATS;
  if (path.at(-1) === "value" && path.includes("mongodbUri")) return URIS;
  if (path.at(-1) === "value" && path.some((key) => SECRETS.includes(key))) return SECRET_EDGES;
  return EDGES.get(path.at(-1)!) ?? EDGES.get(path.at(-2)!) ?? NAMES;
}

function entry(map: string): Json {
  return map === "data" || map === "with" ? { value: CANARY } : "a";
}

/** The spec with the maps of its target, empty where they are missing. */
function withMaps(spec: Json): Json {
  if (!isObject(spec)) return spec;
  const target = isObject(spec["target"]) ? spec["target"] : {};
  return { ...spec, target: { labels: {}, annotations: {}, keys: {}, ...target } };
}

function placesIn(at: Json, path: string[] = []): { path: string[]; value: Json }[] {
  if (!hasPlaces(at)) return [];
  return Object.entries(at).flatMap(([key, value]) => [
    { path: [...path, key], value },
    ...placesIn(value, [...path, key]),
  ]);
}

/** An object, or a list by its indices. */
function hasPlaces(value: Json | undefined): value is Fields {
  return typeof value === "object" && value !== null;
}

function isObject(value: Json | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
