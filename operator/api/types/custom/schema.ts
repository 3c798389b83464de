/** Any key-value secrets. */
import { isDataKey, isDataKeyCel } from "../../schema/formats.ts";
import { mapOf, structure, withRules } from "../../schema/rules.ts";
import { secretValue } from "../../secret-value.ts";

const dataSchema = withRules(
  mapOf(secretValue({ description: "The value of this key." }), { min: 1, max: 256 }).describe(
    "The content of the Secret: 1 to 256 keys with their values. Keys that are valid names of environment variables work with envFrom.",
  ),
  [
    {
      cel: `self.all(key, ${isDataKeyCel("key")})`,
      holds: (data) => Object.keys(data).every(isDataKey),
      message:
        "must have only keys of at most 253 letters, digits, '-', '_' and '.', and no key that is '.' or begins with '..'",
    },
  ],
);

export const customSchema = structure({ data: dataSchema }).describe("The key-value secrets, for type Custom.");
