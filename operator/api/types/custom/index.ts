import { defineType } from "../define.ts";
import { customSchema } from "./schema.ts";

export const custom = defineType({
  name: "Custom",
  member: "custom",
  onePerNamespace: false,
  schema: customSchema,
  variants: [
    {
      is: () => true,
      when: undefined,
      keys: {
        of: ({ data }) => Object.keys(data),
        cel: (content) => `${content}.data`,
        named: "the keys of spec.custom.data",
      },
    },
  ],
  secretFields: ({ data }) =>
    Object.entries(data).map(([key, value]) => ({ path: `data[${key}]`, value, demands: [] })),
  data: ({ data }) => data,
  check: undefined,
  disabled: () => undefined,
});
