/** Our check of a connection string's form against the official drivers. The corpus says nothing of what is right. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MONGODB_URIS } from "../corpora/mongodb-uris/index.ts";
import { ensurePython } from "./clients/python.ts";
import { compareUris } from "./compare-uris.ts";
import { generateUris } from "./generated-uris.ts";
import { BEYOND_THE_FORM } from "./known/beyond-the-form.ts";
import { KNOWN_FORMS } from "./known/generated-uris.ts";
import { compareWithList, stays } from "./known/known-difference.ts";
import { TAKEN_AT_APPLY } from "./known/taken-at-apply.ts";
import { KNOWN_URI_DIFFERENCES } from "./known/uris.ts";
import { ofConnectionString } from "./ours.ts";

const python = await ensurePython();
const path = "path" in python ? python.path : undefined;
const rows = await compareUris(MONGODB_URIS, path);
const generated = await compareUris(
  generateUris(1_200).map((uri) => ({ what: uri, uri })),
  path,
);
const count = (of: readonly { cases: readonly string[] }[]) => of.reduce((sum, { cases }) => sum + cases.length, 0);
const differing = rows.filter((row) => !row.agrees);
const percent = ((100 * (rows.length - differing.length)) / rows.length).toFixed(1);
const reasonable = count(KNOWN_URI_DIFFERENCES.filter(stays));
// Each list was made with all four drivers.
const withAll = (name: string, body: () => void) => (path === undefined ? test.skip(name) : test(name, body));

if ("missing" in python) test.skip(`PyMongo has no say, and the lists are not compared: ${python.missing}`);

test(`${rows.length} connection strings have names of their own`, () => {
  assert.is(new Set(rows.map(({ what }) => what)).size, rows.length);
  assert.is(new Set(rows.map(({ uri }) => uri)).size, rows.length);
});

withAll(
  `of ${rows.length} connection strings ${rows.length - differing.length} agree with the drivers and what servers say (${percent} %), ` +
    `${reasonable} differ for a reason, ${differing.length - reasonable} are to be mended: all of them are listed`,
  () => {
    const found = differing.map(({ what, ours, detail }) => ({ what, ours, detail }));
    assert.equal(compareWithList(found, KNOWN_URI_DIFFERENCES), []);
    assert.ok(differing.length <= 0.03 * rows.length, `${percent} % agree`);
  },
);

withAll(
  "what every driver takes is never a No, and what every driver refuses is never a Yes, but for what is listed",
  () => {
    const listed = new Set(KNOWN_URI_DIFFERENCES.flatMap(({ cases }) => cases));
    assert.equal(
      rows.filter(({ breaks, what }) => breaks && !listed.has(what)),
      [],
    );
  },
);

test(`one grammar: what the check refuses for its form, apply refuses (but for ${TAKEN_AT_APPLY.length} strings)`, () => {
  const found = rows.filter(({ reason }) => reason === "RejectedURI").map(({ what }) => what);
  assert.equal(found.toSorted(), TAKEN_AT_APPLY.toSorted());
});

withAll(
  `${generated.length} generated strings: the same two rules, and a Yes is about the drivers' server and login`,
  () => {
    const broken = generated.filter(({ breaks }) => breaks);
    const used = new Set<string>();
    const unknown = broken.filter(({ uri, ours }) => {
      const form = KNOWN_FORMS.find((known) => known.ours === ours && known.matches.test(uri));
      if (form !== undefined) used.add(form.kind);
      return form === undefined;
    });
    assert.equal(
      unknown.map(({ uri, class: found, ours, detail }) => ({ uri, found, ours, detail })),
      [],
    );
    assert.equal(
      KNOWN_FORMS.filter(({ kind }) => !used.has(kind)),
      [],
      "a form is listed that breaks no rule",
    );
  },
);

test(`${BEYOND_THE_FORM.length} strings with which every driver starts and no application works are what their list says`, () => {
  const uris = new Map(MONGODB_URIS.map(({ what, uri }) => [what, uri]));
  for (const { what, ours } of BEYOND_THE_FORM) {
    const uri = uris.get(what);
    assert.ok(uri !== undefined, `the corpus has no "${what}"`);
    assert.is(ofConnectionString(uri).says, ours, what);
  }
});

test.run();
