/**
 * Connection strings as clouds, charts, operators and tools print them, and as people get them wrong. Nothing in here says
 * what is right: the official drivers do, in test/differential.
 */
import type { UriCase } from "./case.ts";
import { CHARTS_AND_TOOLS } from "./charts.ts";
import { CLOUDS } from "./clouds.ts";
import { MISTAKES } from "./mistakes.ts";
import { OPTIONS } from "./options.ts";

export type { UriCase } from "./case.ts";

export const MONGODB_URIS: readonly UriCase[] = [...CLOUDS, ...CHARTS_AND_TOOLS, ...MISTAKES, ...OPTIONS];
