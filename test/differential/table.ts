/**
 * The whole comparison as text: `node test/differential/table.ts [part of a name]`. One line a case: what real clients say,
 * what we say, and whether that agrees.
 */
import { MONGODB_URIS } from "../corpora/mongodb-uris/index.ts";
import { CLASSES } from "./agreement.ts";
import { ensurePython } from "./clients/python.ts";
import { compareKeySets } from "./compare-key-sets.ts";
import { compareUris } from "./compare-uris.ts";

const [filter = ""] = process.argv.slice(2);
const python = await ensurePython();
if ("missing" in python) console.error(python.missing);
const path = "path" in python ? python.path : undefined;
const uris = await compareUris(MONGODB_URIS, path);
const keySets = await compareKeySets(path);

for (const { what, ours, agrees, detail } of [...uris, ...keySets]) {
  if (what.includes(filter)) console.log(`${agrees ? "    " : "DIFF"} ${ours.padEnd(12)} ${what}\n         ${detail}`);
}
console.log("\nConnection strings           Yes  No  Unverifiable  agree");
for (const found of CLASSES)
  line(
    found,
    uris.filter((row) => row.class === found),
  );
console.log("\nKey sets                     Yes  No  Unverifiable  agree");
for (const found of ["all", "some", "none"])
  line(
    `${found} verify`,
    keySets.filter(({ verify }) => verify === found),
  );

function line(name: string, rows: readonly { ours: string; agrees: boolean }[]): void {
  const count = (says: string) => String(rows.filter(({ ours }) => ours === says).length);
  const agree = `${rows.filter(({ agrees }) => agrees).length} of ${rows.length}`;
  console.log(
    `${name.slice(0, 27).padEnd(27)} ${count("Yes").padStart(5)} ${count("No").padStart(3)} ${count("Unverifiable").padStart(13)}  ${agree}`,
  );
}
