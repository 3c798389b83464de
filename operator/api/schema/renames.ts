/** The rules on `target.keys`: only published keys are renamed, and no two keys get the same name. */
import type { TypeDefinition, Variant } from "../types/define.ts";
import type { Rule } from "./rules.ts";
import type { Target } from "./target.ts";

/** A spec whose members may not fit its type yet: the rules about that run beside these. */
export type SpecFields = { type: string; target: Target; [member: string]: unknown };

/**
 * Rules on the whole spec, for the keys that these types publish. A new name must not be that of a published key, unless
 * that key is renamed as well, so that two keys can swap their names. `target.keys` itself has the rule that no two new
 * names are the same.
 */
export function renameRules(types: readonly TypeDefinition[]): Rule<SpecFields>[] {
  return types.flatMap((type) => type.variants.flatMap((variant) => rulesOf(type, variant)));
}

function rulesOf({ name, member }: TypeDefinition, variant: Variant<object>): Rule<SpecFields>[] {
  const { when, keys } = variant;
  const path = `self.${member}`;
  const isType = `self.type == '${name}'`;
  // CEL fails if it reads a member that is absent. Constant keys read none.
  const isPresent = when !== undefined || typeof keys.cel !== "string" ? [`has(${path})`] : [];
  const applies = [isType, ...isPresent, ...(when ? [when(path)] : [])].join(" && ");
  const keysCel = typeof keys.cel === "string" ? keys.cel : keys.cel(path);

  /** The keys that a spec of this type and variant publishes; undefined for any other spec. */
  const publishedBy = (self: SpecFields): ReadonlySet<string> | undefined => {
    const content = self[member] as object | undefined;
    return self.type === name && content !== undefined && variant.is(content) ? new Set(keys.of(content)) : undefined;
  };
  return [
    {
      cel: `!has(self.target.keys) || !(${applies}) || self.target.keys.all(key, key in ${keysCel})`,
      holds: (self) => {
        const known = publishedBy(self);
        return known === undefined || newNames(self).every(([key]) => known.has(key));
      },
      message: `must rename only published keys: ${keys.named}`,
      at: "target.keys",
    },
    {
      cel: `!has(self.target.keys) || !(${applies}) || self.target.keys.all(key, !(self.target.keys[key] in ${keysCel}) || self.target.keys[key] in self.target.keys)`,
      holds: (self) => {
        const known = publishedBy(self);
        const renamed = new Set(newNames(self).map(([key]) => key));
        return known === undefined || newNames(self).every(([, to]) => !known.has(to) || renamed.has(to));
      },
      message: `must not give a key the name of another published key: ${keys.named}`,
      at: "target.keys",
    },
  ];
}

function newNames({ target }: SpecFields): [string, string][] {
  return Object.entries(target.keys ?? {});
}
