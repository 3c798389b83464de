/** Any key-value secrets. */
import { isDataKey, isDataKeyCel } from "../../schema/formats.ts";
import { mapOf, structure, withRules } from "../../schema/rules.ts";
import { secretValue } from "../../secret-value.ts";

const dataSchema = withRules(
  mapOf(secretValue({ description: "One value of the Secret." }), { min: 1, max: 256 }).describe(
    "The Secret's content: 1 to 256 keys, each with its value. Keys that are names of environment variables work with envFrom.",
  ),
  [
    {
      cel: `self.all(key, ${isDataKeyCel("key")})`,
      holds: (data) => Object.keys(data).every(isDataKey),
      message:
        "must have only keys of at most 253 letters, digits, '-', '_' and '.', and none that is '.' or begins with '..'",
    },
  ],
);

export const customSchema = structure({ data: dataSchema }).describe("The key-value secrets of type Custom.");
