/**
 * What must be set before any other module runs: the other modules already grow the heap when they are loaded. Modules run in the
 * order of their imports, before the first line of the file that imports them. So main.ts imports this one first, for its effect;
 * calls in main.ts itself would come too late.
 */
import { limitHeapGrowth } from "./v8-flags.ts";

limitHeapGrowth();
