/** docs/troubleshooting.md has a row for every reason, and none for a reason that does not exist. */
import { globSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Reason } from "#api/status";
import { read } from "./pages.ts";

const PAGE = read("docs/troubleshooting.md");
const [REASONS = "", MESSAGES = ""] = PAGE.split("\n## What kubectl says\n");

function rows(text: string): string[][] {
  return [...text.matchAll(/^\| (`.*) \|$/gm)].map(([, row = ""]) => row.split(/(?<!\\)\|/).map((cell) => cell.trim()));
}

const names = rows(REASONS).map(([first = ""]) => first.replaceAll("`", ""));

/** Reasons that only Events have: each is written once, where the Event is made. */
const OF_EVENTS = ["Restored", "RestartFailed", "KeysRotated"];
/** Rows that are written before the code: a name leaves this list when `Reason` has it. */
const AHEAD: string[] = ["CannotBeChecked", "PublishedUnverified"].filter((name) => !(name in Reason));

test("it has one row for every reason, and every row is about a reason that exists", () => {
  assert.equal(names.toSorted(), [...Object.values(Reason), ...OF_EVENTS, ...AHEAD].toSorted());
});

test("the reasons of Events are those that the code writes", () => {
  const written = globSync("operator/{plan,controller}/**/*.ts").flatMap((file) =>
    [...read(file).matchAll(/reason: "(\w+)"/g)].map(([, reason = ""]) => reason),
  );
  assert.equal([...new Set(written)].toSorted(), OF_EVENTS.toSorted());
});

test("every row says what the reason means, and a reason that is a problem also what to do", () => {
  const fine = ["Accepted", "Verified", "NotRequired"];
  for (const row of rows(REASONS)) {
    const [name = "", means = "", , action = ""] = row;
    assert.is(row.length, 4, name);
    assert.match(means, /^[A-Z`].*\.$/, name);
    if (!fine.includes(name.replaceAll("`", ""))) assert.match(action, /^[A-Z]/, name);
  }
});

test("every message of kubectl has what it means and what to do", () => {
  assert.ok(rows(MESSAGES).length >= 10);
  for (const [message = "", means = "", action = "", ...more] of rows(MESSAGES)) {
    assert.match(message, /^`[^`]+`$/);
    for (const text of [means, action]) assert.match(text, /^.+\.$/, message);
    assert.equal(more, []);
  }
});

test.run();
