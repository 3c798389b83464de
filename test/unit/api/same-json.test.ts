/** A parsed spec stands for the stored one only if it is the same JSON. */
import { isDeepStrictEqual } from "node:util";

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { isSameJson } from "#api/schema/same-json";

/** Few names and values, so that two of them are often the same. */
const small = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(null, true, 0, "", "a", undefined),
    fc.array(tie("node"), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom("a", "b", "constructor"), tie("node"), { maxKeys: 2 }),
  ),
})).node;

test("it agrees with node's own comparison", () => {
  fc.assert(
    fc.property(small, small, (a, b) => {
      assert.is(isSameJson(a, b), isDeepStrictEqual(a, b));
      assert.ok(isSameJson(a, structuredClone(a)) === isDeepStrictEqual(a, structuredClone(a)));
    }),
    { numRuns: 2_000 },
  );
});

test("the order of keys does not matter, and a field that is undefined does", () => {
  assert.ok(isSameJson({ a: 1, b: [{ c: "" }] }, { b: [{ c: "" }], a: 1 }));
  assert.not(isSameJson({ a: undefined }, {}));
  assert.not(isSameJson({ a: undefined }, { b: undefined }));
  assert.not(isSameJson([], {}));
});

test.run();
