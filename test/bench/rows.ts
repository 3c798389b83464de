/** A row of the table, as it goes into the JSON too. */
export type Row = {
  /** Stable: a comparison of two runs looks rows up by it. */
  id: string;
  what: string;
  unit: string;
  /** What the floor reached, where there is one to compare with. */
  floor?: number;
  operator: number;
  /** operator ÷ floor, from the pairs of one run and not from the two figures beside it. */
  ratio?: number;
  bar?: Bar;
  /** What a person has to know to read the figure. */
  note?: string;
};

/**
 * What is to be reached. `of` tells which figure is meant. A time is shown beside its bar and judged by nobody: it tells as
 * much about the machine as about the operator.
 */
export type Bar = { of: "ratio" | "operator" | "time"; least?: number; most?: number };

/** Rows that belong together, under a heading that says how they were measured. */
export type Section = { title: string; rows: Row[] };

/** undefined: there is nothing to judge. */
export function verdict({ bar, ratio, operator }: Row): "reached" | "missed" | undefined {
  if (bar === undefined || bar.of === "time") return undefined;
  const figure = bar.of === "ratio" ? ratio : operator;
  if (figure === undefined || Number.isNaN(figure)) return "missed";
  return figure >= (bar.least ?? -Infinity) && figure <= (bar.most ?? Infinity) ? "reached" : "missed";
}
