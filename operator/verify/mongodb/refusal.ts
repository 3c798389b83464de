/** What the parser of connection strings says against one: a refusal, or doubts that leave it to the application. */
import { Reason } from "#api/status";

/** The options of a connection string: by documented name, decoded. Without those that no rule knows. */
export type Options = ReadonlyMap<string, string>;

/** What no driver, or no server, takes. `message` goes into a status: of the string it names option names at most. */
export type Refusal = { reason: Reason; message: string };

/** A refusal on its way out of the parser. Never leaves this folder. */
export class Refused extends Error {
  readonly refusal: Refusal;

  constructor(reason: Reason, message: string) {
    super(reason);
    this.refusal = { reason, message };
  }
}

export function badUri(message: string): Refused {
  return new Refused(Reason.RejectedURI, message);
}

/** `problem` begins with the option's name. */
export function badOption(problem: string): Refused {
  return new Refused(
    Reason.RejectedURIOption,
    `The connection string's option ${problem}. With it, the application would not work: correct the option, or leave it out.`,
  );
}

/**
 * How far a check goes. Login: all the way. Hello: it connects, and sends no login. Nothing: it does not even look names up,
 * because drivers do not agree whom the string leads to, or because the way is the application's own.
 */
export type Reach = "Login" | "Hello" | "Nothing";

export type Doubts = {
  /** What could not be checked. Sentences without a capital letter and a full stop. */
  readonly notes: readonly string[];
  readonly reach: Reach;
};

export type DoubtCollector = {
  add(note: string, reach?: Reach): void;
  doubts(): Doubts;
};

const REACHES: readonly Reach[] = ["Nothing", "Hello", "Login"];
/** A string may have thousands of options that nobody knows. */
const MAX_NOTES = 4;

export function collectDoubts(): DoubtCollector {
  const notes = new Set<string>();
  let reach: Reach = "Login";
  return {
    add(note, upTo = "Login") {
      if (notes.size <= MAX_NOTES) notes.add(note);
      if (REACHES.indexOf(upTo) < REACHES.indexOf(reach)) reach = upTo;
    },
    doubts: () => ({
      notes: [...notes].slice(0, MAX_NOTES).concat(notes.size > MAX_NOTES ? ["there is more of the kind"] : []),
      reach,
    }),
  };
}
