/** Our check of a key set against the libraries that verify tokens, each with real tokens. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ensurePython } from "./clients/python.ts";
import { compareKeySets } from "./compare-key-sets.ts";
import { KNOWN_KEY_SET_DIFFERENCES } from "./known/key-sets.ts";
import { compareWithList, stays } from "./known/known-difference.ts";

const python = await ensurePython();
const path = "path" in python ? python.path : undefined;
const rows = await compareKeySets(path);
const differing = rows.filter((row) => !row.agrees);
const reasonable = KNOWN_KEY_SET_DIFFERENCES.filter(stays).reduce((sum, { cases }) => sum + cases.length, 0);
// The list was made with all three libraries.
const withAll = (name: string, body: () => void) => (path === undefined ? test.skip(name) : test(name, body));

if ("missing" in python) test.skip(`PyJWT has no say, and the list is not compared: ${python.missing}`);

test(`${rows.length} key sets have names of their own`, () => {
  assert.is(new Set(rows.map(({ what }) => what)).size, rows.length);
});

const agreeing = 1 - differing.length / rows.length;

withAll(
  `of ${rows.length} key sets ${rows.length - differing.length} agree with the libraries (${(100 * agreeing).toFixed(1)} %), ` +
    `${reasonable} differ for a reason, ${differing.length - reasonable} are to be mended: all of them are listed`,
  () => {
    assert.equal(compareWithList(differing, KNOWN_KEY_SET_DIFFERENCES), []);
    assert.ok(agreeing >= 0.97);
  },
);

withAll(
  "what every library verifies with is never a No, and what none does is never a Yes, but for what is listed",
  () => {
    const known = new Set(KNOWN_KEY_SET_DIFFERENCES.flatMap(({ cases }) => cases));
    assert.equal(
      rows.filter(({ breaks, what }) => breaks && !known.has(what)),
      [],
    );
  },
);

test.run();
