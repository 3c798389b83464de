/** Demands on a text: the same at `kubectl apply` (CEL), in `parseSpec`, and for a text that was read from a Secret. */
import { matches } from "./formats.ts";

/** One demand, with the message for a text that does not meet it. */
export type Demand = {
  /** CEL over an expression that gives the text. */
  cel: (text: string) => string;
  /** The same for `parseSpec` and the plan. */
  holds: (text: string) => boolean;
  /** To be read after the field's path: "must …". Never quotes the text. */
  message: string;
};

export const NOT_EMPTY: Demand = {
  cel: (text) => `${text} != ''`,
  holds: (text) => text !== "",
  message: "must not be empty",
};

/** The text has this form. `of`: demanded only of texts like this, so that one mistake gives one message. */
export function hasForm({ of, form, message }: { of?: RegExp; form: RegExp; message: string }): Demand {
  return {
    cel: (text) => (of === undefined ? matches(text, form) : `!${matches(text, of)} || ${matches(text, form)}`),
    holds: (text) => (of !== undefined && !of.test(text)) || form.test(text),
    message,
  };
}

/** The text has nothing of this form: a mistake that deserves a sentence of its own. */
export function lacks({ form, message }: { form: RegExp; message: string }): Demand {
  return { cel: (text) => `!${matches(text, form)}`, holds: (text) => !form.test(text), message };
}

/** @returns the message of the first demand that the text does not meet, undefined when it meets them all */
export function problemOf(demands: readonly Demand[], text: string): string | undefined {
  return demands.find(({ holds }) => !holds(text))?.message;
}
