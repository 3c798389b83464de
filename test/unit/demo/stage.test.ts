import { test } from "uvu";
import * as assert from "uvu/assert";
import { createStage, DemoError, wrap } from "#demo/stage";
import type { Screen } from "#demo/stage";

const ENV = { PATH: process.env["PATH"] ?? "", GREETING: "hello" };

/** A stage on a screen that is not a terminal, and what it prints. */
function setUp({ columns }: { columns?: number } = {}) {
  let printed = "";
  const screen: Screen = {
    isTTY: false,
    ...(columns === undefined ? {} : { columns }),
    write: (text) => (printed += text),
  };
  const ended = new AbortController();
  return { stage: createStage(ENV, ended.signal, screen), ended, printed: () => printed };
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => new Error("it did not fail"),
    (error: unknown) => error as Error,
  );
}

test("what is printed as a command is what the shell runs, pipes and quotes included", async () => {
  const { stage, printed } = setUp();
  const answer = await stage.run(`echo "$GREETING  you" | tr a-z A-Z; exit 3`);
  assert.equal(answer, { code: 3, stdout: "HELLO  YOU\n", stderr: "" });
  assert.is(printed(), `$ echo "$GREETING  you" | tr a-z A-Z; exit 3\n    HELLO  YOU\n`);
});

test("a fact is tried until it holds, and counted", async () => {
  const { stage, printed } = setUp();
  let tries = 0;
  await stage.fact(
    () => `It took ${tries} tries.`,
    () => (tries += 1) === 3,
  );
  assert.is(printed(), "✔ It took 3 tries.\n");
  assert.is(stage.facts, 1);
});

test("a fact that does not come true is named, and not counted", async () => {
  const { stage, printed } = setUp();
  const error = await failure(stage.fact("The sky is green.", () => false, 10));
  assert.instance(error, DemoError);
  assert.is(error.message, "✘ The demo expected this, and it did not happen: The sky is green.");
  assert.is(printed(), "");
  assert.is(stage.facts, 0);
});

test("a means to the demo that fails ends it, with what the command said", async () => {
  const { stage } = setUp();
  const error = await failure(stage.quietly("echo oh no >&2; false"));
  assert.instance(error, DemoError);
  assert.is(error.message, "✘ echo oh no >&2; false\noh no");
});

test("after an interrupt nothing is printed and nothing is run", async () => {
  const { stage, ended, printed } = setUp();
  const waiting = failure(stage.fact("Never.", () => false));
  ended.abort();
  stage.say("something");
  assert.is((await failure(stage.run("echo something"))).name, "AbortError");
  assert.is((await waiting).name, "AbortError");
  assert.is(printed(), "");
});

test("a long message is broken between words, a table is not", async () => {
  const { stage, printed } = setUp({ columns: 24 });
  const table = "A TABLE   THAT IS RATHER WIDE";
  const message = "    a message that is\n    rather long\n";
  for (const [command, said] of [
    [`echo "${table}"; echo "${table}"`, `    ${table}\n    ${table}\n`],
    ["echo a message that is rather long", message],
    ["echo a message that is rather long >&2", message],
  ] as const) {
    const before = printed().length;
    await stage.run(command);
    assert.is(printed().slice(before), `$ ${command}\n${said}`);
  }
});

for (const [what, message, columns, lines] of [
  ["nothing", "", 10, [""]],
  ["a word that is longer than the line", "a verylongword b", 6, ["a", "verylongword", "b"]],
  ["a line that just fits", "ab cd", 5, ["ab cd"]],
  ["line breaks", "a b\n\nc", 10, ["a b", "", "c"]],
  ["a table", "  a b", 3, ["  a b"]],
] as const) {
  test(`wrapping ${what}`, () => assert.equal(wrap(message, columns).split("\n"), lines));
}

test.run();
