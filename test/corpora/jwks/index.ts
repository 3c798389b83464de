/**
 * Documents that login providers answer with at their `jwks_uri`, and tokens that their keys signed. Nothing in here says
 * what is right: the libraries that verify tokens do, in test/differential.
 */
import { SHAPES_OF_ALGORITHMS } from "./algorithms.ts";
import type { JwksCase } from "./case.ts";
import { FORMS } from "./forms.ts";
import { createKeys } from "./keys.ts";
import { PROVIDERS } from "./providers.ts";

export type { JwksCase, TokenSpec } from "./case.ts";

/** The keys are new in each call; all else is the same. */
export function createKeySets(): JwksCase[] {
  const keys = createKeys();
  return [...PROVIDERS, ...FORMS, ...SHAPES_OF_ALGORITHMS].map(([what, build]) => ({ what, ...build(keys) }));
}
