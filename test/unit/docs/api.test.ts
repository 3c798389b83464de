/** docs/api.md has every field, every rule and every published key. That it is up to date: generated.test.ts. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TYPES } from "#api/types/index";
import type { StructuralSchema } from "#manifests/structural-schema";
import { validationsOf, version } from "../../../hack/generate/schema.ts";
import { read } from "./pages.ts";

const PAGE = read("docs/api.md");
const { spec, status } = version().schema.openAPIV3Schema.properties;

function* fields(node: StructuralSchema): Generator<[name: string, field: StructuralSchema]> {
  for (const [name, field] of Object.entries(node.properties ?? {})) {
    yield [name, field];
    yield* fields(field);
  }
  for (const inner of [node.items, node.additionalProperties]) if (inner) yield* fields(inner);
}
const ALL = [...fields(spec!), ...fields(status!)];

test("it has a row for every field, with its default, its bounds and what it means", () => {
  assert.ok(ALL.length > 70, `${ALL.length}`);
  for (const [name, field] of ALL) {
    const rows = PAGE.split("\n").filter((line) => line.startsWith(`| \`${name}\` |`));
    assert.ok(rows.length > 0, name);
    const { default: preset, maxLength, description = "" } = field as StructuralSchema & { maxLength?: number };
    const says = [
      description.replace(/ Default: \w+\.$/, ""),
      ...(typeof preset === "string" || typeof preset === "boolean" ? [`\`${JSON.stringify(preset)}\``] : []),
      ...(maxLength === undefined ? [] : [` ${maxLength} characters`]),
    ];
    assert.ok(
      rows.some((row) => says.every((part) => row.includes(part))),
      `${name}: ${says.join(" ")}`,
    );
  }
});

test("it has the message of every rule", () => {
  const messages = [spec!, ...ALL.map(([, field]) => field)].flatMap((node) =>
    [node, node.items, node.additionalProperties].flatMap((each) => (each ? validationsOf(each) : [])),
  );
  assert.ok(messages.length > 50, `${messages.length}`);
  for (const { message } of messages) assert.ok(PAGE.includes(`\` ${message}.\n`), message);
});

test("it has the published keys of every type and case", () => {
  const keys = TYPES.flatMap(({ variants }) => variants.map((variant) => variant.keys.named));
  assert.ok(keys.length >= 4);
  for (const named of keys) assert.ok(PAGE.replaceAll("`", "").includes(`| ${named} |`), named);
});

test.run();
