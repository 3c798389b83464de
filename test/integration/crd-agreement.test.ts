/** The API server and zod accept and refuse the same specs, fill in the same defaults, and neither quotes a secret. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { parseSpec } from "../../operator/api/schema.ts";
import { connect } from "./crd-cluster.ts";
import { CANARY, cases, type Json } from "./crd-specs.ts";

const RUNS = Number(process.env["AGREEMENT_RUNS"] ?? 80);
/** Requests under way at once, so that hundreds of cases take seconds. */
const TOGETHER = 12;

const server = await connect();
let namespace = "";
test.before(async () => {
  namespace = await server.namespace();
});
test.after(() => server.close(namespace));

test("the CRD and zod agree about every spec", async () => {
  const seen = { accepted: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(cases, { minLength: 1, maxLength: TOGETHER, size: "max" }), async (specs) => {
      await Promise.all(specs.map((spec) => agree(spec, seen)));
    }),
    { numRuns: RUNS, includeErrorInReport: true },
  );
  // A generator that makes only good or only bad specs proves nothing.
  const share = seen.accepted / (seen.accepted + seen.refused);
  assert.ok(share > 0.15 && share < 0.85, `${seen.accepted} accepted, ${seen.refused} refused`);
  assert.ok(seen.accepted + seen.refused > 4 * RUNS, `${seen.accepted + seen.refused} cases`);
});

async function agree(spec: Json, seen: { accepted: number; refused: number }): Promise<void> {
  const { status, text, body } = await server.create(namespace, "generated", spec, { dryRun: true });
  const ours = parseSpec(spec);
  const explain = () =>
    `\nspec: ${JSON.stringify(spec)}\nzod: ${ours.ok ? "accepts" : ours.problems.join("; ")}\nserver: ${status} ${text.slice(0, 2_000)}`;
  assert.ok([201, 400, 422].includes(status), `an answer of another kind${explain()}`);
  assert.is(ours.ok, status === 201, `they disagree${explain()}`);
  if (ours.ok) {
    seen.accepted += 1;
    const stored = (body as { spec: Json }).spec;
    assert.equal(JSON.parse(JSON.stringify(ours.spec)), stored, `their defaults differ${explain()}`);
  } else {
    seen.refused += 1;
    assert.not(text.includes(CANARY), `the server quotes a secret${explain()}`);
    assert.not(ours.problems.join().includes(CANARY), `zod quotes a secret${explain()}`);
    assert.ok(
      ours.problems.every((problem) => problem.startsWith("spec")),
      `a problem without a field${explain()}`,
    );
  }
}

test.run();
