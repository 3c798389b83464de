/** The API server and zod accept and refuse the same specs, fill in the same defaults, and neither quotes a secret. */
import { isDeepStrictEqual } from "node:util";

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { parseSpec } from "#api/schema/spec";
import { cases, KINDS_OF_MISTAKES, withMistake } from "#support/crd/breaks";
import { connect } from "#support/crd/cluster";
import { CANARY, EXAMPLES, type Json } from "#support/crd/specs";

/** Each with up to TOGETHER specs. */
const RUNS = Number(process.env["AGREEMENT_RUNS"] ?? 60);
/** Requests under way at once, so that thousands of specs take seconds. */
const TOGETHER = 20;

const server = await connect();
let namespace = "";
test.before(async () => {
  namespace = await server.namespace();
});
test.after(() => server.close(namespace));

for (const [kind, spec] of Object.entries(EXAMPLES)) {
  test(`CRD and zod agree about every single mistake: ${kind}`, async () => {
    assert.is(await agree(spec), "accepted");
    for (const mistakesOf of KINDS_OF_MISTAKES) {
      const mistaken = mistakesOf(spec).map((mistake) => withMistake(spec, mistake));
      await allOf(mistaken);
    }
  });
}

test("CRD and zod agree about random specs with up to two mistakes", async () => {
  const seen = { accepted: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(cases, { minLength: 1, maxLength: TOGETHER, size: "max" }), async (specs) => {
      for (const verdict of await Promise.all(specs.map(agree))) seen[verdict] += 1;
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  );
  // A generator that makes only good or only bad specs proves nothing.
  const all = seen.accepted + seen.refused;
  assert.ok(all > 4 * RUNS && seen.accepted > all / 6 && seen.refused > all / 6, JSON.stringify(seen));
});

/** TOGETHER at once. */
async function allOf(specs: Json[]): Promise<void> {
  const next = specs.values();
  const work = async () => {
    for (const spec of next) await agree(spec);
  };
  await Promise.all(Array.from({ length: TOGETHER }, work));
}

async function agree(spec: Json): Promise<"accepted" | "refused"> {
  const { status, text, body } = await server.create(namespace, "generated", spec, { dryRun: true });
  const ours = parseSpec(spec);
  const explain = (problem: string) =>
    [
      problem,
      `spec: ${JSON.stringify(spec)}`,
      `zod: ${ours.ok ? "accepts" : ours.problems.join("; ")}`,
      `server: ${status} ${text.slice(0, 2_000)}`,
    ].join("\n");
  assert.ok([201, 400, 422].includes(status), explain("an answer of another kind"));
  assert.is(ours.ok, status === 201, explain("they disagree"));
  if (ours.ok) {
    const stored = (body as { spec: Json }).spec;
    // uvu's equal takes a key named "constructor" for the constructor.
    assert.ok(isDeepStrictEqual(JSON.parse(JSON.stringify(ours.spec)), stored), explain("their defaults differ"));
    return "accepted";
  }
  assert.not(text.includes(CANARY), explain("the server quotes a secret"));
  assert.not(ours.problems.join().includes(CANARY), explain("zod quotes a secret"));
  assert.ok(
    ours.problems.every((problem) => problem.startsWith("spec")),
    explain("a problem without a field"),
  );
  return "refused";
}

test.run();
