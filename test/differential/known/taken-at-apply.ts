/**
 * Strings that the schema takes, and whose form the check refuses: two grammars. The list is empty, since there is one grammar, at
 * apply and at check alike.
 */
export const TAKEN_AT_APPLY: readonly string[] = [];
