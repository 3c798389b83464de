import { verdict } from "./rows.ts";
import type { Bar, Row, Section } from "./rows.ts";

/** The widths make a line of 99 columns. */
const WHAT = 49;
const FIGURE = 10;
const RATIO = 7;
const BAR = 18;
const INDENT = 2;
const MARK = { reached: "✔", missed: "✘" } as const;

/** The table that a person reads. */
export function table(sections: readonly Section[]): string {
  const head = line("", "floor", "operator", "ratio", "to reach", "");
  return [head, ...sections.flatMap(({ title, rows }) => ["", title, ...rows.flatMap(rowLines)])].join("\n");
}

function rowLines(row: Row): string[] {
  const { what, unit, floor, operator, ratio, note } = row;
  const judged = verdict(row);
  const figures = line(
    `${what}, ${unit}`,
    floor === undefined ? "" : figure(floor),
    figure(operator),
    ratio === undefined ? "" : ratio.toFixed(2),
    row.bar ? barText(row.bar) : "",
    judged ? MARK[judged] : "",
  );
  return note === undefined ? [figures] : [figures, `${" ".repeat(2 * INDENT)}${note}`];
}

function line(what: string, floor: string, operator: string, ratio: string, bar: string, mark: string): string {
  const left = `${" ".repeat(INDENT)}${what}`.padEnd(WHAT);
  const figures = floor.padStart(FIGURE) + operator.padStart(FIGURE) + ratio.padStart(RATIO);
  return `${left}${figures}   ${bar.padEnd(BAR)}${mark}`.trimEnd();
}

/** Three digits are all that such a measurement is good for. */
function figure(value: number): string {
  if (Number.isNaN(value)) return "none";
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

function barText({ of, least, most }: Bar): string {
  // A count that cannot be less is either reached or missed.
  const isExact = least === most || (least === undefined && most === 0);
  const bound = isExact ? String(most) : least !== undefined ? `≥ ${least}` : `≤ ${most ?? ""}`;
  return of === "ratio" ? `ratio ${bound}` : bound;
}
