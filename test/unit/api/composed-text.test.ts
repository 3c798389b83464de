/** What a format with placeholders becomes, and which formats are refused. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";

import { compose } from "#api/composed-text";
import { parseSpec } from "#api/schema/spec";

const VALUES = new Map([
  ["user", "orders@eu"],
  ["password", "p:s/w?#[]%$& é"],
  ["hosts", "a:1,b:2"],
  ["empty", ""],
  ["dollar", "$(user) $$ $&"],
]);
const composed = (format: string) => compose(format, (name) => VALUES.get(name) ?? "?");
const PASSWORD = "p%3As%2Fw%3F%23%5B%5D%25%24%26%20%C3%A9";

const COMPOSED: [what: string, format: string, text: string][] = [
  ["a placeholder", "<$(user)>", "<orders@eu>"],
  ["one after the other", "$(user)$(user)", "orders@euorders@eu"],
  ["an escaped placeholder", "$$(user)", "$(user)"],
  ["an escaped dollar sign before a placeholder", "$$$(user)", "$orders@eu"],
  ["two escaped dollar signs", "$$$$(user)", "$$(user)"],
  ["a dollar sign that begins nothing", "$ 5$ $x$", "$ 5$ $x$"],
  ["what is inserted is not read again", "$(dollar)", "$(user) $$ $&"],
  ["nothing", "<$(empty)>", "<>"],
  [
    "the login of a MongoDB URI",
    "mongodb://$(user):$(password)@db:27017/",
    `mongodb://orders%40eu:${PASSWORD}@db:27017/`,
  ],
  ["the login of an SRV URI", "mongodb+srv://x$(user)@db", "mongodb+srv://xorders%40eu@db"],
  [
    "behind the login",
    "mongodb://$(user):x@$(hosts)/$(hosts)?a=$(user)",
    "mongodb://orders%40eu:x@a:1,b:2/a:1,b:2?a=orders@eu",
  ],
  ["a MongoDB URI without a login", "mongodb://$(hosts)/?a=x@$(user)", "mongodb://a:1,b:2/?a=x@orders@eu"],
  ["the login of another URI", "postgres://$(user):$(hosts)@db", "postgres://orders@eu:a:1,b:2@db"],
  ["a MongoDB URI that does not begin the text", "URI=mongodb://$(user)@db", "URI=mongodb://orders@eu@db"],
];
for (const [what, format, text] of COMPOSED) {
  test(`composed: ${what}`, () => {
    assert.is(composed(format), text);
  });
}

test("half of a surrogate pair in a login becomes the replacement character", () => {
  assert.is(
    compose("mongodb://$(a)@h", () => "\ud83d"),
    "mongodb://%EF%BF%BD@h",
  );
});

test("any text, its dollar signs escaped, is composed to itself", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.is(composed(text.replaceAll("$", () => "$$")), text);
    }),
  );
});

const MESSAGE = {
  placeholder:
    "spec.custom.data.A.format must have only placeholders $(NAME) whose NAME is in with; write $$( for the two characters $(",
  unused: "spec.custom.data.A.with must have only names that format uses, as $(NAME)",
  name: "spec.custom.data.A.with must have only names of letters, digits and '_' that do not begin with a digit",
  many: "spec.custom.data.A.format must have at most 64 placeholders",
  entries: "spec.custom.data.A.with must have at most 16 entries",
};
const value = { value: "x" };
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`);
const using = (names: string[]) => names.map((name) => `$(${name})`).join("");

const JUDGED: [what: string, format: string, names: string[], problems: string[]][] = [
  ["a used name", "$(a)", ["a"], []],
  ["a name that is used twice", "$(a)$(a)", ["a"], []],
  ["dollar signs that begin no placeholder", "$ $x $$ $$(b) $(a)$", ["a"], []],
  ["an unknown name", "$(a)$(b)", ["a"], [MESSAGE.placeholder]],
  ["an unused name", "$(a)", ["a", "b"], [MESSAGE.unused]],
  ["a name that is used only where it is escaped", "$(a)$$(b)", ["a", "b"], [MESSAGE.unused]],
  ["a name that only looks used", "b)$(a)", ["a", "b"], [MESSAGE.unused]],
  ["a placeholder without an end", "$(a)$(a", ["a"], [MESSAGE.placeholder]],
  ["a placeholder with a blank", "$( a)$(a)", ["a"], [MESSAGE.placeholder]],
  ["an empty placeholder", "$()$(a)", ["a"], [MESSAGE.placeholder]],
  ["a default, as shells have it", "$(a)$(a:-x)", ["a"], [MESSAGE.placeholder]],
  ["a name that begins with a digit", "$(1a)", ["1a"], [MESSAGE.name]],
  ["a name with a dash", "$(a-b)", ["a-b"], [MESSAGE.name]],
  ["a name that every object inherits", "$(toString)$(constructor)", ["toString", "constructor"], []],
  ["such a name without an entry", "$(a)$(toString)", ["a"], [MESSAGE.placeholder]],
  ["64 placeholders", "$(a)".repeat(64), ["a"], []],
  ["65 placeholders", "$(a)".repeat(65), ["a"], [MESSAGE.many]],
  ["16 names", using(numbered(16)), numbered(16), []],
  ["17 names", using(numbered(17)), numbered(17), [MESSAGE.entries]],
];
for (const [what, format, names, problems] of JUDGED) {
  test(`judged: ${what}`, () => {
    const given = { format, with: Object.fromEntries(names.map((name) => [name, value])) };
    const parsed = parseSpec({ type: "Custom", custom: { data: { A: given } } });
    assert.equal(parsed.ok ? [] : parsed.problems, problems);
  });
}

const SCHEME = "must begin with mongodb:// or mongodb+srv://";
const URIS: [format: string, problem: string | undefined][] = [
  ["mongodb://$(user):$(password)@db:27017/orders?replicaSet=rs0", undefined],
  ["mongodb://$(user):$(password)@$(hosts)/", undefined],
  ["mongodb://$(user):$(password)@db:$(hosts)/", undefined],
  ["mongodb://$(user):$(password)@db$(hosts)", undefined],
  ["$(user)://$(password)@db", SCHEME],
  ["postgres://$(user):$(password)@db", SCHEME],
  ["mongodb://$(user):$(password)@db/\n", "must not contain line breaks or tabs, not even at the end"],
  ["mongodb://$(user):$(password)@$(hosts)\n/", "must not contain line breaks or tabs, not even at the end"],
  [
    "mongodb://$(user):$(password)@",
    "must name its hosts, separated by commas: each a name or an IP address (IPv6 in brackets), with a port from 1 to 65535 if any",
  ],
  ["mongodb+srv://$(user):$(password)@db:27017", "must name exactly one host and no port after mongodb+srv://"],
];
for (const [format, problem] of URIS) {
  test(`a connection string is judged with its placeholders: ${JSON.stringify(format)}`, () => {
    const names = [...VALUES.keys()].filter((name) => format.includes(`$(${name})`));
    const mongodbUri = { format, with: Object.fromEntries(names.map((name) => [name, value])) };
    const parsed = parseSpec({ type: "Database", database: { name: "orders", mongodbUri } });
    assert.equal(
      parsed.ok ? [] : parsed.problems,
      problem === undefined ? [] : [`spec.database.mongodbUri.format ${problem}`],
    );
  });
}

test.run();
